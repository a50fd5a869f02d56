"""Clients that count exactly: what was sent, and what became of each request."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from urllib.parse import urlsplit

from tests.faults.questions import Question

PATIENCE = 60.0  # seconds for an answer, which is more than the service takes for any
RST_SECONDS = 0.1  # until a reset has arrived that a request causes where nobody reads it
PAUSE = 0.02  # before another try to connect
CLOSED = 7  # state of a connection that was reset

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
CLOSING = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)
CODE = re.compile(rb'"code": ?"(\w+)"')


@dataclass
class Tally:
    """What became of `sent` requests: each is in one of answers, crossed, lost and late."""

    sent: int = 0
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By route and outcome: ok, or the code of the problem."""
    crossed: int = 0
    """Their connection was closed before the service had read them: not accepted, so sent anew."""
    lost: list[int] = field(default_factory=list)
    """Read and never answered: the port of each one's connection."""
    late: int = 0
    """Still without an answer after PATIENCE."""
    unconnected: int = 0
    """Tries to connect that failed; nothing was sent."""
    unasked: int = 0
    """Answers that nobody had asked for."""
    wrong: list[str] = field(default_factory=list)
    """Answers 200 other than the offline answer."""
    timed: list[tuple[float, float, str]] = field(default_factory=list)
    """When it was due (time.monotonic), seconds until its answer, outcome."""

    def answered(self, *outcomes: str) -> int:
        """With one of these outcomes; without any, at all."""
        return sum(
            count
            for (_, outcome), count in self.answers.items()
            if outcome in outcomes or not outcomes
        )

    def refused(self) -> int:
        return self.answered("overloaded", "draining", "not_ready", "rate_limited")

    def percentile(self, percent: float, outcome: str = "ok") -> float:
        """Of the seconds until an answer."""
        seconds = sorted(taken for _, taken, each in self.timed if each == outcome)
        return seconds[min(len(seconds) - 1, int(percent / 100 * len(seconds)))]

    def check(self) -> None:
        """Every request has exactly one answer, but for those that are counted otherwise, and
        every answer is the offline one."""
        assert self.wrong == []
        assert self.unasked == 0
        assert self.sent == self.answered() + self.crossed + len(self.lost) + self.late
        assert self.late == 0


class Load:
    """Sends questions from a thread of its own while the context is open; leaving it waits for the
    last answers.

    With `clients`, so many connections ask one question after the other. With `rate`, so many
    questions a second are sent at random times, whatever becomes of them.
    """

    def __init__(
        self,
        url: str,
        questions: Sequence[Question],
        *,
        clients: int = 0,
        rate: float = 0.0,
        seed: int = 1,
    ) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._clients, self._rate = clients, rate
        self._chance = random.Random(seed)  # noqa: S311 - not for secrets
        self._questions = questions
        self._over = False
        self._idle: list[_Connection] = []
        self._thread = Thread(target=self._run)
        self._failure: BaseException | None = None
        self.tally = Tally()

    def __enter__(self) -> Tally:
        self._thread.start()
        return self.tally

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._thread.join()
        if self._failure and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._ask_all())
        except BaseException as failure:  # told where the context is left
            self._failure = failure

    async def _ask_all(self) -> None:
        await (self._open_loop() if self._rate else self._closed_loop())
        await asyncio.sleep(0)  # in which what was closed comes to its end

    async def _closed_loop(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        connection: _Connection | None = None
        while not self._over:
            question = self._chance.choice(self._questions)
            connection = await self._ask(question, time.monotonic(), connection)
        if connection:
            connection.close()

    async def _open_loop(self) -> None:
        asking: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not self._over:
            due += self._chance.expovariate(self._rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._one(self._chance.choice(self._questions), due))
            asking.add(task)
            task.add_done_callback(asking.discard)
        await asyncio.gather(*asking)
        for connection in self._idle:
            connection.close()

    async def _one(self, question: Question, due: float) -> None:
        connection = await self._ask(question, due, self._idle.pop() if self._idle else None)
        if connection:
            self._idle.append(connection)

    async def _ask(
        self, question: Question, due: float, connection: _Connection | None
    ) -> _Connection | None:
        """Ask until the question is accepted or nobody listens any more; the connection, where it
        can be used again."""
        while True:
            if connection is None or connection.ended:
                try:
                    connection = await _connected(self._address, self.tally)
                except OSError:
                    self.tally.unconnected += 1
                    await asyncio.sleep(PAUSE)
                    return None
            self.tally.sent += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await connection.ask(question.request)
            except TimeoutError:
                self.tally.late += 1
                connection.close()
                return None
            if answer is not None:
                self._judge(question, answer, due)
                return None if connection.ended else connection
            if not await connection.was_reset():
                self.tally.lost.append(connection.port)
                return None
            self.tally.crossed += 1
            connection = None

    def _judge(self, question: Question, answer: bytes, due: float) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        outcome = "ok" if head[9:12] == b"200" else "none"
        if outcome == "ok" and body != question.expected:
            self.tally.wrong.append(f"{question.route}: {body[:300]!r}")
        elif outcome != "ok" and (code := CODE.search(body)):
            outcome = code[1].decode()
        self.tally.answers[question.route, outcome] += 1
        self.tally.timed.append((due, time.monotonic() - due, outcome))


class _Connection(asyncio.Protocol):
    """Asks one question at a time."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._waiting: asyncio.Future[bytes | None] | None = None
        self._received = b""
        self.ended = False
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self.port = self._socket.getsockname()[1]

    async def ask(self, request: bytes) -> bytes | None:
        """The whole answer; None where the connection ends before."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        if self.ended:  # meanwhile
            self._tell(None)
        return await self._waiting

    async def was_reset(self) -> bool:
        """Whether the last request was never read: else the service has closed without a reset."""
        await asyncio.sleep(RST_SECONDS)
        try:
            state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return self._failed
        finally:
            self.close()
        return self._failed or state == CLOSED

    _failed = False

    def close(self) -> None:
        self.ended = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self._tally.unasked += 1
            return
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        length = LENGTH.search(self._received, 0, head + 2) if head >= 0 else None
        if length is None or len(self._received) < (end := head + 4 + int(length[1])):
            return
        self._tally.unasked += len(self._received) > end
        answer, self._received = self._received[:end], b""
        self.ended = self.ended or bool(CLOSING.search(answer, 0, head + 2))
        self._tell(answer)
        if self.ended:
            self.close()

    def eof_received(self) -> bool:
        self.ended = True
        asking = self._waiting is not None
        self._tell(None)
        return asking  # then it stays half open, to see whether a reset comes

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._failed = isinstance(exc, ConnectionResetError | BrokenPipeError)
        self._tell(None)

    def _tell(self, answer: bytes | None) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)
        self._waiting = None


async def _connected(address: tuple[str, int], tally: Tally) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(tally), *address)
    return connection
