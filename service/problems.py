"""Errors as HTTP tells them: one table of statuses, one form of body (RFC 9457)."""

from __future__ import annotations

import json
import logging
import math

from starlette.responses import Response

from service import errors
from service.errors import ServiceError

log = logging.getLogger(__name__)

STATUS: dict[type[ServiceError], int] = {
    errors.Malformed: 400,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.CannotDecode: 422,
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
        log.error("request %s failed", request_id, exc_info=error.__cause__ or error)
    return json.dumps(problem(error, request_id)).encode()


def problem_response(error: ServiceError, request_id: str) -> Response:
    """The whole answer to a request that failed."""
    headers = {}
    if error.retry_after_ms is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_ms / 1000))
    return Response(
        problem_json(error, request_id),
        status_code=STATUS[type(error)],
        headers=headers,
        media_type="application/problem+json",
    )
