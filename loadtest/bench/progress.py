"""Says on standard error what is being measured, and how long all of it will take."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts planned seconds down; steps that take longer or shorter correct the rest."""

    def __init__(self, planned: float) -> None:
        self._planned = planned
        self._done = 0.0
        self._start = time.monotonic()

    def step(self, what: str, seconds: float) -> None:
        """Said before a step that is planned to take so long."""
        elapsed = time.monotonic() - self._start
        left = max(0.0, self._planned - self._done)
        self._done += seconds
        # Until enough is done to tell, the plan is believed.
        pace = elapsed / (self._done - seconds) if self._done - seconds > 30 else 1.0
        print(
            f"[{_clock(elapsed)}, {_clock(left * pace)} left] {what}", file=sys.stderr, flush=True
        )

    def note(self, what: str) -> None:
        """A line on its own."""
        print(f"  {what}", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
