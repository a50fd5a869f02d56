"""The results of all experiments as a table in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.load import Tally

HEADER = ["experiment", "sent", "ok", "refused", "other", "lost", "measured", "held"]


@dataclass
class Row:
    """What one experiment found; filled in while it runs."""

    experiment: str
    tallies: list[Tally] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    held: bool = False

    def cells(self) -> list[str]:
        """As HEADER says; other are answers that are neither good nor a refusal."""
        sent = sum(each.sent - each.crossed for each in self.tallies)
        ok = sum(each.answered("ok") for each in self.tallies)
        refused = sum(each.refused() for each in self.tallies)
        other = sum(each.answered() for each in self.tallies) - ok - refused
        lost = sum(len(each.lost) + each.late for each in self.tallies)
        counts = [f"{count:,}" for count in (sent, ok, refused, other, lost)]
        return [
            self.experiment,
            *(counts if self.tallies else ["-"] * len(counts)),
            "; ".join(self.measured),
            "yes" if self.held else "NO",
        ]


def as_markdown(rows: list[Row]) -> str:
    """Aligned columns, which read well on a terminal, too."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    rule = ["-" * width for width in widths]
    return "".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |\n"
        for line in (lines[0], rule, *lines[1:])
    )
