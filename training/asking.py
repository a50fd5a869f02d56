"""Asking a service over HTTP: many inputs at a time, the replies in their order."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

CONNECTIONS = 4
PATIENCE = 60  # seconds for an answer, and for a service to get ready
FAREWELL = 10  # seconds for a service to end when told to
TRIES = 10  # of one request, where the service asks to come again or closes the connection
BUSY = (429, 503)

Item = TypeVar("Item")


class NoService(Exception):
    """Nothing answers as the service does; the message says where, and what came instead."""


@dataclass(frozen=True)
class Reply:
    """Status and JSON of an answer, or of a problem (RFC 9457)."""

    status: int
    content: dict[str, Any]


class Client:
    """A few connections to one service, which stay open until the context is left."""

    def __init__(self, url: str) -> None:
        """Raises NoService where this is no http address."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NoService(f"{url} is no address such as http://127.0.0.1:8000")
        self._prefix = parts.path
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._free: SimpleQueue[HTTPConnection] = SimpleQueue()
        self._stack = ExitStack()
        for _ in range(CONNECTIONS):
            connection = kind(parts.hostname, parts.port, timeout=PATIENCE)
            self._stack.callback(connection.close)
            self._free.put(connection)
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._stack.callback(self._pool.shutdown, cancel_futures=True)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def ask(self, target: str, body: bytes, media_type: str) -> Reply:
        """POST to a path with its query; comes again where the service is busy, and says so.

        Raises NoService.
        """
        headers = {"Content-Type": media_type}
        for _ in range(TRIES):
            reply = self._exchange("POST", target, body, headers)
            if reply.status not in BUSY:
                break
            time.sleep((reply.content.get("retry_after_ms") or 1000) / 1000)
        return reply

    def ask_all(
        self, target: str, items: Iterable[Item], body: Callable[[Item], bytes], media_type: str
    ) -> Iterator[tuple[Item, Reply]]:
        """Every item with its reply, in order; few are taken from `items` ahead of the replies."""
        waiting: deque[tuple[Item, Future[Reply]]] = deque()
        for item in items:
            waiting.append((item, self._pool.submit(self.ask, target, body(item), media_type)))
            if len(waiting) > 2 * CONNECTIONS:
                first, reply = waiting.popleft()
                yield first, reply.result()
        for item, reply in waiting:
            yield item, reply.result()

    def wait_until_ready(self) -> None:
        """Returns when /health/ready answers with 200; raises NoService."""
        end = time.monotonic() + PATIENCE
        while (reply := self._exchange("GET", "/health/ready")).status == 503:
            if time.monotonic() > end:
                raise NoService(f"{self.url} did not get ready within {PATIENCE} seconds")
            time.sleep(0.1)
        if reply.status != 200:
            raise NoService(f"{self.url}/health/ready answers with status {reply.status}")

    def _exchange(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Reply:
        connection = self._free.get()
        try:
            for _ in range(TRIES):
                try:
                    with suppress(BrokenPipeError, ConnectionResetError):  # refused by its head
                        connection.request(method, self._prefix + target, body, headers or {})
                    return self._reply(connection.getresponse())
                except ConnectionRefusedError:
                    raise
                except (ConnectionError, HTTPException):  # closed while it was idle
                    connection.close()
            raise NoService(f"{self.url} closes its connections without an answer")
        except OSError as error:
            connection.close()
            raise NoService(f"{self.url} does not answer: {error.strerror or error}") from error
        finally:
            self._free.put(connection)

    def _reply(self, response: HTTPResponse) -> Reply:
        written = response.read()
        try:
            content = json.loads(written)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise NoService(f"{self.url} does not answer with a JSON object: it is something else")
        return Reply(response.status, content)


@contextmanager
def answering(url: str | None) -> Iterator[Client]:
    """Asks the service at `url`, or one that is started for this; it is ready.

    Raises NoService.
    """
    with ExitStack() as stack:
        address = url or stack.enter_context(_started())
        client = stack.enter_context(Client(address))
        client.wait_until_ready()
        yield client


@contextmanager
def _started() -> Iterator[str]:
    """Where a service listens that ends with the context; it takes the settings of the environment
    (SERVICE_...), and what it complains about goes to standard error."""
    command = [sys.executable, "-m", "service", "--host", "127.0.0.1", "--port", "0"]
    command += ["--access-log", "false"]  # what it says stands between what this program says
    process = subprocess.Popen(  # noqa: S603 - our own
        command,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends this program, which then ends the service
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker
    usual = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        greeting = iter(process.stdout.readline, "")
        found = next((found for line in greeting if (found := _address(line))), None)
        if found is None:
            raise NoService("the service did not start")
        yield found
    finally:
        process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(FAREWELL)
        finally:  # also upon a second Ctrl-C
            with suppress(ProcessLookupError):  # what is left of its group, mostly nothing
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            signal.signal(signal.SIGTERM, usual)


def _address(line: str) -> str | None:
    found = re.search(r"http://\S+?:\d+", line)
    return found and found[0]
