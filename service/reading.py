"""A number of several digits: picture -> lines -> rows of one run -> the likeliest digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.contract.decoding import read_picture
from service.contract.image import DigitImage
from service.contract.lines import Line, find_lines
from service.digits import Digits
from service.schemas import NumberAnswer, ReadDigit

LEFT_OUT = 4.0
"""What it costs to read nothing from the ink of one digit, where to read a digit costs the negative
logarithm of how likely that is."""


def split(upload: bytes) -> tuple[list[Line], list[DigitImage]]:
    """The lines of a picture, and all that may be a digit on them, which the model is to see.

    Raises Invalid, UnsupportedMediaType, TooLarge or CannotDecode.
    """
    lines = find_lines(read_picture(upload))
    return lines, [candidate.digit for line in lines for candidate in line.candidates]


def merge(task: Digits, lines: Sequence[Line], logits: Sequence[list[float]]) -> NumberAnswer:
    """The likeliest digits of each line, out of the logits (n, 10) of all candidates in order.

    What is clearly no digit is left out; what only may be one is there, and abstained from.
    """
    costs = reading_costs(logits)
    texts: list[str] = []
    digits: list[ReadDigit] = []
    first = 0
    for line in lines:
        after = first + len(line.candidates)
        read = [
            _read_digit(task, logits[first + number], line.candidates[number].digit)
            for number in likeliest(line, costs[first:after])
        ]
        if read:
            texts.append("".join(str(digit["label"]) for digit in read))
        digits += read
        first = after
    return {"text": "\n".join(texts), "digits": digits, "model": task.name}


def reading_costs(logits: Sequence[list[float]]) -> list[float]:
    """The negative logarithm of how likely each is a digit and the one that it looks like most,
    where an eleventh logit of 0 stands for no digit."""
    if not logits:
        return []
    rows = np.array(logits)
    costs: list[float] = (np.logaddexp(0, np.logaddexp.reduce(rows, axis=1)) - rows.max(1)).tolist()
    return costs


def likeliest(line: Line, costs: Sequence[float]) -> list[int]:
    """Which candidates of a line are its digits, left to right: those that, with what is left out,
    cost least together. `costs` are those of the candidates.

    The shortest path through a segmentation graph, after Y. LeCun et al., Gradient-based learning
    applied to document recognition (1998).
    """
    ending: list[list[int]] = [[] for _ in range(len(line.inks) + 1)]
    for number, candidate in enumerate(line.candidates):
        ending[candidate.end].append(number)
    least = [0.0]
    last: list[int | None] = [None]
    for end, ink in enumerate(line.inks, 1):
        least.append(least[-1] + LEFT_OUT * min(ink, 1.0))
        last.append(None)
        for number in ending[end]:
            cost = least[line.candidates[number].start] + costs[number]
            if cost < least[end]:
                least[end], last[end] = cost, number
    found: list[int] = []
    end = len(line.inks)
    while end:
        if (number_read := last[end]) is None:
            end -= 1
        else:
            found.append(number_read)
            end = line.candidates[number_read].start
    return found[::-1]


def _read_digit(task: Digits, logits: list[float], digit: DigitImage) -> ReadDigit:
    assert digit.box is not None  # noqa: S101 - a candidate has ink
    answer = task.postprocess(logits, digit)
    return {
        "label": answer["label"],
        "confidence": answer["confidence"],
        "probabilities": answer["probabilities"],
        "abstained": answer["abstained"],
        "reason": answer["reason"],
        "box": digit.box,
    }
