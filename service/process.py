"""A worker process, seen from the supervisor."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from service.settings import Settings

log = logging.getLogger(__name__)

SETTLED_SECONDS = 10.0  # what lives longer has not died of its start
SPARE_SECONDS = 8.0  # to end, beyond the time for open requests
RETRY_SECONDS = 0.05  # while its channel is full
NEWS_SECONDS = 1.0  # between two signs of life
SILENT_SECONDS = 5  # without one, after which others get the connections
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotStarted(Exception):
    """A worker could not start; the message is for the operator."""


class WorkerProcess:
    """Starts with its creation, and speaks as `service.worker` says."""

    def __init__(
        self, settings: Settings, counters: Path, reload: Callable[[WorkerProcess, int], None]
    ) -> None:
        """`reload` is told of a number of clients who want the models loaded anew.

        Raises OSError where the system has no room for another process.
        """
        self.over = asyncio.Event()  # another should take its place, or has
        self.rejected: list[str] = []  # versions that it passed over, and why
        self._reload = reload
        self.models: list[str] = []  # that it serves, as digits/1
        self._untold: deque[bytes] = deque()
        self._failure = ""
        self._answered = asyncio.Event()  # one of both is there
        self.leaving = self.finishing = self._closing = False
        self.open = 0  # connections
        self._silent = 0  # seconds without a sign of life
        # By then whatever it was asked is late, and no other sees to that.
        self._most_silent = 2 * SILENT_SECONDS + settings.deadline_ms / 1000
        self._born = time.monotonic()
        self._patience = settings.idle_seconds + settings.drain_seconds + SPARE_SECONDS
        self._counters = counters
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        environment = {**settings.as_environment(), "PROMETHEUS_MULTIPROC_DIR": str(counters)}
        with theirs:
            # The worker inherits this; it takes SIGTERM as soon as it knows what to do with it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", "service.worker", str(theirs.fileno())],
                    env={**os.environ, **environment},
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.ended = asyncio.create_task(self._listen())

    async def started(self) -> None:
        """Return when it serves; raises NotStarted."""
        await self._answered.wait()
        if self._failure:
            raise NotStarted(self._failure)

    def serves(self) -> bool:
        return bool(self.models) and not self.finishing and self._silent <= SILENT_SECONDS

    def take(self, connection: socket.socket) -> bool:
        """Hand over a connection; False where the worker is gone or its channel full."""
        try:
            socket.send_fds(self._channel, [b"c"], [connection.fileno()])
        except OSError:
            return False
        self.open += 1
        return True

    def tell(self, **news: object) -> None:
        """Send it what `service.worker` says it understands."""
        message = json.dumps(news).encode()
        self._untold.append(b"n" + len(message).to_bytes(2) + message)
        self._deliver()

    def finish(self) -> None:
        """Have it end, as the whole service does, when what is open is answered; nothing more may
        be handed over."""
        self._closing = True
        self._deliver()
        # One that does not serve yet has nothing to finish, and would not listen before.
        self._expect_end(self._patience if self.models else 0)

    def retire(self) -> None:
        """As `finish`, where another has taken its place; it can still be told news."""
        self.over.set()
        self.tell(replaced=True)
        self._expect_end(self._patience)

    def kill(self) -> None:
        self._process.kill()

    def settled(self) -> bool:
        return time.monotonic() - self._born > SETTLED_SECONDS

    def __str__(self) -> str:
        status = self._process.returncode
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return f"worker {self._process.pid} ended {how}"

    async def _listen(self) -> None:
        """Take in what the worker says; returns when its process is gone."""
        reader, writer = await asyncio.open_connection(sock=self._channel)
        with suppress(ConnectionError):  # so its end looks when connections were on their way to it
            async for line in reader:
                self._silent = 0
                for key, value in json.loads(line).items():
                    self._hear(key, value)
        self._expect_end(self._patience)
        await asyncio.to_thread(self._process.wait)
        writer.close()
        # What prometheus_client.multiprocess.mark_process_dead does, without loading all of it.
        for gauge in self._counters.glob(f"gauge_live*_{self._process.pid}.db"):
            gauge.unlink(missing_ok=True)
        if not self._answered.is_set():
            self._failure = f"{self} before it was ready"
            self._answered.set()
        self.over.set()

    def _deliver(self) -> None:
        try:
            while self._untold:  # a message is so short that the socket takes it whole or not
                self._channel.send(self._untold[0])
                self._untold.popleft()
            if self._closing:
                self._channel.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._deliver)
        except OSError:  # it has ended already
            self._untold.clear()

    def _watch(self) -> None:
        """End one that hangs. By counting, since all of the machine may have stood still."""
        self._silent += 1
        if self.finishing:  # which has its own end
            return
        if self._silent > self._most_silent:
            log.error("worker %d hangs, and is killed", self._process.pid)
            self.kill()
        else:
            asyncio.get_running_loop().call_later(NEWS_SECONDS, self._watch)

    def _expect_end(self, patience: float) -> None:
        self.finishing = True
        asyncio.get_running_loop().call_later(patience, self.kill)

    def _hear(self, key: str, value: object) -> None:
        match key, value:
            case "ready", list(models):
                self.models = models
                self._answered.set()
                self._watch()
            case "rejected", list(reasons):
                self.rejected = reasons
            case "reload", int(calls):
                self._reload(self, calls)
            case "failed", str(reason):
                self._failure = reason
                self._answered.set()
            case "closed", int(number):
                self.open -= number
            case "leaving", True:
                self.leaving = True
                self.over.set()
