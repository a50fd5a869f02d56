"""What every part is given: where the traffic lies, which cores, how long, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadtest.bench import wrk
from loadtest.bench.progress import Progress
from loadtest.bench.results import Results
from loadtest.processes import OURS, REFERENCE, Server, serving

COMMANDS = {"ours": OURS, "reference": REFERENCE}
ONE_WORKER = {"ours": {"--workers": 1, "--port": 0}, "reference": {"--port": 0}}


@dataclass(frozen=True)
class Setting:
    """`seconds` is the length of one measure of /digits; slower ones take a multiple of it."""

    traffic: Path
    server_core: int
    client_core: int
    rounds: int
    seconds: float
    progress: Progress
    results: Results

    @contextmanager
    def server(self, name: str) -> Iterator[Server]:
        """Ours or the reference, with one worker on the core for servers."""
        with serving(COMMANDS[name], [self.server_core], ONE_WORKER[name]) as server:
            yield server

    def warm_up(self, server: Server, *files: str) -> None:
        """First answers, which take longer than those to come."""
        for file in files:
            wrk.drive(
                server.url, self.traffic / file, connections=8, seconds=1, core=self.client_core
            )

    def drive(
        self, server: Server, file: str, connections: int, seconds: float, turn: int, **labels: Any
    ) -> wrk.Closed:
        """One measure, kept in the raw results; each turn starts elsewhere in the traffic."""
        closed = wrk.drive(
            server.url,
            self.traffic / file,
            connections=connections,
            seconds=seconds,
            core=self.client_core,
            skip=turn * 997,
        )
        self.keep(file=file, connections=connections, turn=turn, **labels, **asdict(closed))
        return closed

    def keep(self, **measure: Any) -> None:
        """Into the raw results."""
        self.results.raw.append(measure)


def in_turns(turn: int) -> list[str]:
    """The two services; who begins changes from round to round."""
    names = ["ours", "reference"]
    return names if turn % 2 == 0 else names[::-1]
