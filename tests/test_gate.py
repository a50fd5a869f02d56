"""What every request passes, message by message: ids, errors, and one answer to each."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import weakref

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.errors import Overloaded
from service.exchange import Exchange
from service.gate import Gate
from tests.asgi import BODIES, NO_KEYS, header, problem, sent
from tests.deadline import within_deadline

SECRET = "password: zebra4711"  # noqa: S105 - what no answer may tell


async def answer(exchange: Exchange) -> None:
    await exchange.answer(b"well", b"text/plain")


async def refuse(exchange: Exchange) -> None:  # noqa: ARG001
    raise Overloaded("Too many rows are waiting.", retry_after_ms=1200)


async def fail(exchange: Exchange) -> None:  # noqa: ARG001
    raise RuntimeError(SECRET)


async def fail_after_the_answer(exchange: Exchange) -> None:
    await answer(exchange)
    raise RuntimeError(SECRET)


async def app_that_answers(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("well")(scope, receive, send)


async def app_that_refuses(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise Overloaded("Too many rows are waiting.", retry_after_ms=1200)


async def app_that_fails(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    raise RuntimeError(SECRET)


async def app_that_fails_half_way(
    scope: Scope,  # noqa: ARG001
    receive: Receive,  # noqa: ARG001
    send: Send,
) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError(SECRET)


@pytest.mark.parametrize("given", [b"a", b"x" * 64, b"Az09._-", b"-"])
@within_deadline
async def test_well_formed_request_id_is_echoed(given: bytes) -> None:
    headers = [(b"x-request-id", given)]
    assert header(await sent(answer, headers=headers), b"x-request-id") == given.decode()
    behind = await sent(app=app_that_answers, headers=headers)
    assert header(behind, b"x-request-id") == given.decode()


@pytest.mark.parametrize(
    "given", [b"", b"x" * 65, b"a b", b"a\n", b"a\r\nset-cookie: b", b"a/b", b"\xc3\xa9", b"\xb2"]
)
@within_deadline
async def test_malformed_request_id_is_replaced(given: bytes) -> None:
    headers = [(b"x-request-id", given)]
    for answered in (
        await sent(answer, headers=headers),
        await sent(refuse, headers=headers),
        await sent(app=app_that_answers, headers=headers),
    ):
        made = header(answered, b"x-request-id") or ""
        assert re.fullmatch("[A-Za-z0-9._-]{16,64}", made)


@within_deadline
async def test_requests_without_an_id_get_one_each() -> None:
    ids: list[str] = []

    async def tell_id(exchange: Exchange) -> None:
        ids.append(exchange.request_id)
        await answer(exchange)

    await asyncio.gather(*(sent(tell_id) for _ in range(100)))  # each with a gate of its own
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    gate = Gate(app_that_answers, {("POST", "/"): tell_id}, BODIES, NO_KEYS)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None: ...

    for _ in range(100):
        await gate(dict(scope), receive, send)
    assert len(set(ids)) == len(ids) == 200


@within_deadline
async def test_error_for_the_client_becomes_its_problem() -> None:
    for answered in (await sent(refuse), await sent(app=app_that_refuses)):
        body = problem(answered)
        assert (body["code"], body["detail"]) == ("overloaded", "Too many rows are waiting.")
        assert body["retry_after_ms"] == 1200
        assert header(answered, b"retry-after") == "2"


@pytest.mark.parametrize("behind", [False, True])
@within_deadline
async def test_fault_becomes_one_problem_that_tells_nothing(
    caplog: pytest.LogCaptureFixture, behind: bool
) -> None:
    headers = [(b"x-request-id", b"some-request")]
    answered = await (
        sent(app=app_that_fails, headers=headers) if behind else sent(fail, headers=headers)
    )
    body = problem(answered)
    assert (body["status"], body["code"]) == (500, "internal")
    assert SECRET not in str(answered)
    assert "RuntimeError" not in str(answered)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "some-request" in record.getMessage()
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])


@within_deadline
async def test_fault_within_or_after_an_answer_does_not_start_a_second_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for answered, body in (
        (await sent(app=app_that_fails_half_way), b"half"),
        (await sent(fail_after_the_answer), b"well"),
    ):
        kinds = [message["type"] for message in answered]
        assert kinds == ["http.response.start", "http.response.body"]
        assert answered[1]["body"] == body
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


@within_deadline
async def test_request_that_the_server_ends_is_told_that_it_is_shutting_down() -> None:
    begun = asyncio.Event()

    async def take_long(exchange: Exchange) -> None:  # noqa: ARG001
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

    await Gate(app, {}, BODIES, NO_KEYS)({"type": "lifespan"}, receive, send)
    assert seen == [{"type": "lifespan"}, receive, send]


@within_deadline
async def test_what_a_refused_request_brought_goes_with_it() -> None:
    class Brought:
        """Something large."""

    known: list[weakref.ref[Brought]] = []

    async def take_and_refuse(exchange: Exchange) -> None:
        brought = Brought()
        known.append(weakref.ref(brought))
        await refuse(exchange)

    gc.disable()  # else it may have gone for another reason
    try:
        await sent(take_and_refuse)
        assert [each() for each in known] == [None]
    finally:
        gc.enable()
