"""Lines for a file that may be slow, full or closed: nobody waits for it, and nothing fails."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Callable
from itertools import islice
from threading import Event, Thread

MOST_LINES = 10_000  # that wait: a few MB, or some seconds of full load
PIECE = 4_096  # go into a pipe at once, even where several processes write (PIPE_BUF)
PAUSE_SECONDS = 0.1  # between two writes: each of them disturbs whoever else has work
PATIENCE_SECONDS = 1.0  # at the end, with a reader that does not read


class LineWriter:
    """Writes in a thread of its own, in order. What is too much, or cannot be written, is
    dropped and counted."""

    def __init__(self, descriptor: int, dropped: Callable[[int], None]) -> None:
        """`dropped` is told how many lines were lost, in any thread."""
        self._descriptor = descriptor
        self._dropped = dropped
        self._lines: deque[str] = deque()
        self._something = Event()
        self._ending = Event()
        self._torn = False  # the last line that was written lacks its end
        self._thread = Thread(target=self._write_until_the_end, name="log", daemon=True)
        self._thread.start()

    def add(self, line: str) -> None:
        """Have a line written, which ends with its only line feed; from any thread."""
        if len(self._lines) >= MOST_LINES:
            self._dropped(1)
            return
        self._lines.append(line)
        if not self._something.is_set():
            self._something.set()

    def close(self) -> None:
        """Write what is left, as far as that does not take long."""
        self._ending.set()
        self._something.set()
        self._thread.join(PATIENCE_SECONDS)

    def _write_until_the_end(self) -> None:
        ending = False
        while not ending:
            self._something.wait()
            self._something.clear()
            self._write_waiting()
            ending = self._ending.wait(PAUSE_SECONDS)
        self._write_waiting()

    def _write_waiting(self) -> None:
        """No more than waits now: else, under load, each line would be written by itself."""
        piece: list[str] = []
        size = 0
        for line in list(islice(iter(self._lines.popleft, None), len(self._lines))):
            size += len(line)
            if size > PIECE and piece:
                self._write("".join(piece))
                piece, size = [], len(line)
            piece.append(line)
        if piece:
            self._write("".join(piece))

    def _write(self, lines: str) -> None:
        data = ("\n" * self._torn + lines).encode(errors="backslashreplace")
        rest = data
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # whoever shares this file wants it so
                    select.select([], [self._descriptor], [])
        except OSError:  # such as a full disk, or a pipe that nobody holds any more
            self._dropped(rest.count(b"\n") - (rest == data and self._torn))
        if len(rest) < len(data):
            self._torn = bool(rest)
