"""What the service says of itself and what it takes, looked at once a second."""

from __future__ import annotations

import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from loadtest.processes import Server, descendants
from loadtest.running import authorization

EVERY = 1.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """`at` is a Unix time in seconds; None where it could not be had, as for a service elsewhere.

    Counters are since the start of the service, processor time is in seconds and memory (PSS) in
    bytes, of all its processes.
    """

    at: float
    queue_rows: float | None = None
    batches: float | None = None  # runs of models, and the rows in them
    batch_rows: float | None = None
    service_cpu: float | None = None
    service_memory: int | None = None
    generator_cpu: float | None = None


@contextmanager
def watching(url: str, service: int | None, generator: int | None) -> Iterator[list[Sample]]:
    """A list that grows by a sample a second. `service` and `generator` are process ids."""
    samples: list[Sample] = []
    ended = threading.Event()

    def look() -> None:
        while True:
            samples.append(sample(url, service, generator))
            if ended.wait(EVERY):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def sample(url: str, service: int | None, generator: int | None) -> Sample:
    rows, batches, batch_rows = _metrics(url)
    memory = Server(url, service).memory() if service else []
    return Sample(
        at=time.time(),
        queue_rows=rows,
        batches=batches,
        batch_rows=batch_rows,
        service_cpu=cpu_seconds(service) if service else None,
        service_memory=sum(pss for _, pss in memory) if memory else None,
        generator_cpu=cpu_seconds(generator) if generator else None,
    )


def cpu_seconds(process: int) -> float | None:
    """Of it and its living descendants, since they started; None where it is gone."""
    total, found = 0, False
    for each in [process, *descendants(process)]:
        with suppress(OSError):
            stat = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += int(stat[11]) + int(stat[12])  # utime and stime
            found = True
    return total / TICKS if found else None


def _metrics(url: str) -> tuple[float | None, float | None, float | None]:
    """Rows in all queues; runs of models and the rows in them."""
    try:
        request = urllib.request.Request(f"{url}/metrics", headers=authorization())  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            text = response.read().decode()
    except OSError:  # busy, gone, or the key may not
        return None, None, None
    totals = {"queue_rows": 0.0, "batch_rows_count": 0.0, "batch_rows_sum": 0.0}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            name = each.name.removeprefix("moodigit_")
            if name in totals and (name == "queue_rows" or each.labels.get("stage") == "infer"):
                totals[name] += each.value
    return totals["queue_rows"], totals["batch_rows_count"], totals["batch_rows_sum"]
