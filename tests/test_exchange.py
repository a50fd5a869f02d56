"""Bodies of requests: whole, too large, or broken off."""

from __future__ import annotations

import pytest

from service.exchange import Exchange
from tests.asgi import header, problem, sent
from tests.deadline import within_deadline


async def tell_length(exchange: Exchange) -> None:
    """Reads the whole body."""
    body = await exchange.body()
    await exchange.answer(b"%d bytes" % len(body), b"text/plain")


async def not_read(exchange: Exchange) -> None:
    await exchange.body()
    raise AssertionError("this body was to be refused before")


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
async def test_body_that_is_announced_too_large_is_not_waited_for(announced: bytes) -> None:
    answer = await sent(not_read, [], [(b"content-length", announced)])
    assert problem(answer)["code"] == "too_large"
    assert answer[0]["status"] == 413


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"5")], [(b"content-length", b"x")]])
@pytest.mark.parametrize("chunks", [[b"12345678901"], [b"1"] * 11, [b"12345", b"", b"678901"]])
@within_deadline
async def test_body_that_grows_too_large_is_refused(
    chunks: list[bytes], headers: list[tuple[bytes, bytes]]
) -> None:
    answer = await sent(not_read, chunks, headers)
    assert problem(answer)["code"] == "too_large"


@within_deadline
async def test_body_can_be_asked_for_again() -> None:
    async def repeat(exchange: Exchange) -> None:
        twice = await exchange.body() + await exchange.body()
        await exchange.answer(twice, b"text/plain")

    _, body = await sent(repeat, [b"123", b"45"])
    assert body["body"] == b"1234512345"


@within_deadline
async def test_headers_are_found_by_their_lower_case_name() -> None:
    async def tell(exchange: Exchange) -> None:
        found = exchange.header(b"x-some"), exchange.header(b"x-other")
        await exchange.answer(repr(found).encode(), b"text/plain")

    _, body = await sent(tell, headers=[(b"x-some", b"caf\xe9")])
    assert body["body"] == repr(("café", None)).encode()


@within_deadline
async def test_answer_is_sent_whole_with_its_length_and_the_id_of_its_request() -> None:
    async def tell(exchange: Exchange) -> None:
        await exchange.answer(b"much", b"text/plain", [(b"x-more", b"1")], status=201)

    answer = await sent(tell, headers=[(b"x-request-id", b"some-request")])
    assert [message["type"] for message in answer] == ["http.response.start", "http.response.body"]
    assert (answer[0]["status"], answer[1]["body"]) == (201, b"much")
    sent_headers = {name: header(answer, name) for name, _ in answer[0]["headers"]}
    assert sent_headers == {
        b"content-type": "text/plain",
        b"content-length": "4",
        b"x-request-id": "some-request",
        b"x-more": "1",
    }


@pytest.mark.parametrize("length", [None, b"5"])
@within_deadline
async def test_client_that_went_away_gets_no_answer(
    caplog: pytest.LogCaptureFixture, length: bytes | None
) -> None:
    headers = [(b"content-length", length)] if length else []
    assert await sent(not_read, chunks=[], headers=headers) == []
    assert not caplog.records
