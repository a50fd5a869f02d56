"""Errors as HTTP tells them, without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.types import Message

from service.errors import (
    CannotDecode,
    Invalid,
    MethodNotAllowed,
    Overloaded,
    ServiceError,
    Unauthorized,
)
from service.exchange import Exchange
from service.problems import STATUS, problem, problem_json
from tests.asgi import header, sent
from tests.deadline import within_deadline

CONTRACT = """
400 malformed
401 unauthorized
403 forbidden
404 not_found
405 method_not_allowed
413 too_large
415 unsupported_media_type
422 invalid
422 cannot_decode
429 rate_limited
500 internal
503 overloaded
503 not_ready
503 draining
504 deadline_exceeded
"""
STATUS_OF_CODE = {
    code: int(status) for status, code in map(str.split, CONTRACT.strip().splitlines())
}


def kinds(parent: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_kind_of_error_has_a_status() -> None:
    assert set(kinds()) == STATUS.keys()


def test_codes_and_statuses_are_those_of_the_contract() -> None:
    assert {kind.code: status for kind, status in STATUS.items()} == STATUS_OF_CODE
    assert len({kind.title for kind in STATUS}) == len(STATUS)


@pytest.mark.parametrize("kind", STATUS)
def test_body_has_the_fields_of_rfc_9457_and_ours(kind: type[ServiceError]) -> None:
    error = kind("Why.")
    assert "Why." in error.detail
    assert problem(error, "some-request") == {
        "type": f"urn:problem:{kind.code}",
        "title": kind.title,
        "status": STATUS_OF_CODE[kind.code],
        "detail": error.detail,
        "code": kind.code,
        "request_id": "some-request",
    }


async def answer_to(error: ServiceError) -> list[Message]:
    async def fail(exchange: Exchange) -> None:  # noqa: ARG001
        raise error

    return await sent(fail, headers=[(b"x-request-id", b"some-request")])


@within_deadline
async def test_answer_is_the_body_as_problem_json_with_its_status() -> None:
    error = Invalid("“länge” must be a number.")
    answer = await answer_to(error)
    assert answer[0]["status"] == 422
    assert header(answer, b"content-type") == "application/problem+json"
    assert answer[1]["body"] == problem_json(error, "some-request")
    assert json.loads(answer[1]["body"]) == problem(error, "some-request")


@within_deadline
async def test_where_another_method_would_do_it_is_named() -> None:
    answer = await answer_to(MethodNotAllowed("GET, HEAD"))
    assert answer[0]["status"] == 405
    assert header(answer, b"allow") == "GET, HEAD"


@within_deadline
async def test_who_came_without_a_key_is_told_which_kind_is_asked_for() -> None:
    answer = await answer_to(Unauthorized("A key was expected."))
    assert answer[0]["status"] == 401
    assert header(answer, b"www-authenticate") == "Bearer"


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(0, "0"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (59_001, "60")],
)
@within_deadline
async def test_retry_after_is_exact_in_the_body_and_rounded_up_in_the_header(
    milliseconds: int, seconds: str
) -> None:
    error = Overloaded("Later.", retry_after_ms=milliseconds)
    assert problem(error, "some-request")["retry_after_ms"] == milliseconds
    assert header(await answer_to(error), b"retry-after") == seconds


@within_deadline
async def test_where_waiting_does_not_help_nothing_is_said_of_it() -> None:
    error = CannotDecode("The picture ends early.")
    assert "retry_after_ms" not in problem(error, "some-request")
    assert header(await answer_to(error), b"retry-after") is None
