"""Requests that come when they come, whether or not earlier ones are answered.

Every time is taken from the moment at which a request was due, so that a generator or a server
that falls behind cannot hide it ("coordinated omission"). A loop of its own around epoll, because
one core must send some 15,000 requests a second, which asyncio does not; one request is on its way
on each connection, and there are as many connections as that takes, up to a limit.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

IN, OUT, BOTH = select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT
BURST = 16  # requests that are sent before answers are looked at again
SPIN = 0.0002  # seconds of waiting that are too short to sleep through precisely
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass
class Record:
    """What became of the requests; times in seconds after the first could be due."""

    sent: list[tuple[float, float]] = field(default_factory=list)  # due, sent
    answers: list[tuple[float, float, int]] = field(default_factory=list)  # due, answered, status
    bodies: list[bytes] = field(default_factory=list)  # of the answers, where they are kept
    broken: int = 0  # connections that ended without an answer
    unanswered: list[float] = field(default_factory=list)  # when those were due
    seconds: float = 0.0  # until it was over
    connections: int = 0
    exhausted: int = 0  # requests that were due when every connection was taken


class Connection:
    """A connection and the request that is on its way on it."""

    __slots__ = ("due", "received", "socket", "unsent")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(address)  # goes on meanwhile; a failure shows when it is used
        self.due = 0.0
        self.unsent = self.received = b""


class OpenLoop:
    """Sends `requests` one after the other, over and over, to the server at `address`."""

    def __init__(
        self,
        address: tuple[str, int],
        requests: Sequence[bytes],
        *,
        most_connections: int = 2000,
        keep: bool = False,
    ) -> None:
        """`keep` the bodies of answers."""
        self._address = address
        self._requests = requests
        self._most = most_connections
        self._keep = keep
        self._epoll = select.epoll()
        self._open: dict[int, Connection] = {}
        self._idle: list[Connection] = []
        self._due: deque[tuple[float, bytes]] = deque()  # without a connection
        self._start = 0.0
        self._record = Record()

    def run(self, arrivals: Sequence[float], patience: float) -> Record:
        """Send one request at each of the times, in seconds from now and in order; then wait for
        what is unanswered, at most `patience` seconds."""
        position, count, total = 0, len(self._requests), len(arrivals)
        end = (arrivals[-1] if total else 0.0) + patience
        self._start = time.perf_counter()
        while position < total or len(self._idle) < len(self._open) or self._due:
            now = time.perf_counter() - self._start
            if now > end:
                break
            burst = 0
            while position < total and arrivals[position] <= now and burst < BURST:
                self._send(arrivals[position], self._requests[position % count])
                position, burst = position + 1, burst + 1
            self._receive(0.0 if burst else (arrivals[position] if position < total else end) - now)
        self._record.seconds = time.perf_counter() - self._start
        self._record.unanswered = [due for due, _ in self._due]
        for connection in self._open.values():
            if connection not in self._idle:
                self._record.unanswered.append(connection.due)
            connection.socket.close()
        self._epoll.close()
        return self._record

    def _send(self, due: float, request: bytes) -> None:
        if self._idle:
            connection = self._idle.pop()
        elif len(self._open) < self._most:
            connection = Connection(self._address)
            self._open[connection.socket.fileno()] = connection
            self._epoll.register(connection.socket, BOTH)
            self._record.connections = max(self._record.connections, len(self._open))
            connection.due, connection.unsent = due, request
            self._record.sent.append((due, time.perf_counter() - self._start))
            return
        else:
            self._due.append((due, request))
            self._record.exhausted += 1
            return
        connection.due = due
        self._record.sent.append((due, time.perf_counter() - self._start))
        try:
            size = connection.socket.send(request)
        except BlockingIOError:
            size = 0
        except OSError:
            self._drop(connection, answered=False)
            return
        if size < len(request):
            connection.unsent = request[size:]
            self._epoll.modify(connection.socket, BOTH)

    def _receive(self, wait: float) -> None:
        """Take in answers; sleep at most `wait` seconds for the first."""
        if wait > SPIN:
            # epoll counts in milliseconds, select in microseconds.
            select.select([self._epoll], [], [], wait - SPIN)
        for number, event in self._epoll.poll(0):
            connection = self._open[number]
            try:
                if event & OUT and connection.unsent:
                    size = connection.socket.send(connection.unsent)
                    connection.unsent = connection.unsent[size:]
                    if not connection.unsent:
                        self._epoll.modify(connection.socket, IN)
                if event & ~OUT:
                    self._take_in(connection, connection.socket.recv(65_536))
            except BlockingIOError:
                continue
            except OSError:
                self._drop(connection, answered=False)

    def _take_in(self, connection: Connection, data: bytes) -> None:
        """Part of an answer, mostly all of it; none at the end of the connection."""
        if not data:
            self._drop(connection, answered=connection in self._idle)
            return
        if connection.received:
            data = connection.received + data
        head = data.find(b"\r\n\r\n")
        length = LENGTH.search(data, 0, head) if head >= 0 else None
        if length is None or len(data) < head + 4 + int(length[1]):
            connection.received = data
            return
        connection.received = b""
        answered = time.perf_counter() - self._start
        self._record.answers.append((connection.due, answered, int(data[9:12])))
        if self._keep:
            self._record.bodies.append(data[head + 4 :])
        if CLOSE.search(data, 0, head):
            self._drop(connection, answered=True)
            return
        self._idle.append(connection)
        if self._due:
            self._send(*self._due.popleft())

    def _drop(self, connection: Connection, *, answered: bool) -> None:
        """The connection is of no more use."""
        self._record.broken += not answered
        del self._open[connection.socket.fileno()]
        connection.socket.close()
        with suppress(ValueError):
            self._idle.remove(connection)
        if self._due:
            self._send(*self._due.popleft())
