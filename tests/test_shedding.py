"""Refusals by the head of a request alone, without a server."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from service.errors import Draining, Overloaded, ServiceError
from service.exchange import Header, RequestIds
from service.predictor import Predictor
from service.settings import Settings
from service.shedding import Shedding
from tests.deadline import within_deadline

PATIENCE_MS = 5000


class Refusing:
    """A predictor without room, or with a minute's worth of work ahead."""

    def __init__(self, error: ServiceError | None) -> None:
        self._error = error

    def refuse_if_full(self, deadline: float) -> None:
        if self._error:
            raise self._error
        patience = deadline - asyncio.get_running_loop().time()
        if patience < 1:
            raise Overloaded("Too late.", retry_after_ms=1000)
        assert patience <= PATIENCE_MS / 1000


FULL = Overloaded("Full.", retry_after_ms=1200)


def shedding(error: ServiceError | None = FULL) -> Shedding:
    predictor = cast(Predictor[Any, Any, Any], Refusing(error))
    return Shedding({"/digits": predictor}, Settings(deadline_ms=PATIENCE_MS), RequestIds())


def refusal(
    error: ServiceError | None = FULL,
    *headers: Header,
    method: bytes = b"POST",
    target: bytes = b"/digits",
) -> bytes | None:
    return shedding(error).refusal(method, target, headers, [(b"date", b"today")])


class Connection(BytesIO):
    def makefile(self, *_: object) -> Connection:
        return self


def parsed(answer: bytes | None) -> tuple[HTTPResponse, dict[str, Any]]:
    """As a client reads it, to its last byte."""
    assert answer is not None
    response = HTTPResponse(cast(Any, Connection(answer)))
    response.begin()
    body = response.read(int(response.headers["content-length"]))
    assert answer.endswith(b"\r\n\r\n" + body)
    return response, json.loads(body)


@within_deadline
async def test_refusal_is_a_whole_answer_with_its_problem() -> None:
    response, problem = parsed(refusal(FULL, (b"x-request-id", b"some-request")))
    assert (response.status, problem["status"], problem["code"]) == (503, 503, "overloaded")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["date"] == "today"
    assert response.headers["x-request-id"] == problem["request_id"] == "some-request"
    assert response.headers["retry-after"] == "2"
    assert problem["retry_after_ms"] == 1200


@within_deadline
async def test_service_that_shuts_down_says_so() -> None:
    _, problem = parsed(refusal(Draining("Ask another one.", retry_after_ms=1000)))
    assert problem["code"] == "draining"


@pytest.mark.parametrize("given", [b"a b", b"a\r\nset-cookie: b", b"\xff", b"", b"x" * 65])
@within_deadline
async def test_malformed_request_id_is_replaced(given: bytes) -> None:
    response, problem = parsed(refusal(FULL, (b"x-request-id", given)))
    assert response.headers["x-request-id"] == problem["request_id"]
    assert problem["request_id"].encode() != given
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("method", "target"),
    [(b"GET", b"/digits"), (b"POST", b"/digits/batch"), (b"POST", b"/"), (b"POST", b"/\xff")],
)
@within_deadline
async def test_nothing_but_single_predictions_is_refused(method: bytes, target: bytes) -> None:
    assert refusal(method=method, target=target) is None


@within_deadline
async def test_where_there_is_room_nobody_is_refused() -> None:
    assert refusal(None) is None
    assert refusal(None, (b"x-request-timeout-ms", b"1000000")) is None  # lengthens nothing
    assert parsed(refusal(None, (b"x-request-timeout-ms", b"900")))[1]["code"] == "overloaded"


@pytest.mark.parametrize("asked", [b"", b"0", b"-1", b"1.5", b"soon", b"\xb2"])
@within_deadline
async def test_malformed_deadline_gets_its_own_answer_elsewhere(asked: bytes) -> None:
    assert refusal(FULL, (b"x-request-timeout-ms", asked)) is None


def counted(route: str) -> float:
    labels = {"route": route, "model": "digits", "outcome": "overloaded"}
    return REGISTRY.get_sample_value("moodigit_requests_total", labels) or 0.0


@pytest.mark.parametrize("query", [b"?a=zebra4711", b"?", b"?\xff"])
@within_deadline
async def test_refusal_is_counted_by_its_route_whatever_its_query(query: bytes) -> None:
    before = counted("/digits")
    assert refusal(target=b"/digits" + query) is not None
    assert counted("/digits") - before == 1
