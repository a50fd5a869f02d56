"""What the service has counted, also where it is no more."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from tests.faults.load import Tally
from tests.running import RunningService, eventually
from tests.test_supervisor import counters


class Ledger:
    """Keeps the files with the numbers of all workers by links of its own, since they are removed
    when the service ends."""

    def __init__(self, service: RunningService, kept: Path) -> None:
        """To be made while the service runs."""
        self._folder, self._kept = counters(service), kept

    def requests(self) -> Counter[tuple[str, str]]:
        """Requests answered so far, by route and outcome, of all workers that ever were."""
        return Counter(
            {
                (sample.labels["route"], sample.labels["outcome"]): int(sample.value)
                for sample in self._samples()
                if sample.name == "moodigit_requests_total"
            }
        )

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples with these labels; `name` without moodigit_."""
        return sum(
            sample.value
            for sample in self._samples()
            if sample.name == f"moodigit_{name}" and labels.items() <= sample.labels.items()
        )

    def keep(self) -> None:
        """What there is, by links; to be called before the service is told to end."""
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(
                lock, fcntl.LOCK_SH
            )  # else files of ended workers may be added up meanwhile
            for file in self._kept.iterdir():
                file.unlink()
            for file in self._folder.glob("*.db"):
                with suppress(FileNotFoundError):  # gauges go with their worker at any time
                    os.link(file, self._kept / file.name)

    def answered(self) -> int:
        """Predictions, with whatever outcome."""
        return sum(self._predictions().values())

    def agrees_with(self, *tallies: Tally) -> None:
        """What was accepted has been answered or is counted by why it was not: what clients were
        told is what the service has counted."""
        told: Counter[tuple[str, str]] = Counter()
        for tally in tallies:
            told += tally.answers
        # A request is counted a moment after its answer is on its way.
        assert eventually(lambda: self._predictions() == told)

    def _predictions(self) -> Counter[tuple[str, str]]:
        routes = ("/digits", "/sentiment")
        return Counter({key: n for key, n in self.requests().items() if key[0].startswith(routes)})

    def _samples(self) -> list[Sample]:
        if self._folder.exists():
            self.keep()
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._kept))  # type: ignore[no-untyped-call]
        return [sample for family in registry.collect() for sample in family.samples]


def ends_well(service: RunningService) -> bool:
    """Told to end, it does so with 0, and has never said that something failed in it."""
    status, written = service.stop()
    return status == 0 and "Traceback" not in written
