"""Errors as HTTP tells them: one table of statuses, one form of body (RFC 9457)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from http import HTTPStatus

from service import errors
from service.errors import ServiceError
from service.exchange import Exchange, Header, usual_headers

log = logging.getLogger(__name__)

MEDIA_TYPE = b"application/problem+json"

STATUS: dict[type[ServiceError], int] = {
    errors.Malformed: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.CannotDecode: 422,
    errors.RateLimited: 429,
    errors.Internal: 500,
    errors.Overloaded: 503,
    errors.NotReady: 503,
    errors.Draining: 503,
    errors.DeadlineExceeded: 504,
}


def problem(error: ServiceError, request_id: str) -> dict[str, object]:
    """The body of an error, also as an entry of a bulk answer."""
    body: dict[str, object] = {
        "type": f"urn:problem:{error.code}",
        "title": error.title,
        "status": STATUS[type(error)],
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if error.retry_after_ms is not None:
        body["retry_after_ms"] = error.retry_after_ms
    return body


def problem_json(error: ServiceError, request_id: str) -> bytes:
    """The body as it is sent; a fault of ours is logged on its way out, with its cause."""
    if isinstance(error, errors.Internal):
        log.error(
            "request %s failed",
            request_id,
            exc_info=error.__cause__ or error,
            extra={"request_id": request_id},
        )
    return json.dumps(problem(error, request_id)).encode()


async def answer_problem(exchange: Exchange, error: ServiceError) -> None:
    """Send the whole answer to a request that failed."""
    body = problem_json(error, exchange.request_id)
    await exchange.answer(body, MEDIA_TYPE, problem_headers(error), STATUS[type(error)])


def problem_headers(error: ServiceError) -> list[Header]:
    """What the head says of the error, beside its status."""
    headers = []
    if error.retry_after_ms is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(error.retry_after_ms / 1000)))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    if isinstance(error, errors.Unauthorized):
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


def whole_answer(error: ServiceError, request_id: str, more: Iterable[Header]) -> bytes:
    """As `answer_problem` has it sent, for where there is no exchange; `more` headers are added."""
    status = HTTPStatus(STATUS[type(error)])
    body = problem_json(error, request_id)
    usual = usual_headers(body, MEDIA_TYPE, request_id)
    headers = (*more, *usual, *problem_headers(error))
    head = f"HTTP/1.1 {status} {status.phrase}\r\n".encode()
    return b"%b%b\r\n%b" % (head, b"".join(b"%b: %b\r\n" % each for each in headers), body)
