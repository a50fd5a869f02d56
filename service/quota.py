"""How often a key may ask, counted over all workers together.

The token bucket in the form of the generic cell rate algorithm (ITU-T I.371, virtual scheduling):
all that there is to keep is one time. As whole nanoseconds, since with floats the last token of a
burst would come or not come by rounding; of the monotonic clock, which all processes share and
nobody sets.
"""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from service.errors import Overloaded

MINUTE = 60_000_000_000  # nanoseconds
PATIENCE_SECONDS = 1.0
RETRY_SECONDS = 0.001


class Spent(NamedTuple):
    """Whether there was a token, how many are left, and nanoseconds until there is one more."""

    granted: bool
    left: int
    wait: int


def spend(due: int, now: int, interval: int, burst: int) -> tuple[int, Spent]:
    """Take a token from a bucket that holds `burst` and gains one each `interval`.

    `due` is when it would be full, which is returned as it is afterwards; 0 for a full one.
    """
    due = max(due, now)
    room = now + burst * interval - due
    granted = room >= interval
    if granted:
        due += interval
        room -= interval
    left = room // interval
    return due, Spent(granted, left, (left + 1) * interval - room)


class Quota:
    """The bucket of one key, in a file that its workers share."""

    def __init__(
        self, file: Path, per_minute: int, burst: int, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """`clock` tells nanoseconds, the same in all processes."""
        self._interval = -(-MINUTE // per_minute)
        self._burst = burst
        self._clock = clock
        self._lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Not a hole: where the disk is full, writing to one later would end the process.
        os.posix_fallocate(self._lock, 0, 8)
        self._due = memoryview(mmap.mmap(self._lock, 8)).cast("q")

    async def spend(self) -> Spent:
        """Take a token; raises Overloaded where a worker that has been stopped holds the lock."""
        end: float | None = None
        while not self._locked():
            # Waited for in turns of the loop, so that other requests go on meanwhile.
            now = asyncio.get_running_loop().time()
            if now > (end := end or now + PATIENCE_SECONDS):
                raise Overloaded("The quota of this key cannot be counted.", retry_after_ms=1000)
            await asyncio.sleep(RETRY_SECONDS)
        try:
            self._due[0], spent = spend(self._due[0], self._clock(), self._interval, self._burst)
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return spent

    def _locked(self) -> bool:
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
