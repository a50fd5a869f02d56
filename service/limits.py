"""What a client may take of a connection's space and time, which uvicorn does not bound.

A connection only notes what it expects of the client, next to free of cost; once a second, `check`
lets go of whoever is late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from math import ceil
from types import SimpleNamespace
from typing import ClassVar

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import Malformed, Overloaded, ServiceError
from service.exchange import RequestIds
from service.problems import whole_answer
from service.settings import Settings
from service.telemetry import count_request

MAX_HEAD_BYTES = 16 * 2**10  # of request line and headers together
MAX_HEADERS = 100
SHORT_BODY = 64 * 2**10  # is read to its end even where the answer is there before
LINGER_BYTES = 32 * 2**20  # taken in for nothing, so that a client still sending gets its answer
LINGER_SECONDS = 5
MOST_ASKED = 100  # connections, when one of them will end: a flood must be cheap to turn away

HEAD, BODY, END = "head", "body", "end"  # what is expected of the client

LONG_HEAD = (
    f"Request line and headers take more than {MAX_HEAD_BYTES:,} bytes, or there are more than "
    f"{MAX_HEADERS} headers."
)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's, within limits and deadlines."""

    settings: ClassVar[Settings]
    most: ClassVar[int]  # connections of this process
    ids: ClassVar[RequestIds]
    lingering: ClassVar[int] = 0  # of these, those that have had their last answer
    answers_once: Callable[[], bool]  # whether the next answer must be the last

    _expected: str | None = HEAD
    _since: float | None = None  # when `check` first saw that
    _fruitless = 0  # bytes since the last that completed a head or were of a body
    _deaf = False  # nothing that comes matters any more
    _running: RequestResponseCycle | None = None
    _unsent = 0
    _unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        others = len(self.connections) - 1
        if others >= 2 * self.most:
            transport.abort()
        elif others - LimitedProtocol.lingering >= self.most:
            self._refuse(
                Overloaded("Too many connections are open.", retry_after_ms=self._room_after_ms())
            )

    def data_received(self, data: bytes) -> None:
        self._fruitless += len(data)
        if self._deaf:
            if self._fruitless > LINGER_BYTES:
                self.transport.abort()
            return
        self._unset_keepalive_if_required()
        if self._expected is None:  # a head begins; its first bytes may be empty lines
            self._expected, self._since = HEAD, None
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            if not self._deaf:
                self.shutdown()  # there is nothing else to speak, and the parser has lost its place
        except HttpParserError:
            if not self._deaf:  # else it has its answer already
                self._refuse(Malformed("This is not HTTP/1.1."))
        if self._deaf:
            return
        if self._fruitless > MAX_HEAD_BYTES:
            self._refuse(Malformed(LONG_HEAD))
        elif self._expected is BODY and not self.cycle.response_complete:
            self._close_after_early_answer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._expected is None and not self._deaf:  # in the same bytes as the end of another
            self._expected, self._since = HEAD, None

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        if len(self.headers) > MAX_HEADERS or (
            self._fruitless > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES
        ):
            self._refuse(Malformed(LONG_HEAD))
            return
        self.on_head()  # raises where the target is none
        if not self._deaf:
            self._expected, self._since, self._fruitless = BODY, None, 0
            self.headers = []  # for trailers, which must not change what has been looked at

    def on_head(self) -> None:
        """A head within limits has come; begin with the request."""
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._fruitless = 0
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._deaf:
            return
        self._expected, self._fruitless = None, 0
        super().on_message_complete()
        cycle = self.cycle
        if cycle.response_complete:
            self.on_response_complete()  # from here on, the connection is idle
        elif cycle.transport is not self.transport and not cycle.response_started:
            cycle.keep_alive = cycle.transport.stays and not self.answers_once()  # type: ignore[attr-defined]
            cycle.transport = self.transport

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running and not self._running.response_complete:
            # uvicorn tells the request that came last, behind which others may be at work.
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        if self._expected is END:
            LimitedProtocol.lingering -= 1

    def _room_after_ms(self) -> int:
        """When one of the other connections will have ended, or its request, at the latest."""
        now = self.loop.time()
        others = islice(self.connections - {self}, MOST_ASKED)
        soonest = min(each._free_by(now) for each in others if isinstance(each, LimitedProtocol))
        return max(1, ceil((soonest - now) * 1000))

    def _free_by(self, now: float) -> float:
        if self.timeout_keep_alive_task:
            return self.timeout_keep_alive_task.when()
        since = now if self._since is None else self._since
        return since + self._longest()

    def check(self, now: float) -> None:
        """Let go of a client that has kept this connection waiting for too long, at this time of
        the event loop."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > self.settings.send_seconds:
            self.transport.abort()
            return
        if self._expected is None or self.flow.read_paused:
            self._since = None
        elif self._since is None:
            self._since = now
        else:
            self._expect_no_longer(now - self._since)

    def _longest(self) -> float:
        """Seconds that what is expected now may take: of the client, or else of us."""
        settings = self.settings
        match self._expected:
            case "head":
                return settings.head_seconds
            case "body":
                return settings.body_seconds
            case "end":
                return LINGER_SECONDS
        return settings.deadline_ms / 1000

    def _expect_no_longer(self, passed: float) -> None:
        longest = self._longest()
        if passed > longest:
            if self._expected is END:
                self.transport.abort()
                return
            if self.scope is None:  # not a byte has come: nothing was asked
                self.transport.close()
                return
            late = f"The {self._expected} of the request took longer than {longest} seconds."
            self._refuse(Malformed(late))

    def _head_bytes(self) -> int:
        """With the colon of each line, and its end."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def has_long_body(self) -> bool:
        """Whether the body may be longer than is worth reading for nothing."""
        found = dict(self.scope["headers"])
        return b"transfer-encoding" in found or int(found.get(b"content-length", 0)) > SHORT_BODY

    def _close_after_early_answer(self) -> None:
        """Have the connection closed should the answer come before all of a long body; or before
        one that the client sends only when asked to, since it may as well go on without it."""
        cycle = self.cycle
        if cycle.transport is self.transport and (self.expect_100_continue or self.has_long_body()):
            cycle.transport = SimpleNamespace(  # type: ignore[assignment]
                write=self.transport.write,
                is_closing=self.transport.is_closing,
                close=self.linger,
                stays=cycle.keep_alive,
            )
            cycle.keep_alive = False

    def _refuse(self, error: ServiceError) -> None:
        """Answer with an error where it is this request's turn and it has no answer, and close."""
        cycle, half = self.cycle, self._expected is BODY
        if half and cycle.response_complete:
            self.linger()
        elif half and (self.pipeline or cycle.response_started):
            self.transport.abort()
        elif half or cycle is None or cycle.response_complete:
            found = dict(self.scope["headers"]) if self.scope else {}
            request_id = self.ids.of(found.get(b"x-request-id"))
            more = (*self.server_state.default_headers, (b"connection", b"close"))
            self.transport.write(whole_answer(error, request_id, more))
            if half:  # whoever reads it learns that the rest will not come
                cycle.disconnected = True
                cycle.message_event.set()
            else:
                count_request("none", error.code, None)
            self.linger()
        else:  # after the answers to the requests before
            self._deaf, self._expected = True, None
            cycle.keep_alive = False

    def linger(self) -> None:
        """Close as soon as the client has stopped sending: were it closed before, the client could
        lose what it was told (RFC 9112, section 9.6)."""
        if self._expected is END or self.transport.is_closing():
            return
        LimitedProtocol.lingering += 1
        self._deaf, self._expected, self._since, self._fruitless = True, END, None, 0
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():  # TLS cannot
            self.transport.write_eof()
