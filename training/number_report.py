"""How well numbers of several digits are read, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass

from training.asking import Reply
from training.scores import wilson_interval
from training.table import as_table, percent

HEADER = ["", "pictures", "digits", "right", "whole", "95% interval"]


@dataclass
class _Row:
    pictures: int = 0
    digits: int = 0
    wrong: int = 0  # digits missed, made up, or taken for another
    whole: int = 0  # pictures without any


class NumberReport:
    """What became of every picture; one that was refused counts as read without any digit."""

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}

    def add(self, kind: str, text: str, reply: Reply) -> None:
        """A picture of a kind, what stands on it (newlines between lines), and the reply to it."""
        read = str(reply.content["text"]) if reply.status == 200 else ""
        for name in (kind, "all"):
            row = self._rows.setdefault(name, _Row())
            row.pictures += 1
            row.digits += sum(map(str.isdigit, text))
            row.wrong += edits(text, read)
            row.whole += read == text

    def as_text(self) -> str:
        """A table: the share of digits right, and of pictures that are right as a whole."""
        kinds = [name for name in self._rows if name != "all"]
        return as_table(HEADER, [_cells(name, self._rows[name]) for name in [*kinds, "all"]])


def edits(first: str, second: str) -> int:
    """Characters to put in, take out or exchange until one is the other (V. Levenshtein, 1966)."""
    before = list(range(len(second) + 1))
    for i, one in enumerate(first, 1):
        here = [i]
        for j, other in enumerate(second, 1):
            here.append(min(before[j] + 1, here[-1] + 1, before[j - 1] + (one != other)))
        before = here
    return before[-1]


def _cells(name: str, row: _Row) -> list[str]:
    low, high = wilson_interval(row.whole, row.pictures)
    return [
        name,
        f"{row.pictures:,}",
        f"{row.digits:,}",
        percent(max(0.0, 1 - row.wrong / row.digits)),
        percent(row.whole / row.pictures, 1),
        f"{percent(low, 1)} to {percent(high, 1)}",
    ]
