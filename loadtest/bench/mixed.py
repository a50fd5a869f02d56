"""Part mixed: a trickle of one kind of request while the server is full of the other."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median

from loadtest.bench import wrk
from loadtest.bench.arrivals import Open, Order, drive
from loadtest.bench.bare import longest_run_ms
from loadtest.bench.results import Row, Target
from loadtest.bench.setting import Setting, in_turns
from loadtest.processes import PATIENCE, Server, started

LONG = 4  # times the seconds of a measure of /digits: a p99 needs many requests
ROUNDS = 3  # at most, of which the reference has the first, to compare with
HEAD_START = 1.0  # seconds by which the load comes first


@dataclass(frozen=True)
class Pair:
    """`rate` requests a second of one kind, alone and beside 32 connections full of the other."""

    trickle: str
    rate: float
    flood: str
    percentile: str  # the highest that so few requests tell

    def high(self, measured: Open) -> float | None:
        return measured.ok_p99_ms if self.percentile == "p99" else measured.ok_p95_ms


PAIRS = (Pair("digits", 100, "sentiment", "p99"), Pair("sentiment", 10, "digits", "p95"))


def planned_seconds(rounds: int, seconds: float) -> float:
    return 10 + len(PAIRS) * (min(rounds, ROUNDS) + 1) * _seconds(seconds)


def _seconds(seconds: float) -> float:
    """Of one service: alone, flooded."""
    return 2 * LONG * seconds + HEAD_START + 2


def measure(setting: Setting) -> list[Row]:
    """Both services, in turns, round by round."""
    setting.progress.step("mixed: one run of the longest review", 10)
    run_ms = longest_run_ms(setting.server_core)
    setting.keep(part="mixed", longest_run_ms=run_ms)
    setting.results.remarks.append(
        f"mixed: one sentiment run is that of the longest review alone, {run_ms:.1f} ms"
    )
    rows = []
    with setting.server("ours") as ours, setting.server("reference") as reference:
        servers = {"ours": ours, "reference": reference}
        for server in servers.values():
            setting.warm_up(server, "digits", "sentiment")
        for pair in PAIRS:
            rows += measure_pair(setting, servers, pair, run_ms)
    return rows


def measure_pair(
    setting: Setting, servers: dict[str, Server], pair: Pair, run_ms: float
) -> list[Row]:
    found: dict[tuple[str, str], list[Open]] = defaultdict(list)
    seconds = LONG * setting.seconds
    rounds = min(setting.rounds, ROUNDS)
    for turn in range(rounds):
        setting.progress.step(
            f"mixed: /{pair.trickle} at {pair.rate}/s beside /{pair.flood}, "
            f"round {turn + 1} of {rounds}",
            (2 if turn == 0 else 1) * _seconds(setting.seconds),
        )
        for name in in_turns(0) if turn == 0 else ["ours"]:
            server = servers[name]
            file = str(setting.traffic / pair.trickle)
            order = Order(server.url, file, pair.rate, seconds, seed=turn, patience=5)
            found[name, "alone"].append(drive(order, setting.client_core))
            with flooded(setting, server, pair, name, seconds, turn):
                found[name, "flooded"].append(drive(order, setting.client_core))
            for case in ("alone", "flooded"):
                setting.keep(
                    part="mixed",
                    name=name,
                    turn=turn,
                    case=case,
                    **asdict(pair),
                    **asdict(found[name, case][-1]),
                )
            alone, full = found[name, "alone"][-1], found[name, "flooded"][-1]
            if alone.refused_p99_ms or full.refused_p99_ms:
                setting.results.remarks.append(f"mixed: {name} refused some of /{pair.trickle}")
            setting.progress.note(
                f"{name} p50 {alone.ok_p50_ms or 0:.2f} ms alone, "
                f"{full.ok_p50_ms or 0:.2f} ms beside"
            )
    p50s = {key: [each.ok_p50_ms or 0 for each in opens] for key, opens in found.items()}
    high = {key: [pair.high(each) or 0 for each in opens] for key, opens in found.items()}
    target = None
    if pair.trickle == "digits":
        target = Target(round(3 * median(high["ours", "alone"]) + run_ms, 2), "at most")
    what = f"/{pair.trickle} at {pair.rate:g}/s"
    beside = f"{what}, /{pair.flood} saturated"
    return [
        _row(f"p50, {what}", p50s, "alone"),
        _row(f"{pair.percentile}, {what}", high, "alone"),
        _row(f"p50, {beside}", p50s, "flooded"),
        _row(f"{pair.percentile}, {beside}", high, "flooded", target),
    ]


@contextmanager
def flooded(
    setting: Setting, server: Server, pair: Pair, name: str, seconds: float, turn: int
) -> Iterator[None]:
    """32 connections that want one answer after the other, from before until after."""
    longer = seconds + PATIENCE
    command = wrk.command(server.url, setting.traffic / pair.flood, 32, longer, turn * 997)
    with started(command, [setting.client_core]) as flood:
        time.sleep(HEAD_START)
        yield
        flood.send_signal(signal.SIGINT)  # upon which wrk says what it has measured
        printed, _ = flood.communicate(timeout=PATIENCE)
    measured = asdict(wrk.parse(printed))
    setting.keep(part="mixed", name=name, turn=turn, case="flood", file=pair.flood, **measured)


def _row(
    figure: str, found: dict[tuple[str, str], list[float]], case: str, target: Target | None = None
) -> Row:
    return Row("mixed", figure, "ms", found["ours", case], found["reference", case], target)
