"""The servers that ours is measured against, and how each of them is asked."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtest.bench.traffic import post_json, taken_apart
from loadtest.processes import OURS, REFERENCE, ROOT, Server, serving

PINS = Path(__file__).parent


def in_json(request: bytes) -> bytes:
    """The same request as BentoML takes it for a function of lists: {"pictures": [base64]} or
    {"texts": [text]}."""
    path, _, body = taken_apart(request)
    if path == "/digits":
        return post_json(path, {"pictures": [base64.b64encode(body).decode()]})
    return post_json(path, {"texts": [json.loads(body)["text"]]})


@dataclass(frozen=True)
class Contestant:
    """A server that is measured. `starts` is how many seconds that is planned to take, `ready` the
    path that tells of it; `rewrite` makes its requests of those that ours is sent."""

    name: str
    title: str
    command: list[str]
    options: Mapping[str, int]
    starts: float
    ready: str = "/health/ready"
    rewrite: Callable[[bytes], bytes] | None = None

    @contextmanager
    def running(self, core: int) -> Iterator[Server]:
        with serving(self.command, [core], self.options, self.ready) as server:
            yield server


def environment(rival: str) -> Path:
    """The virtual environment that a rival runs in; `make rivals` makes it."""
    return ROOT / ".rivals" / rival


def installed(rival: str) -> bool:
    """Whether `make rivals` has come to the end of it."""
    return (environment(rival) / "installed").exists()


def pins(rival: str) -> dict[str, str]:
    """Package -> the one version of it that is installed for a rival."""
    found = {}
    for line in (PINS / f"{rival}.txt").read_text().splitlines():
        pin = re.fullmatch(r"([\w-]+)(?:\[\w+\])?==([\w.]+)", line)
        if pin is None:
            raise ValueError(f"{rival}.txt: {line} is not PACKAGE==VERSION")
        found[pin[1]] = pin[2]
    return found


def _rival(
    name: str,
    shown: str,
    starts: float,
    ready: str,
    rewrite: Callable[[bytes], bytes] | None = None,
) -> Contestant:
    python = str(environment(name) / "bin" / "python")
    command = [python, "-m", f"loadtest.rivals.{name}_server"]
    title = f"{shown} {pins(name)[name]}"
    return Contestant(name, title, command, {"--port": 0}, starts, ready, rewrite)


OWN = Contestant("ours", "ours", OURS, {"--workers": 1, "--port": 0}, 3)
HAND_WRITTEN = Contestant("reference", "hand-written", REFERENCE, {"--port": 0}, 2)
RIVALS = {
    rival.name: rival
    for rival in (
        _rival("litserve", "LitServe", 7, "/health"),
        _rival("bentoml", "BentoML", 10, "/readyz", in_json),
        _rival("ray", "Ray Serve", 18, "/health/ready"),
    )
}
