"""HTTP byte by byte, for what no client library would send."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from io import BytesIO
from typing import Any


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the service closes."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


class _Recorded:
    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, mode: str) -> BytesIO:  # noqa: ARG002
        return BytesIO(self._received)


def parse(received: bytes) -> tuple[http.client.HTTPResponse, bytes, bytes]:
    """The first answer, its body, and whatever follows it."""
    answer = http.client.HTTPResponse(_Recorded(received))  # type: ignore[arg-type]
    answer.begin()
    rest = received.partition(b"\r\n\r\n")[2]
    length = int(answer.headers["Content-Length"])
    return answer, rest[:length], rest[length:]


def last_problem(received: bytes) -> dict[str, Any]:
    """The problem that is the only and last answer of a connection."""
    answer, body, rest = parse(received)
    assert rest == b""
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(body)
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    return problem
