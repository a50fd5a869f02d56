"""Drives a server with wrk: as many requests as it answers, over so many connections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from loadtest.processes import Broken, output

COUNTED = ("sentiment", "short")  # files whose answers say how many tokens they took
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Closed:
    """What was measured. `refused` are answers of 4xx and 5xx, `broken` requests without one;
    `tokens` were read in the texts that were answered, 0 if not asked for."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    tokens: int = 0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.requests - self.refused) / self.seconds

    @property
    def token_rate(self) -> float:
        """Tokens a second: what was really done, whatever the lengths of the texts in it."""
        return self.tokens / self.seconds


def command(url: str, requests: Path, connections: int, seconds: float, skip: int) -> list[str]:
    """wrk with one thread; its last line of output is for `parse`."""
    duration = f"{max(1, round(seconds))}s"
    options = ["--threads", "1", "--connections", str(connections), "--duration", duration]
    arguments = [str(requests), str(skip), *(["tokens"] if requests.name in COUNTED else [])]
    return ["wrk", *options, "--timeout", "60s", "-s", str(SCRIPT), url, "--", *arguments]


def parse(printed: str) -> Closed:
    """Raises Broken where requests remained unanswered."""
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if not lines:
        raise Broken(f"wrk measured nothing: {printed}")
    closed = Closed(**json.loads(lines[-1]))
    if closed.broken:
        raise Broken(f"{closed.broken} requests were never answered")
    return closed


def drive(
    url: str, requests: Path, *, connections: int, seconds: float, core: int, skip: int = 0
) -> Closed:
    """Walks through the file of requests, which every connection draws its next from."""
    return parse(output(command(url, requests, connections, seconds, skip), [core]))
