"""Time that passes only when a test says so."""

from __future__ import annotations

import asyncio
from math import ceil


class Clock:
    """Stops the clock of the running event loop. What is due after a `jump` happens next."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.now = float(ceil(loop.time()))  # so that whole seconds add up exactly
        loop.time = lambda: self.now  # type: ignore[method-assign]

    def jump(self, seconds: float) -> None:
        """Put it forward."""
        self.now += seconds
