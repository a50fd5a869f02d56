"""Drives a server at a given rate, as a program on a core of its own: python -m ...arrivals."""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from loadtest.bench.traffic import read_requests, with_deadline
from loadtest.open_loop import OpenLoop, Record
from loadtest.processes import output

REFUSALS = (429, 503)
GRACE = 0.05  # seconds after its deadline by which an accepted request is answered
COMMAND = [sys.executable, "-m", "loadtest.bench.arrivals"]


@dataclass(frozen=True)
class Order:
    """Requests of `file` at `rate` a second, as a Poisson process, for so many seconds, of which
    the first `warm` are not counted. `deadline_ms` is sent along unless it is 0."""

    url: str
    file: str
    rate: float
    seconds: float
    warm: float = 0.5
    deadline_ms: int = 0
    seed: int = 1
    patience: float = 3.0  # seconds for the last answers


@dataclass(frozen=True)
class Open:
    """What was measured, of requests due in the time that counts.

    `offered` requests a second were really sent. `goodput` are good answers a second that came
    within the deadline, if there is one. Accepted is what was not refused: `late` of it came, or
    never came, GRACE after the deadline; `worst_ms` is the longest that any of it has waited, as
    long as it was waited for. Where nothing is to be counted, a time is None.
    """

    offered: float
    lag_p99_ms: float | None  # from when requests were due until they were sent
    statuses: dict[str, int]
    goodput: float
    ok_p50_ms: float | None  # without an answer: the time that it was waited for
    ok_p95_ms: float | None
    ok_p99_ms: float | None
    refused_p99_ms: float | None
    accepted: int
    late: int
    worst_ms: float | None
    broken: int
    unanswered: int
    connections: int
    exhausted: int


def drive(order: Order, core: int) -> Open:
    """Runs this module on `core`; raises Broken where it fails."""
    return Open(**json.loads(output([*COMMAND, json.dumps(asdict(order))], [core])))


def main() -> None:
    """The order as JSON on the command line; prints what was measured as JSON."""
    order = Order(**json.loads(sys.argv[1]))
    requests = read_requests(
        Path(order.file),
        lambda request: with_deadline(request, order.deadline_ms) if order.deadline_ms else request,
    )
    chance = np.random.default_rng(order.seed)
    gaps = chance.exponential(1 / order.rate, size=int(1.2 * order.rate * order.seconds) + 100)
    due = np.cumsum(gaps)
    start = chance.integers(len(requests))
    loop = OpenLoop(address(order.url), [*requests[start:], *requests[:start]])
    gc.disable()  # a pause of the collector would count as the server's
    record = loop.run(due[due < order.seconds].tolist(), patience=order.patience)
    print(json.dumps(asdict(summarise(record, order))))


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def summarise(record: Record, order: Order) -> Open:
    """What counts of a record."""
    window = order.seconds - order.warm
    sent = [(due, at) for due, at in record.sent if due >= order.warm]
    deadline = order.deadline_ms / 1000 or np.inf
    waiting = [record.seconds - due for due in record.unanswered if due >= order.warm]
    counted = [answer for answer in record.answers if answer[0] >= order.warm]
    ok = [answered - due for due, answered, status in counted if status == 200] + waiting
    refused = [answered - due for due, answered, status in counted if status in REFUSALS]
    accepted = [answered - due for due, answered, status in counted if status not in REFUSALS]
    accepted += waiting
    in_time = [
        answered
        for due, answered, status in record.answers
        if status == 200 and answered - due <= deadline and order.warm <= answered < order.seconds
    ]
    return Open(
        offered=sum(at < order.seconds for _, at in sent) / window,
        lag_p99_ms=_percentile([at - due for due, at in sent], 99),
        statuses={str(status): n for status, n in Counter(s for _, _, s in counted).items()},
        goodput=len(in_time) / window,
        ok_p50_ms=_percentile(ok, 50),
        ok_p95_ms=_percentile(ok, 95),
        ok_p99_ms=_percentile(ok, 99),
        refused_p99_ms=_percentile(refused, 99),
        accepted=len(accepted) + record.broken,
        late=sum(each > deadline + GRACE for each in accepted) + record.broken,
        worst_ms=_percentile(accepted, 100),
        broken=record.broken,
        unanswered=len(record.unanswered),
        connections=record.connections,
        exhausted=record.exhausted,
    )


def _percentile(seconds: list[float], percent: float) -> float | None:
    """In milliseconds; of none, None."""
    return 1000 * float(np.percentile(seconds, percent)) if seconds else None


if __name__ == "__main__":
    main()
