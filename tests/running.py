"""The service as an operator runs it: a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Timer
from types import TracebackType
from typing import IO, Any, TypeVar
from urllib.request import Request, urlopen
from uuid import uuid4

ROOT = Path(__file__).parents[1]
DEADLINE = 60  # seconds for anything that a process is waited for

# Settings of a patient service.
PATIENT = {"deadline_ms": str(DEADLINE * 1000), "queue_limit_ms": str(DEADLINE * 1000)}

REQUEST_LINE = '"event":"request"'

Found = TypeVar("Found")


class RunningService:
    """`python -m service` on a free port; leaving the context ends it."""

    def __init__(
        self,
        *options: str,
        stderr: IO[Any] | int | None = None,
        variables: Mapping[str, str] | None = None,
        patient: bool = False,
        **settings: str,
    ) -> None:
        """`options` as on the command line, `settings` as SERVICE_ variables, other `variables` of
        the environment as they are; `stderr` in place of what `written` reads. A `patient` one
        refuses nobody for want of time, however slow the machine is."""
        settings = {**(PATIENT if patient else {}), **settings}
        # A file, since a pipe that nobody empties would bring the service to a halt.
        self._log = NamedTemporaryFile("r", prefix="service-")  # noqa: SIM115
        with Path(self._log.name).open("a") as log:
            self.process = subprocess.Popen(
                command("--port", "0", *options),
                cwd=ROOT,
                env={**environment(settings), **(variables or {})},
                stdout=subprocess.PIPE,
                stderr=log if stderr is None else stderr,
                text=True,
                start_new_session=True,
            )
        self.greeting = self.url = ""

    def __enter__(self) -> RunningService:
        assert self.process.stdout is not None
        impatience = Timer(DEADLINE, self.process.kill)
        impatience.start()
        for line in self.process.stdout:
            self.greeting += line
            if "Ctrl-C" in line:
                break
        impatience.cancel()
        if (found := re.search(r"https?://\S+:\d+", self.greeting)) is None:
            _, written = self.stop()
            self._log.close()
            raise AssertionError(f"the service did not start: {written}")
        self.url = found[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self.close()

    def close(self) -> None:
        """Leave nothing behind, whatever became of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self._log.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and wait; exit status and what was written to standard error."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait until it has ended by itself; as `stop`."""
        self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, self.written()

    def written(self) -> str:
        """What it wrote to standard error up to now, but for the lines of requests."""
        return "".join(line for line in self._lines() if REQUEST_LINE not in line)

    def requests(self) -> list[dict[str, Any]]:
        """What it wrote of each request up to now."""
        return [json.loads(line) for line in self._lines() if REQUEST_LINE in line]

    def request(self, request_id: str) -> dict[str, Any]:
        """What it writes of one request, by its X-Request-ID."""
        found = eventually(
            lambda: [each for each in self.requests() if each["request_id"] == request_id]
        )
        assert len(found) == 1
        return found[0]

    def messages(self) -> list[dict[str, Any]]:
        """What it logged up to now, but for requests."""
        return [json.loads(line) for line in self.written().splitlines()]

    def faults(self) -> list[dict[str, Any]]:
        """Errors with a stack, up to all that a single worker has been asked before."""
        request_id = uuid4().hex
        asked = Request(f"{self.url}/health/live", headers={"X-Request-ID": request_id})
        with urlopen(asked, timeout=DEADLINE):
            self.request(request_id)  # since what it writes stays in order
        return [each for each in self.messages() if "exception" in each]

    def _lines(self) -> list[str]:
        """As far as they are whole."""
        text = Path(self._log.name).read_text()
        return text[: text.rfind("\n") + 1].splitlines(keepends=True)

    def connect(self) -> socket.socket:
        """A bare connection, for what no client would send."""
        host, port = self.url.partition("://")[2].rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)), timeout=DEADLINE)

    def workers(self) -> set[int]:
        """Process ids of those that answer for the one that was started."""
        return {pid for pid, line in self.processes().items() if "service.worker" in line}

    def processes(self) -> dict[int, str]:
        """Process id -> command line of all that live of what was started, itself included."""
        found: dict[int, str] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # ended meanwhile
                state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
                if state != "Z" and int(group) == self.process.pid:
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found


def run_to_its_end(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m service` where it must end by itself."""
    return subprocess.run(
        command(*options),
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "service", *options]


def environment(settings: dict[str, str]) -> dict[str, str]:
    """One worker unless told otherwise: where a queue is filled, it must be the only one. And no
    notice of the end, for which each test would wait."""
    settings = {"workers": "1", "notice_seconds": "0", **settings}
    return {**os.environ, **{f"SERVICE_{name.upper()}": value for name, value in settings.items()}}


def eventually(find: Callable[[], Found | None]) -> Found:
    """What `find` gives as soon as that is true; for what another process does in its own time."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE} seconds: {find}")
