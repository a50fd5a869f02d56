"""The service as an operator runs it: a process of its own, asked over HTTP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[1]
DEADLINE = 60  # seconds for anything that a process is waited for


class RunningService:
    """`python -m service` on a free port; leaving the context ends it."""

    def __init__(self, *options: str, **settings: str) -> None:
        """`options` as on the command line, `settings` as SERVICE_ variables."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", "0", *options],
            cwd=ROOT,
            env={**os.environ, **{f"SERVICE_{k.upper()}": v for k, v in settings.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = ""

    def __enter__(self) -> RunningService:
        assert self.process.stdout is not None
        greeting = self.process.stdout.readline()
        if (found := re.search(r"http://\S+?:\d+", greeting)) is None:
            raise AssertionError(f"the service did not start: {self.stop()}")
        self.url = found[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and wait; exit status and what was written to standard error."""
        self.process.send_signal(number)
        _, written = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, written
