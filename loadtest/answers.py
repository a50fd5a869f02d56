"""What is wrong with an answer, if anything: its form, by the HTTP contract, and its content."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from loadtest.inputs import Picture, Review

ROUNDING = 1e-5  # of a sum of ten probabilities with six decimals

REFUSALS = ("overloaded", "not_ready", "draining")


class Wrong(Exception):
    """An answer that a client could not work with; the message says what is wrong with it."""


class Judge:
    """Judges the answers of one service.

    It remembers the first answer to every input, since the service promises the same
    probabilities, to the last bit, whatever else it answers at the time. What real data shows is
    not always what the model says: such answers are judged by form and sameness, and counted.
    """

    def __init__(self) -> None:
        self.real: Counter[tuple[str, bool]] = Counter()
        """Answers to real data by kind of data and whether the label was right."""
        self._first: dict[tuple[Picture | Review, str], list[float]] = {}

    def one(self, body: str, sent: Picture | Review) -> None:
        """Raises Wrong unless `body` is a right answer to `sent`."""
        self._check(_parse(body), sent)

    def many(self, body: str, sent: Sequence[Picture | Review]) -> None:
        """Raises Wrong unless `body` has a right answer to each of `sent`, in order."""
        results = _parse(body).get("results")
        _demand(isinstance(results, list) and len(results) == len(sent), "not one result for each")
        for answer, each in zip(results or [], sent, strict=True):
            _demand(isinstance(answer, dict) and "error" not in answer, "an entry is an error")
            self._check(answer, each)

    def _check(self, answer: dict[str, Any], sent: Picture | Review) -> None:
        try:
            probabilities = (_digit if isinstance(sent, Picture) else _mood)(answer)
            model = answer["model"]
            _demand(isinstance(model, str), "model is no text")
            _demand((answer["reason"] is None) == (answer["abstained"] is False), "reason unfit")
        except (LookupError, TypeError) as error:
            raise Wrong(f"a field is missing or of another type: {error}") from error
        if sent.real:
            data = "MNIST" if isinstance(sent, Picture) else "IMDB"
            self.real[data, answer["label"] == sent.label] += 1
        else:
            _demand(answer["abstained"] is False, f"abstained on {sent.label}")
            _demand(answer["label"] == sent.label, f"{sent.label} was taken for {answer['label']}")
            _demand(answer.get("truncated") is not True, "the text was not read whole")
        first = self._first.setdefault((sent, model), probabilities)
        _demand(probabilities == first, "the same input got another answer before")


def refusal_seconds(body: str, retry_after: str | None) -> int:
    """After how long a refused client may come again; raises Wrong unless `body` and the header
    Retry-After make a proper refusal."""
    problem = _parse(body)
    _demand(problem.get("code") in REFUSALS, f"503 with code {problem.get('code')}")
    _demand(retry_after is not None and retry_after.isdecimal(), "503 without Retry-After")
    seconds, exact_ms = int(retry_after or 0), problem.get("retry_after_ms")
    _demand(
        isinstance(exact_ms, int) and math.ceil(exact_ms / 1000) == seconds,
        "Retry-After and retry_after_ms differ",
    )
    return seconds


def _parse(body: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Wrong("not JSON") from error
    _demand(isinstance(value, dict), "no JSON object")
    return dict(value)


def _digit(answer: dict[str, Any]) -> list[float]:
    probabilities, score = answer["probabilities"], answer["digit_score"]
    _demand(len(probabilities) == 10, "not ten probabilities")
    _demand(score is None or 0 <= score <= 1, "digit_score out of range")
    _check_distribution(answer, probabilities, probabilities[answer["label"]])
    return list(probabilities)


def _mood(answer: dict[str, Any]) -> list[float]:
    moods = answer["probabilities"]
    _demand(set(moods) == {"negative", "positive"}, "not two probabilities")
    _demand(0 <= answer["unknown_fraction"] <= 1, "unknown_fraction out of range")
    _demand(answer["tokens"] > 0, "no word of the text was read")
    _demand(isinstance(answer["truncated"], bool), "truncated is not true or false")
    probabilities = [moods["negative"], moods["positive"]]
    _check_distribution(answer, probabilities, moods[answer["label"]])
    return probabilities


def _check_distribution(answer: dict[str, Any], probabilities: list[float], chosen: float) -> None:
    _demand(all(0 <= each <= 1 for each in probabilities), "a probability out of range")
    _demand(abs(sum(probabilities) - 1) <= ROUNDING, "probabilities do not sum to 1")
    _demand(answer["confidence"] == chosen == max(probabilities), "confidence is not the label's")


def _demand(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        raise Wrong(otherwise)
