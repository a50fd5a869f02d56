"""python -m service.worker <fd>: one process that answers; `supervisor` starts and feeds it.

<fd> is the channel, a stream socket. Its end, also by the supervisor's death, means: finish what is
open and end. Until then the supervisor sends, again and again, either the byte c with the
descriptor of an accepted connection, or the byte n and news: 2 bytes that tell how long it is, and
an object of JSON with any of
    "draining": true             the service will soon end, and is to be called not ready
    "replaced": true             finish what is open and end: another has taken this one's place
    "reload": {"calls": 2, "before": ["digits/1", ...], "serving": ["digits/2", ...]}
                                 the answer to so many calls; null serves where nothing changed
    "count": "restart"           something for `telemetry.COUNTED`
To the supervisor go objects, each a line of JSON, with any of
    "ready": ["digits/1", ...]   once, when this worker serves these models
    "rejected": ["...", ...]     with it: versions that were passed over, and why
    "failed": "..."              instead of it: a model cannot be served, and why
    "closed": 3                  so many connections more have ended
    "reload": 1                  so many clients more want the models loaded anew
    "alive": true                again and again, lest it be taken for one that hangs
    "leaving": true              it was told by SIGTERM to end, and asks for a successor
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import ceil
from typing import Any

import uvicorn
from fastapi import FastAPI

from service import counters, logs
from service.app import create_app, gate, shedding
from service.connection import Connection
from service.errors import Draining, KeysError, ModelError, NotReady
from service.files import room_for
from service.gate import Observer
from service.line_writer import LineWriter
from service.registry import Model, rejected
from service.request_log import RequestLog
from service.settings import Settings
from service.telemetry import COUNTED, LOST_LINES
from service.tls import TlsError, tls_context

log = logging.getLogger(__name__)

NOTHING_NEW = "The models were not loaded anew: what served before goes on. The log says why."
RETRY_SECONDS = 0.05  # while the supervisor does not read
FIRST_REQUEST_SECONDS = 1.0  # for one that is on its way when the service is told to stop
CHECK_SECONDS = 1.0  # between two looks for clients that overstay, and two signs of life


def main() -> None:
    """Serve what comes over the channel, until its end."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.setblocking(False)
    settings = Settings()
    counters.add_up_ended()
    writer = logs.begin(settings, LOST_LINES.inc)
    try:
        tls = tls_context(settings)
        app = create_app(settings)
    except (KeysError, ModelError, TlsError) as error:
        channel.send(_line({"failed": str(error)}))
        sys.exit(1)
    application = gate(app)
    Connection.settings = settings
    Connection.most = room_for(settings.max_connections)
    Connection.ids = application.ids
    Connection.refusal = shedding(app, application.ids).refusal
    config = uvicorn.Config(
        application,
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        headers=[("x-content-type-options", "nosniff")],
        # No answer depends on the address of a client, only what is noted of it.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=settings.idle_seconds,
        ssl_context_factory=None if tls is None else lambda *_: tls,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    with ExitStack() as stack:
        application.observers = list(_observers(settings, writer, stack))
        _Server(config, channel, app).run(sockets=[])


def _observers(settings: Settings, writer: LineWriter, stack: ExitStack) -> Iterator[Observer]:
    """Who is told of each request; leaving the stack ends them."""
    if settings.access_log:
        for_people = logs.for_people(settings)
        yield RequestLog(writer, for_people=for_people, least=settings.log_level)
    if settings.trace_endpoint:
        from service.tracing import Tracing  # what it needs is not always installed

        tracing = Tracing(settings.trace_endpoint, settings.trace_share)
        stack.callback(tracing.close)
        yield tracing


class _Server(uvicorn.Server):
    """Takes its connections from the channel instead of a listening socket."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket, app: FastAPI) -> None:
        super().__init__(config)
        self._channel = channel
        self._state = app.state
        self._state.reload = self._reload
        self._reloads: deque[asyncio.Future[tuple[list[str], list[str]]]] = deque()
        self._arriving: set[asyncio.Task[None]] = set()
        self._replaced = self._finishing = False
        self._news: dict[str, Any] = {}  # what the supervisor has not been told yet

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours are in place."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        # Until here the supervisor had it blocked. SIGINT and SIGHUP stay so: they reach the whole
        # group, and what they mean is decided there.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        loop.add_reader(self._channel, self._receive)
        loop.call_later(CHECK_SECONDS, self._check)
        models: Mapping[str, Model] = self._state.models
        Draining.successor_ms = ceil(time.process_time() * 1000)  # imports are in it
        self._tell("rejected", rejected(models, self._state.settings))
        self._tell("ready", [model.predictor.version for model in models.values()])

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in self._open():
            connection.check(loop.time())
        self._tell("alive", True)
        loop.call_later(CHECK_SECONDS, self._check)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which closes whatever is quiet, but after a while in which requests that
        are on their way still get their answer: new connections always, and idle ones where
        another worker takes over, since there nobody waits for the end."""
        if self._arriving:
            await asyncio.wait(self._arriving)
        for connection in self._open():
            if not self._may_ask(connection):
                connection.shutdown()
        patience = self.config.timeout_keep_alive if self._replaced else FIRST_REQUEST_SECONDS
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while any(map(self._may_ask, self._open())) and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    def _open(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]

    def _may_ask(self, connection: Connection) -> bool:
        if connection.cycle is None:
            return True
        return self._replaced and connection.cycle.response_complete

    def _leave(self) -> None:
        self._tell("leaving", True)

    def _receive(self) -> None:
        try:
            command, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except BlockingIOError:
            return
        except OSError:  # the supervisor died with our news unread
            command, descriptors = b"", []
        if not command:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._state.draining = True
            self._finishing = self.should_exit = True
            self._answer_reloads(len(self._reloads), None)
        elif command == b"n":
            size = int.from_bytes(self._channel.recv(2))
            for key, value in json.loads(self._channel.recv(size)).items():
                self._hear(key, value)
        elif descriptors:
            task = asyncio.create_task(self._welcome(socket.socket(fileno=descriptors[0])))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)
        else:  # the kernel drops what a process may not open any more
            log.error("a connection was lost: too many open files")
            self._lost()

    def _hear(self, key: str, value: Any) -> None:
        match key:
            case "draining":
                self._state.draining = True
            case "replaced":
                self._replaced = self._finishing = self.should_exit = True
            case "count":
                COUNTED[value]()
            case "reload":
                serving = value["serving"]
                self._answer_reloads(value["calls"], serving and (value["before"], serving))

    async def _reload(self) -> tuple[list[str], list[str]]:
        """As `routes.admin.Reload`."""
        if self._state.draining:
            raise Draining.now()
        outcome: asyncio.Future[tuple[list[str], list[str]]] = asyncio.Future()
        self._reloads.append(outcome)
        self._tell("reload", self._news.get("reload", 0) + 1)
        return await outcome

    def _answer_reloads(self, calls: int, versions: tuple[list[str], list[str]] | None) -> None:
        for outcome in [self._reloads.popleft() for _ in range(calls)]:
            if outcome.done():  # its client did not wait
                continue
            if versions:
                outcome.set_result(versions)
            else:
                outcome.set_exception(NotReady(NOTHING_NEW))

    async def _welcome(self, client: socket.socket) -> None:
        client.setblocking(False)
        tls: dict[str, Any] = {}
        if self.config.ssl:
            patience = Connection.settings.head_seconds
            tls = {"ssl": self.config.ssl, "ssl_handshake_timeout": patience}
        try:
            if tls and len(self._arriving) > Connection.most:
                raise ConnectionAbortedError
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(self._connection, client, **tls)
        except OSError:  # it has gone already, or does not speak TLS
            client.close()
            self._lost()

    def _connection(self) -> Connection:
        """As in uvicorn's own startup."""
        connection = Connection(self.config, self.server_state, self.lifespan.state)
        connection.when_lost = self._lost
        connection.answers_once = lambda: self._finishing
        return connection

    def _lost(self) -> None:
        self._tell("closed", self._news.get("closed", 0) + 1)

    def _tell(self, key: str, value: object) -> None:
        """In one line with whatever else comes up in this turn of the loop."""
        if not self._news:
            asyncio.get_running_loop().call_soon(self._send_news)
        self._news[key] = value

    def _send_news(self) -> None:
        try:  # a line is so short that the socket takes it whole or not at all
            self._channel.send(_line(self._news))
        except BlockingIOError:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._send_news)
            return
        except OSError:  # nobody is there to be told
            pass
        self._news = {}


def _line(news: dict[str, Any]) -> bytes:
    return json.dumps(news).encode() + b"\n"


if __name__ == "__main__":
    main()
