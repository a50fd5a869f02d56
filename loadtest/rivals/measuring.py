"""Each server alone on its core, one after the other, round by round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from loadtest.bench.closed import counted
from loadtest.bench.results import Row
from loadtest.bench.setting import Setting
from loadtest.bench.traffic import read_requests, write_requests
from loadtest.bench.wrk import Closed
from loadtest.processes import Server
from loadtest.rivals.answers import Judge
from loadtest.rivals.servers import OWN, Contestant

FILES = ("digits", "sentiment")
CONNECTIONS = (1, 32)
JUDGED = 8  # requests of each file, whenever a server has started
WARMING = 2.0  # seconds, with the time to judge

Found = dict[tuple[str, int, str], list[Closed]]  # by file, connections, name of the server


def planned_seconds(contestants: Sequence[Contestant], rounds: int, seconds: float) -> float:
    return rounds * sum(_turn_seconds(contestant, seconds) for contestant in contestants)


def _turn_seconds(contestant: Contestant, seconds: float) -> float:
    driven = len(CONNECTIONS) * (seconds + 0.2)
    return contestant.starts + len(FILES) * (WARMING + driven)


def measure(contestants: Sequence[Contestant], setting: Setting) -> list[Row]:
    """In every round each server is started, judged, driven and ended; who begins changes from
    round to round.

    Only one runs at a time, since one that is not asked may be busy, too: Ray has a dozen processes
    that talk to each other.
    """
    judge = Judge()
    found: Found = defaultdict(list)
    for contestant in contestants:
        if contestant.rewrite:
            (setting.traffic / contestant.name).mkdir(exist_ok=True)
            for file in FILES:
                requests = read_requests(setting.traffic / file, contestant.rewrite)
                write_requests(setting.traffic / sent_to(contestant, file), requests)
    for turn in range(setting.rounds):
        first = turn % len(contestants)
        for contestant in [*contestants[first:], *contestants[:first]]:
            setting.progress.step(
                f"{contestant.title}, round {turn + 1} of {setting.rounds}",
                _turn_seconds(contestant, setting.seconds),
            )
            with contestant.running(setting.server_core) as server:
                for file in FILES:
                    if contestant is not OWN:  # it serves other weights, and its tests judge it
                        sent = setting.traffic / file, setting.traffic / sent_to(contestant, file)
                        pairs = zip(*map(read_requests, sent), strict=True)
                        judge.check(contestant.title, server.url, list(pairs)[:JUDGED])
                    _drive(contestant, server, file, turn, setting, found)
    if refused := sum(closed.refused for each in found.values() for closed in each):
        setting.results.remarks.append(f"{refused} requests were refused, and not counted")
    return as_rows(found, contestants)


def sent_to(contestant: Contestant, file: str) -> str:
    """The file of the traffic with its requests."""
    return f"{contestant.name}/{file}" if contestant.rewrite else file


def _drive(
    contestant: Contestant, server: Server, file: str, turn: int, setting: Setting, found: Found
) -> None:
    own_file = sent_to(contestant, file)
    setting.warm_up(server, own_file)
    for connections in CONNECTIONS:
        closed = setting.drive(
            server, own_file, connections, setting.seconds, turn, name=contestant.name
        )
        found[file, connections, contestant.name].append(closed)
        setting.progress.note(
            f"{file}, {counted(connections)}: {closed.rate:,.0f}/s, p50 {closed.p50_ms:.2f} ms"
        )


def as_rows(found: Found, contestants: Sequence[Contestant]) -> list[Row]:
    """Ours against each of the others: the time to an answer when nobody else asks, then what many
    are given."""
    rows = []
    for file in FILES:
        for connections, figure, unit in (
            (1, "p50", "ms"),
            (32, "requests", "/s"),
            (32, "p99", "ms"),
        ):
            for contestant in contestants:
                if contestant is OWN:
                    continue
                ours, theirs = (
                    [_figure(figure, closed) for closed in found[file, connections, name]]
                    for name in (OWN.name, contestant.name)
                )
                label = f"{figure}, {counted(connections)}, {contestant.title}"
                rows.append(Row(file, label, unit, ours, theirs))
    return rows


def _figure(figure: str, closed: Closed) -> float:
    return {"p50": closed.p50_ms, "p99": closed.p99_ms, "requests": closed.rate}[figure]
