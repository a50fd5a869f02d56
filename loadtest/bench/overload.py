"""Part overload: more work than can be done, by requests that do not wait for one another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median

from loadtest.bench.arrivals import GRACE, Open, Order, drive
from loadtest.bench.results import Row, Target
from loadtest.bench.setting import Setting, in_turns
from loadtest.processes import Broken

DEADLINE_MS = 1000
WARM = 1.5  # seconds until queues have filled
ROUNDS = 3  # at most, of which the reference has the first, to compare with


@dataclass(frozen=True)
class Excess:
    """`times` the rate that 32 connections get answered; `slow` lengthens every measure."""

    file: str
    times: float
    slow: float
    goodput: float  # the share of that rate which must remain
    punctual: bool  # whether there are targets for times, too


EXCESSES = (Excess("sentiment", 3, 4, 0.95, True), Excess("digits", 1.5, 2, 0.65, False))


def planned_seconds(rounds: int, seconds: float) -> float:
    each = sum(_seconds(excess, seconds) for excess in EXCESSES)
    return (min(rounds, ROUNDS) + 1) * each


def _seconds(excess: Excess, seconds: float) -> float:
    """Of one service: start, peak, overload."""
    return 3 + 2 * excess.slow * seconds + WARM + DEADLINE_MS / 1000


def measure(setting: Setting) -> list[Row]:
    """Both services, each started anew, since one without limits is busy long afterwards."""
    rows = []
    for excess in EXCESSES:
        shares: dict[str, list[float]] = defaultdict(list)
        found: dict[str, list[Open]] = defaultdict(list)
        rounds = min(setting.rounds, ROUNDS)
        for turn in range(rounds):
            setting.progress.step(
                f"overload: /{excess.file} at {excess.times:g} times its peak, "
                f"round {turn + 1} of {rounds}",
                (2 if turn == 0 else 1) * _seconds(excess, setting.seconds),
            )
            for name in in_turns(0) if turn == 0 else ["ours"]:
                peak, measured = overload(setting, name, excess, turn)
                shares[name].append(measured.goodput / peak)
                found[name].append(measured)
                setting.progress.note(
                    f"{name} {peak:,.0f}/s at its peak; offered {measured.offered:,.0f}/s, "
                    f"{measured.goodput:,.0f}/s in time"
                )
        rows += _rows(excess, shares, found)
        _remark(setting, excess, found["ours"])
    return rows


def overload(setting: Setting, name: str, excess: Excess, turn: int) -> tuple[float, Open]:
    """The peak rate, and what became of a multiple of it."""
    seconds = excess.slow * setting.seconds
    with setting.server(name) as server:
        setting.warm_up(server, excess.file)
        peak = setting.drive(server, excess.file, 32, seconds, turn, part="overload", name=name)
        if not peak.rate:
            raise Broken(f"{name} answered no request to /{excess.file}")
        order = Order(
            server.url,
            str(setting.traffic / excess.file),
            rate=excess.times * peak.rate,
            seconds=WARM + seconds,
            warm=WARM,
            deadline_ms=DEADLINE_MS,
            seed=turn,
        )
        measured = drive(order, setting.client_core)
    setting.keep(part="overload", name=name, turn=turn, **asdict(order), **asdict(measured))
    return peak.rate, measured


def _rows(
    excess: Excess, shares: dict[str, list[float]], found: dict[str, list[Open]]
) -> list[Row]:
    what = f"/{excess.file} at {excess.times:g}x"
    ours, reference = found["ours"], found["reference"]
    refusals = [each.refused_p99_ms for each in ours if each.refused_p99_ms is not None]
    p99s = [[each.ok_p99_ms or 0.0 for each in opens] for opens in (ours, reference)]
    late = [[float(sum(each.late for each in opens))] for opens in (ours, reference)]
    longest = [[max(each.worst_ms or 0.0 for each in opens)] for opens in (ours, reference)]
    prompt, none, limit = (
        Target(most, "at most") if excess.punctual else None
        for most in (50, 0, DEADLINE_MS + 1000 * GRACE)
    )
    return [
        Row(
            "overload",
            f"{what}: goodput by peak",
            "%",
            shares["ours"],
            shares["reference"],
            Target(excess.goodput, "at least"),
        ),
        Row("overload", f"{what}: p99 of refusals", "ms", refusals, target=prompt),
        Row("overload", f"{what}: p99 of answers", "ms", p99s[0], p99s[1]),
        Row("overload", f"{what}: late answers, in all", "", late[0], late[1], none),
        Row("overload", f"{what}: longest time", "ms", longest[0], longest[1], limit),
    ]


def _remark(setting: Setting, excess: Excess, found: list[Open]) -> None:
    """What a reader must know to believe the figures."""
    statuses = ", ".join(f"{status} {n:,}" for status, n in _statuses(found).items())
    setting.results.remarks.append(
        f"overload: {sum(each.late for each in found)} of "
        f"{sum(each.accepted for each in found):,} requests to /{excess.file} that were accepted "
        f"were late; {median(each.offered for each in found):,.0f}/s came, over at most "
        f"{max(each.connections for each in found):,} connections; by status: {statuses}"
    )
    behind = [each for each in found if (each.lag_p99_ms or 0) > 10 or each.exhausted]
    if behind:
        setting.results.remarks.append(
            f"overload: in {len(behind)} of {len(found)} rounds on /{excess.file} the generator "
            f"fell behind (p99 {max(each.lag_p99_ms or 0 for each in behind):.0f} ms) or had no "
            f"connection left ({sum(each.exhausted for each in behind):,} requests): part of the "
            "times is its own"
        )


def _statuses(found: list[Open]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for each in found:
        for status, count in each.statuses.items():
            total[status] += count
    return dict(sorted(total.items()))
