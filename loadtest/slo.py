"""What is asked of the service (slo.toml), and whether a run has kept it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loadtest.timeline import Cell, percentile

DEFAULT = Path(__file__).with_name("slo.toml")

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(gt=0)]


class UnreadableSlo(Exception):
    """The file is none, or says what it must not; the message names file and line of sense."""


class Limits(BaseModel):
    """The most that is allowed of each; None where nothing is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p50_ms: Milliseconds | None = None
    p95_ms: Milliseconds | None = None
    p99_ms: Milliseconds | None = None
    wrong_share: Share | None = None
    failed_share: Share | None = None
    refused_share: Share | None = None


class Slo(BaseModel):
    """The limits of every kind of request, and by kind where they differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Limits = Limits()
    kind: dict[str, Limits] = {}

    def of(self, kind: str) -> Limits:
        special = self.kind.get(kind, Limits()).model_dump(exclude_unset=True)
        return self.every.model_copy(update=special)


@dataclass(frozen=True)
class Verdict:
    """One line of the SLO and what was measured. `measured` is None where nothing was answered."""

    kind: str
    what: str
    asked: float
    measured: float | None
    kept: bool

    def __str__(self) -> str:
        word = "kept" if self.kept else "BROKEN"
        return f"{word}: {self.kind}, {self.title}: {self.limit} asked, {self.found} measured"

    @property
    def title(self) -> str:
        return self.what.removesuffix("_ms").replace("_", " ")

    @property
    def limit(self) -> str:
        side = "at least" if self.what == "answered" else "at most"
        return f"{side} {self._show(self.asked)}"

    @property
    def found(self) -> str:
        return "no answer" if self.measured is None else self._show(self.measured)

    def _show(self, value: float) -> str:
        if self.what.endswith("_ms"):
            return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"
        return f"{value:.2%}".replace(".00%", "%") if self.what.endswith("_share") else f"{value:g}"


def read_slo(path: Path, kinds: tuple[str, ...]) -> Slo:
    """Raises UnreadableSlo, also where it names another kind than these."""
    try:
        slo = Slo.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UnreadableSlo(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        lines = [
            f"{' > '.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors(include_url=False)
        ]
        raise UnreadableSlo(f"{path}: {'; '.join(lines)}") from error
    except ValueError as error:
        raise UnreadableSlo(f"{path}: not TOML: {error}") from error
    if unknown := sorted(set(slo.kind) - set(kinds)):
        raise UnreadableSlo(
            f"{path}: no such kind of request: {', '.join(unknown)}; there are {', '.join(kinds)}"
        )
    return slo


def judge(slo: Slo, kinds: Mapping[str, Cell]) -> list[Verdict]:
    """One verdict for each line of the SLO and each kind that was asked; broken as well where no
    request at all was answered."""
    answered = sum(cell.answered + cell.wrong for cell in kinds.values())
    verdicts = [] if answered else [Verdict("all requests", "answered", 1, 0, False)]
    for kind, cell in kinds.items():
        for what, asked in slo.of(kind).model_dump(exclude_none=True).items():
            if what.endswith("_share"):
                measured: float | None = getattr(cell, what.removesuffix("_share")) / cell.total
            else:
                measured = percentile(cell.times, float(what[1:].removesuffix("_ms")))
            # Where nothing was answered, the shares say why.
            verdicts.append(
                Verdict(kind, what, asked, measured, measured is None or measured <= asked)
            )
    return verdicts
