"""Where the time of one request went."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(slots=True)
class Timing:
    """In seconds; of a bulk call the longest of its rows."""

    began: float = 0.0  # when decoding did, by time.perf_counter
    decode: float = 0.0
    queue: float = 0.0
    infer: float = 0.0
    batch: int = 0
    first: float = inf  # from the end of decoding to the begin of the first run
    last: float = 0.0  # and to the end of the last

    def add(self, queued: float, ran: float, batch: int) -> None:
        """Take in what one row had to wait for."""
        self.first = min(self.first, queued)
        self.last = max(self.last, queued + ran)
        self.queue = max(self.queue, queued)
        self.infer = max(self.infer, ran)
        self.batch = max(self.batch, batch)
