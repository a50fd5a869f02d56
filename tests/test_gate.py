"""The gate around small applications, message by message."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded
from service.gate import Gate
from tests.deadline import within_deadline

LIMIT = 10  # bytes of a body
SECRET = "password: zebra4711"  # noqa: S105 - what no answer may tell


async def tell_id(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(scope["state"]["request_id"])(scope, receive, send)


async def tell_length(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads the whole body."""
    body = await Request(scope, receive).body()
    await Response(f"{len(body)} bytes")(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise Overloaded("Too many rows are waiting.", retry_after_ms=1200)


async def fail(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError(SECRET)


async def fail_half_way(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError(SECRET)


async def not_called(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise AssertionError("this request was to be refused before")


async def sent(
    app: ASGIApp,
    chunks: Iterable[bytes] = (b"",),
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> list[Message]:
    """All that the client of one request gets; after `chunks` it hangs up."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if messages:
        messages[-1]["more_body"] = False
    incoming = iter(messages)
    answer: list[Message] = []

    async def receive() -> Message:
        return next(incoming, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        answer.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
    await Gate(app, max_body_bytes=LIMIT)(scope, receive, send)
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
    assert not end.get("more_body")
    body: dict[str, Any] = json.loads(end["body"])
    assert body["status"] == start["status"]
    assert body["request_id"] == header(answer, b"x-request-id")
    return body


@pytest.mark.parametrize("given", [b"a", b"x" * 64, b"Az09._-", b"-"])
@within_deadline
async def test_well_formed_request_id_is_echoed(given: bytes) -> None:
    answer = await sent(tell_id, headers=[(b"x-request-id", given)])
    assert header(answer, b"x-request-id") == given.decode()
    assert answer[1]["body"] == given


@pytest.mark.parametrize(
    "given", [b"", b"x" * 65, b"a b", b"a\n", b"a\r\nset-cookie: b", b"a/b", b"\xc3\xa9", b"\xb2"]
)
@within_deadline
async def test_malformed_request_id_is_replaced(given: bytes) -> None:
    answer = await sent(tell_id, headers=[(b"x-request-id", given)])
    made = header(answer, b"x-request-id") or ""
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert answer[1]["body"] == made.encode()


@within_deadline
async def test_requests_without_an_id_get_one_each() -> None:
    first, second = await sent(tell_length), await sent(tell_length)
    assert header(first, b"x-request-id") != header(second, b"x-request-id")


@pytest.mark.parametrize("chunks", [[b""], [b"1234567890"], [b"1"] * 10])
@within_deadline
async def test_body_up_to_the_limit_passes(chunks: list[bytes]) -> None:
    length = str(len(b"".join(chunks))).encode()
    for headers in ([], [(b"content-length", length)]):
        start, body = await sent(tell_length, chunks, headers)
        assert start["status"] == 200
        assert body["body"] == length + b" bytes"


@pytest.mark.parametrize("announced", [b"11", b"9" * 100])
@within_deadline
async def test_body_that_is_announced_too_large_never_reaches_the_application(
    announced: bytes,
) -> None:
    answer = await sent(not_called, [], [(b"content-length", announced)])
    assert problem(answer)["code"] == "too_large"
    assert answer[0]["status"] == 413


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"5")], [(b"content-length", b"x")]])
@pytest.mark.parametrize("chunks", [[b"12345678901"], [b"1"] * 11, [b"12345", b"", b"678901"]])
@within_deadline
async def test_body_that_grows_too_large_is_refused(
    chunks: list[bytes], headers: list[tuple[bytes, bytes]]
) -> None:
    answer = await sent(tell_length, chunks, headers)
    assert problem(answer)["code"] == "too_large"


@within_deadline
async def test_error_for_the_client_becomes_its_problem() -> None:
    answer = await sent(refuse)
    body = problem(answer)
    assert (body["code"], body["detail"]) == ("overloaded", "Too many rows are waiting.")
    assert body["retry_after_ms"] == 1200
    assert header(answer, b"retry-after") == "2"


@within_deadline
async def test_fault_becomes_one_problem_that_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await sent(fail, headers=[(b"x-request-id", b"some-request")])
    body = problem(answer)
    assert (body["status"], body["code"]) == (500, "internal")
    assert SECRET not in str(answer)
    assert "RuntimeError" not in str(answer)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "some-request" in record.getMessage()
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


@within_deadline
async def test_fault_within_an_answer_does_not_start_a_second_one() -> None:
    answer = await sent(fail_half_way)
    assert [message["type"] for message in answer] == ["http.response.start", "http.response.body"]
    assert answer[1]["body"] == b"half"


@within_deadline
async def test_client_that_went_away_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    assert await sent(tell_length, chunks=[]) == []
    assert not caplog.records


@within_deadline
async def test_request_that_the_server_ends_is_told_that_it_is_shutting_down() -> None:
    begun = asyncio.Event()

    async def take_long(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        begun.set()
        await asyncio.Event().wait()

    request = asyncio.create_task(sent(take_long))
    await begun.wait()
    request.cancel()
    assert problem(await request)["code"] == "draining"


@within_deadline
async def test_what_is_not_http_passes_untouched() -> None:
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((scope, receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None: ...

    await Gate(app, max_body_bytes=LIMIT)({"type": "lifespan"}, receive, send)
    assert seen == [{"type": "lifespan"}, receive, send]
