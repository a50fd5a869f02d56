"""What was measured, as it is kept in bench.json and shown in the table and the picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """What a figure must reach. `of` says which: ours, or ours by that of the reference."""

    value: float
    bound: Literal["at least", "at most"]
    of: Literal["ours", "ratio"] = "ours"

    def met_by(self, figure: float) -> bool:
        return figure >= self.value if self.bound == "at least" else figure <= self.value


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of each round, for both services or for ours alone.

    Ratios are of the two figures of one round, which were taken one right after the other.
    `unit` is one of /s, tokens/s, ms, s, MB, x, % or empty for a count; shares are kept as 0 to 1.
    """

    part: str
    figure: str
    unit: str
    ours: list[float]
    reference: list[float] = field(default_factory=list)
    target: Target | None = None

    @property
    def ratios(self) -> list[float]:
        """Empty where there is nothing to compare with; shares and counts are no matter of it."""
        if self.unit in ("%", "") or not self.reference or not all(self.reference):
            return []
        return [a / b for a, b in zip(self.ours, self.reference, strict=False)]

    @property
    def judged(self) -> list[float]:
        """What the target speaks of."""
        return self.ratios if self.target and self.target.of == "ratio" else self.ours

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target; None where there is none to reach."""
        if self.target is None or not self.judged:
            return None
        return self.target.met_by(median(self.judged))


@dataclass
class Results:
    """A whole run. `raw` holds every single measure, `about` the machine and the options."""

    about: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    raw: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """What `save` wrote."""
        kept = json.loads(path.read_bytes())
        rows = []
        for row in kept.pop("rows"):
            target = row.pop("target")
            rows.append(Row(**row, target=Target(**target) if target else None))
        return cls(rows=rows, **kept)
