"""What a service takes over time, and whether that grows."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from statistics import median
from threading import Event, Thread
from types import TracebackType

from tests.running import RunningService

MEGA = 1e6
OWN = re.compile(r"^Pss_(?:Anon|Shmem): +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """What all processes of a service have together."""

    megabytes: float
    """PSS without pages of files: these are shared with whatever else runs on the machine, and so
    weigh less or more as other programs come and go."""
    descriptors: float
    threads: float


LIMITS = Usage(megabytes=1.0, descriptors=1.0, threads=0.5)
"""The most that may be added in a minute."""


def usage(service: RunningService) -> Usage:
    """Now."""
    kilobytes = descriptors = threads = 0
    for pid in service.processes():
        folder = Path(f"/proc/{pid}")
        with suppress(OSError):  # ended meanwhile
            kilobytes += sum(map(int, OWN.findall((folder / "smaps_rollup").read_text())))
            descriptors += len(list((folder / "fd").iterdir()))
            threads += len(list((folder / "task").iterdir()))
    return Usage(kilobytes * 1024 / MEGA, descriptors, threads)


class Watch:
    """Looks at a service every so many seconds while the context is open."""

    def __init__(self, service: RunningService, every: float = 1.0) -> None:
        self._service, self._every = service, every
        self._over = Event()
        self._thread = Thread(target=self._look)
        self.seen: list[tuple[float, Usage]] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(self._every):
            self.seen.append((time.monotonic(), usage(self._service)))

    def peak(self) -> float:
        """Megabytes."""
        return max(each.megabytes for _, each in self.seen)


def growth(seen: Sequence[tuple[float, Usage]]) -> Usage:
    """Added in a minute: the median of the slopes between all pairs of moments, which a few
    outliers do not move (Theil 1950, Sen 1968)."""
    thinned = seen[:: max(1, len(seen) // 300)]  # pairs grow with the square
    return Usage(
        *(
            60 * slope([(moment, getattr(each, field.name)) for moment, each in thinned])
            for field in fields(Usage)
        )
    )


def slope(points: Sequence[tuple[float, float]]) -> float:
    return median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))


def leaks(growth: Usage) -> list[str]:
    """What grows by more than it may."""
    return [
        field.name
        for field in fields(Usage)
        if getattr(growth, field.name) > getattr(LIMITS, field.name)
    ]
