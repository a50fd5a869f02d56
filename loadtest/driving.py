"""The programs of a run: the service, where it is started for it, and locust, which drives it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from loadtest.processes import ROOT
from loadtest.running import PATIENCE
from loadtest.timeline import Timeline
from loadtest.watch import Sample, watching

UNUSABLE = 2  # exit status where nothing could be measured


def drive(
    url: str, service: int | None, options: argparse.Namespace
) -> tuple[Timeline, list[Sample], bool]:
    """What was measured, and whether it was ended early by Ctrl-C."""
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    command += ["--skip-log-setup", "--locustfile", str(Path(__file__).with_name("locustfile.py"))]
    command += ["--host", url, "--users", str(options.users), "--arrivals", str(options.arrivals)]
    command += ["--shape", options.shape, "--seconds", str(options.duration)]
    command += ["--scenario", options.scenario, "--slo", str(options.slo.resolve())]
    command += ["--stop-timeout", f"{PATIENCE:.0f}s"]
    command += [options.scenario] * (options.users > 0) + ["Arrivals"] * (options.arrivals > 0)
    interrupted = False
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "timeline.json"
        locust = subprocess.Popen(
            [*command[:3], "--timeline", str(measured), *command[3:]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,  # it would take keys for commands
            start_new_session=True,  # so that a Ctrl-C reaches us alone
        )
        try:
            with watching(url, service, locust.pid) as samples:
                try:
                    locust.wait(options.duration + 3 * PATIENCE)
                except KeyboardInterrupt:
                    print("interrupted: what is measured so far is shown", file=sys.stderr)
                    interrupted = True
                    locust.terminate()
                    locust.wait(2 * PATIENCE)
        except subprocess.TimeoutExpired:
            fail("locust did not end")
        finally:
            locust.kill()
            locust.wait()
        if locust.returncode not in (0, 1) or not measured.exists():
            fail(f"locust ended with status {locust.returncode} and without a result")
        return Timeline.model_validate_json(measured.read_bytes()), samples, interrupted


@contextmanager
def started_service() -> Iterator[tuple[str, int]]:
    """URL and process id of a service on a free port, with the settings of the environment
    (SERVICE_...).

    Ends the program where it does not start, and where it does not end as an operator expects.
    """
    service = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", "0", "--access-log", "false"],
        cwd=ROOT,
        env={"SERVICE_NOTICE_SECONDS": "0", **os.environ},  # nobody is to be told of its end
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C ends the run first, and then we end the service
    )
    assert service.stdout is not None  # noqa: S101 - for the type checker
    try:
        greeting = service.stdout.readline()
        if (found := re.search(r"http://\S+?:\d+", greeting)) is None:
            fail("the service did not start")
        print(greeting, end="", flush=True)
        yield found[0], service.pid
    finally:
        service.terminate()
        status = service.wait()
    if status:
        fail(f"the service ended with status {status}")


def fail(why: str) -> NoReturn:
    print(f"loadtest: {why}", file=sys.stderr)
    sys.exit(UNUSABLE)
