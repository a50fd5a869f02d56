"""The highest arrival rate that keeps the SLO: python -m loadtest.capacity [--help]."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NoReturn

from loadtest.kinds import KINDS, SCENARIOS
from loadtest.probe import Order, drive
from loadtest.processes import OURS, Broken, serving
from loadtest.report import BEHIND_MS
from loadtest.slo import DEFAULT, Slo, UnreadableSlo, judge, read_slo
from loadtest.timeline import Timeline, percentile

# How often each of KINDS comes.
ENDPOINTS = {
    "digits": (1, 0, 0, 0, 0, 0),
    "sentiment": (0, 0, 0, 2, 1, 0),
    "mixed": SCENARIOS["MixedDay"],
}
TRIES = 2  # since one stall of the machine must not decide
FIRST_RATE = 50.0  # requests a second
PRECISION = 0.05  # of the rate that is found
LEAST_RATE = 1.0
DAY = 86_400


@dataclass(frozen=True)
class Capacity:
    """`rate` is the highest that was kept, 0 if none was; `cores` are those of the service."""

    workers: int
    cores: int
    rate: float
    shared: bool  # whether the generator took part of those cores

    @property
    def each_day(self) -> float:
        """Requests that one core serves a day."""
        return self.rate / self.cores * DAY


def highest(keeps: Callable[[float], bool], first: float, precision: float = PRECISION) -> float:
    """The highest rate that `keeps`, within `precision` of it, below what it breaks at; 0 where
    even LEAST_RATE breaks.

    Doubles or halves `first` until there is a rate on either side, and halves the gap between.
    """
    low, high = 0.0, first
    while keeps(high):
        low, high = high, 2 * high
    while not low:
        if high <= LEAST_RATE:
            return 0.0
        lower = max(high / 2, LEAST_RATE)
        low, high = (lower, high) if keeps(lower) else (0.0, lower)
    while high - low > precision * high:
        middle = (low + high) / 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low


def main() -> None:
    options = parse_options()
    try:
        slo = read_slo(options.slo, KINDS)
    except UnreadableSlo as error:
        fail(str(error))
    if shutil.which("taskset") is None:
        fail("taskset is missing: apt-get install util-linux")
    # A SIGTERM must leave no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    found: list[Capacity] = []
    try:
        for workers in options.workers:
            found.append(measure(workers, slo, options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Broken as broken:
        fail(str(broken))
    if not found:
        sys.exit(128 + signal.SIGINT)
    table = as_markdown(found, options)
    print(f"\n{table}", end="")
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "capacity.md").write_text(table)
    print(f"\n{options.folder}/capacity.md", file=sys.stderr)
    sys.exit(0 if len(found) == len(options.workers) else 128 + signal.SIGINT)


def parse_options() -> argparse.Namespace:
    """endpoint: str, workers: list[int], seconds: float, slo: Path, folder: Path."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.capacity",
        description="Finds the highest rate of arrivals, which wait for nobody, that keeps the "
        "SLO: it starts the service and asks at one rate after the other, by bisection. The "
        "machine should have nothing else to do.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--endpoint", choices=ENDPOINTS, default="mixed", help="what is asked")
    parser.add_argument(
        "--workers",
        type=int,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="of the service, in turn",
    )
    parser.add_argument("--seconds", type=float, default=5, help="that each rate is held")
    parser.add_argument("--slo", type=Path, default=DEFAULT, help="what is to be kept")
    parser.add_argument(
        "--folder", type=Path, default=Path(".loadtest"), help="gets capacity.md, the table"
    )
    options = parser.parse_args()
    if options.seconds < 1 or min(options.workers) < 1:
        parser.error("--seconds and --workers must be 1 or more")
    return options


def places(workers: int, cores: Sequence[int]) -> tuple[list[int], list[int], bool]:
    """Cores of the service, one for each worker as far as there are, of the generator, and whether
    they share some."""
    service = list(cores[:workers])
    rest = list(cores[workers:])
    return service, rest[:1] or [service[-1]], not rest


def measure(workers: int, slo: Slo, options: argparse.Namespace) -> Capacity:
    """Starts the service, and says what becomes of each rate."""
    cores, generator, shared = places(workers, sorted(os.sched_getaffinity(0)))
    say(f"{workers} worker{'s' * (workers > 1)} on {len(cores)} core{'s' * (len(cores) > 1)}")
    if shared:
        say("  the load generator shares one of them: the service could do more")
    seeds = count(1)
    with serving(OURS, cores, {"--workers": workers, "--port": 0}) as server:

        def probe(rate: float) -> Timeline:
            order = Order(
                server.url,
                ENDPOINTS[options.endpoint],
                rate,
                options.seconds + Order.warm,
                seed=next(seeds),
            )
            return drive(order, generator)

        probe(FIRST_RATE)  # first answers take longer than those to come
        rate = highest(
            lambda rate: any(keeps(slo, rate, probe(rate)) for _ in range(TRIES)), FIRST_RATE
        )
    return Capacity(workers, len(cores), rate, shared)


def keeps(slo: Slo, rate: float, timeline: Timeline) -> bool:
    """Whether the SLO was kept at this rate, which is said; raises Broken on wrong answers, since
    no rate excuses them."""
    kinds, whole = timeline.kinds(), timeline.whole()
    if whole.wrong:
        raise Broken(f"wrong answers: {'; '.join(timeline.failures)}")
    broken = [verdict for verdict in judge(slo, kinds) if not verdict.kept]
    lag = percentile(timeline.lag, 99) or 0.0
    p50, p95, p99 = (percentile(whole.times, each) or float("nan") for each in (50, 95, 99))
    verdict = f"broken: {broken[0].kind}, {broken[0].title} {broken[0].found}" if broken else "kept"
    behind = f"; the generator was up to {lag:.0f} ms late" if lag > BEHIND_MS else ""
    say(f"  {rate:8,.1f}/s  p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms  {verdict}{behind}")
    return not broken


def as_markdown(found: Sequence[Capacity], options: argparse.Namespace) -> str:
    lines = [
        f"`{options.endpoint}`, {options.seconds:g} s at each rate, SLO of `{options.slo.name}`, "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "",
        "| workers | cores | highest rate | of one core | one core a day |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        shared = " (one shared with the load generator)" if each.shared else ""
        lines.append(
            f"| {each.workers} | {each.cores}{shared} | {each.rate:,.0f}/s | "
            f"{each.rate / each.cores:,.0f}/s | {each.each_day / 1e6:,.1f} million |"
        )
    return "\n".join(lines) + "\n"


def say(line: str) -> None:
    print(line, flush=True)


def fail(why: str) -> NoReturn:
    print(f"loadtest.capacity: {why}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
