"""Figures as a table for people, in Markdown, which reads well on a terminal, too."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "-"  # a figure that there is not
WIDTH = 100  # characters of a text that are shown


def as_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(2, *map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def percent(share: float | None, digits: int = 2) -> str:
    """A share as a person reads it."""
    return NOTHING if share is None else f"{share:.{digits}%}"


def one_line(text: str) -> str:
    """A text as a terminal shows it safely: without line breaks, control characters and marks of
    direction, and cut where it is longer than WIDTH."""
    whole = "".join(filter(str.isprintable, " ".join(text.split())))
    return whole if len(whole) <= WIDTH else f"{whole[: WIDTH - 1]}…"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cells[0].ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"
