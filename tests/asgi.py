"""One request to the gate, message by message."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access
from service.exchange import Bodies
from service.gate import Endpoint, Gate

LIMIT = 10  # bytes of a body
BODIES = Bodies(LIMIT, LIMIT)
NO_KEYS = Access({}, Path())


async def not_called(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise AssertionError("this request was to be answered before")


async def sent(
    endpoint: Endpoint | None = None,
    chunks: Iterable[bytes] = (b"",),
    headers: Iterable[tuple[bytes, bytes]] = (),
    app: ASGIApp = not_called,
    access: Access = NO_KEYS,
    path: str = "/",
) -> list[Message]:
    """All that the client of one request gets from an endpoint of the gate or the application
    behind it; after `chunks` the client hangs up."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if messages:
        messages[-1]["more_body"] = False
    incoming = iter(messages)
    answer: list[Message] = []

    async def receive() -> Message:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answer.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    endpoints = {("POST", path): endpoint} if endpoint else {}
    await Gate(app, endpoints, bodies=BODIES, access=access)(scope, receive, send)
    return answer


def header(answer: list[Message], name: bytes) -> str | None:
    values = [value for key, value in answer[0]["headers"] if key.lower() == name]
    assert len(values) <= 1
    return values[0].decode() if values else None


def problem(answer: list[Message]) -> dict[str, Any]:
    """The body of an answer that is one whole problem."""
    start, end = answer
    assert (start["type"], end["type"]) == ("http.response.start", "http.response.body")
    assert header(answer, b"content-type") == "application/problem+json"
    assert header(answer, b"content-length") == str(len(end["body"]))
    assert not end.get("more_body")
    body: dict[str, Any] = json.loads(end["body"])
    assert body["status"] == start["status"]
    assert body["request_id"] == header(answer, b"x-request-id")
    return body
