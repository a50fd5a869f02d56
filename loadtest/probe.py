"""Asks a service at a given rate, as a program on a core of its own: python -m loadtest.probe."""

from __future__ import annotations

import gc
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from loadtest.answers import Judge, Wrong
from loadtest.bench.arrivals import REFUSALS, address
from loadtest.kinds import KINDS, MAKERS, Asked
from loadtest.open_loop import OpenLoop, Record
from loadtest.processes import output
from loadtest.shapes import due_times
from loadtest.timeline import Timeline, bucket

COMMAND = [sys.executable, "-m", "loadtest.probe"]
DISTINCT = 500  # requests that are sent over and over


@dataclass(frozen=True)
class Order:
    """Requests at `rate` a second, as a Poisson process, for so many seconds, of which the first
    `warm` are not counted. `shares` say how often each of KINDS comes."""

    url: str
    shares: Sequence[int]
    rate: float
    seconds: float
    warm: float = 1.0
    seed: int = 1
    patience: float = 3.0  # seconds for the last answers


def drive(order: Order, cores: Sequence[int]) -> Timeline:
    """Runs this module on these cores; raises Broken where it fails."""
    printed = output([*COMMAND, json.dumps(asdict(order))], cores)
    return Timeline.model_validate_json(printed)


def main() -> None:
    """The order as JSON on the command line; prints the timeline as JSON."""
    order = Order(**json.loads(sys.argv[1]))
    chance = random.Random(order.seed)
    asked = mixture(order.shares, chance)
    due = list(due_times(lambda second: order.rate if second < order.seconds else None, chance))
    host = "{}:{}".format(*address(order.url))
    loop = OpenLoop(address(order.url), [on_the_wire(each, host) for each in asked], keep=True)
    gc.disable()  # a pause of the collector would count as the server's
    record = loop.run(due, patience=order.patience)
    print(counted(record, due, asked, order).model_dump_json())


def mixture(shares: Sequence[int], chance: random.Random) -> list[Asked]:
    """Requests in exactly these shares, so that no probe is harder than another."""
    kinds = [kind for kind, share in zip(KINDS, shares, strict=True) for _ in range(share)]
    found: list[Asked] = []
    while len(found) < DISTINCT:
        chance.shuffle(kinds)
        found += [MAKERS[kind](kind, chance) for kind in kinds]
    return found


def on_the_wire(asked: Asked, host: str) -> bytes:
    head = f"POST {asked.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {asked.content_type}\r\n"
    return f"{head}Content-Length: {len(asked.body)}\r\n\r\n".encode() + asked.body


def counted(record: Record, due: Sequence[float], asked: Sequence[Asked], order: Order) -> Timeline:
    """What became of the requests that count, in the second when each was due. One that was never
    answered has failed."""
    timeline, judge = Timeline(), Judge()
    number = {at: position for position, at in enumerate(due)}
    open_ = {at for at in due if at >= order.warm}
    for (at, answered, status), body in zip(record.answers, record.bodies, strict=True):
        if at not in open_:
            continue
        open_.remove(at)
        one = asked[number[at] % len(asked)]
        milliseconds = (answered - at) * 1000
        if status == 200:
            try:
                one.check(body.decode(errors="replace"), judge)
                timeline.add(int(at), one.kind, "answered", milliseconds)
            except Wrong as wrong:
                timeline.add(int(at), one.kind, "wrong", milliseconds)
                timeline.failures[f"{one.kind}: {wrong}"] += 1
        else:
            refused = status in REFUSALS
            timeline.add(int(at), one.kind, "refused" if refused else "failed", milliseconds)
            if not refused:
                timeline.failures[f"{one.kind}: status {status}"] += 1
    for at in open_:
        kind = asked[number[at] % len(asked)].kind
        timeline.add(int(at), kind, "failed", (record.seconds - at) * 1000)
        timeline.failures[f"{kind}: no answer"] += 1
    timeline.lag.update(bucket((sent - at) * 1000) for at, sent in record.sent if at >= order.warm)
    return timeline


if __name__ == "__main__":
    main()
