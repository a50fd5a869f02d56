"""Programs on cores of their own, none of which outlives the program that starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE = 60  # seconds for a server to start, or for a program to end by itself
FAREWELL = 5  # seconds to end when told to
LAST_LINES = 40  # of the log of a server that did not start

OURS = [sys.executable, "-m", "service"]
REFERENCE = [sys.executable, "-m", "loadtest.reference"]


class Broken(Exception):
    """Something that is measured did not work; the message says what."""


@contextmanager
def started(
    command: Sequence[str], cores: Sequence[int], stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The program on these cores, in a process group of its own; leaving the context ends it."""
    process = subprocess.Popen(
        ["taskset", "-c", ",".join(map(str, cores)), *command],  # noqa: S607 - found by PATH
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,  # so that Ctrl-C ends only us, and then we end the program
    )
    try:
        yield process
    finally:
        # Some servers have children in groups of their own, which may outlive them.
        family = descendants(process.pid)
        try:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(FAREWELL)
        finally:  # also upon a second, impatient Ctrl-C
            with suppress(ProcessLookupError):  # what is left of its group, mostly nothing
                os.killpg(process.pid, signal.SIGKILL)
            for each in family:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def output(command: Sequence[str], cores: Sequence[int]) -> str:
    """What the program printed; raises Broken where it failed."""
    with started(command, cores) as process:
        printed, _ = process.communicate()
    if process.returncode:
        raise Broken(f"{command[0]} ended with status {process.returncode}: {printed}")
    return printed


class Server:
    """A running server: where it listens, and which processes it is."""

    def __init__(self, url: str, process: int) -> None:
        self.url = url
        self.process = process

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def memory(self) -> list[tuple[int, int]]:
        """RSS and PSS in bytes of each of its processes, that with the largest PSS first.

        PSS (proportional set size) shares pages among the processes that have them in common.
        """
        sizes = []
        for process in [self.process, *descendants(self.process)]:
            with suppress(OSError):  # ended meanwhile
                text = Path(f"/proc/{process}/smaps_rollup").read_text()
                found = dict(re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE))
                sizes.append((int(found["Rss"]) * 1024, int(found["Pss"]) * 1024))
        return sorted(sizes, key=lambda size: size[1], reverse=True)


def descendants(process: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


@contextmanager
def serving(
    command: Sequence[str],
    cores: Sequence[int],
    options: Mapping[str, int],
    ready: str = "/health/ready",
) -> Iterator[Server]:
    """A server that has said on standard output where it listens, and answers `ready` with 200."""
    arguments = [str(part) for option in options.items() for part in option]
    with (
        tempfile.TemporaryFile("w+") as log,
        started([*command, *arguments], cores, log.fileno()) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - for the type checker
        places = (re.search(r"http://\S+?:\d+", line) for line in process.stdout)
        found = next(filter(None, places), None)
        if found is None or not became_ready(found[0] + ready, process):
            log.seek(0)
            end = "".join(log.readlines()[-LAST_LINES:])
            raise Broken(f"{' '.join(command)} did not start: {end}")
        yield Server(found[0], process.pid)


def became_ready(address: str, process: subprocess.Popen[str]) -> bool:
    """True as soon as the address answers with 200; False when the process has ended before that,
    or after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=PATIENCE):  # noqa: S310
            return True
        time.sleep(0.002)
    return False
