"""Parts digits, sentiment and short: as much as the server answers, by number of connections."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass

from loadtest.bench.results import Row, Target
from loadtest.bench.setting import Setting, in_turns
from loadtest.bench.wrk import Closed


@dataclass(frozen=True)
class Plan:
    """What to send, over how many connections; `slow` lengthens every measure."""

    file: str
    connections: tuple[int, ...]
    slow: float
    targets: dict[tuple[int, str], Target]


PLANS = {
    "digits": Plan(
        "digits",
        (1, 8, 32, 128),
        1,
        {
            (1, "p50"): Target(1.0, "at most", "ratio"),
            (32, "requests"): Target(2.0, "at least", "ratio"),
        },
    ),
    "sentiment": Plan(
        "sentiment",
        (1, 8, 32),
        3,  # some seconds see a few hundred reviews
        {
            (8, "requests"): Target(3.0, "at least", "ratio"),
            (32, "requests"): Target(3.0, "at least", "ratio"),
        },
    ),
    "short": Plan("short", (1, 8, 32), 1, {}),
}


def planned_seconds(part: str, rounds: int, seconds: float) -> float:
    plan = PLANS[part]
    return 8 + 2 * rounds * len(plan.connections) * (plan.slow * seconds + 0.2)


def measure(part: str, setting: Setting) -> list[Row]:
    """Both services, in turns, round by round."""
    plan = PLANS[part]
    seconds = plan.slow * setting.seconds
    found: dict[tuple[int, str], list[Closed]] = defaultdict(list)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(setting.server(name)) for name in in_turns(0)}
        setting.progress.step(f"{part}: warming up", 8)
        for server in servers.values():
            setting.warm_up(server, plan.file)
        for turn in range(setting.rounds):
            for connections in plan.connections:
                said = []
                setting.progress.step(
                    f"{part}, {counted(connections)}, round {turn + 1} of {setting.rounds}",
                    2 * (seconds + 0.2),
                )
                for name in in_turns(turn):
                    closed = setting.drive(
                        servers[name], plan.file, connections, seconds, turn, part=part, name=name
                    )
                    found[connections, name].append(closed)
                    said.append(f"{name} {closed.rate:,.0f}/s, p50 {closed.p50_ms:.2f} ms")
                setting.progress.note("; ".join(said))
    rows = []
    for connections in plan.connections:
        ours, reference = found[connections, "ours"], found[connections, "reference"]
        for figure, unit, of in (
            ("requests", "/s", lambda closed: closed.rate),
            ("p50", "ms", lambda closed: closed.p50_ms),
            ("p99", "ms", lambda closed: closed.p99_ms),
            ("work", "tokens/s", lambda closed: closed.token_rate),
        ):
            if not any(map(of, ours)):
                continue
            rows.append(
                Row(
                    part,
                    f"{figure}, {counted(connections)}",
                    unit,
                    list(map(of, ours)),
                    list(map(of, reference)),
                    plan.targets.get((connections, figure)),
                )
            )
    refused = sum(closed.refused for each in found.values() for closed in each)
    if refused:
        setting.results.remarks.append(f"{part}: {refused} requests were refused, and not counted")
    return rows


def counted(connections: int) -> str:
    return f"{connections} connection{'s' * (connections > 1)}"
