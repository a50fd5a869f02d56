"""Errors as the contract has them."""

from __future__ import annotations

import math
from typing import Any

import httpx

from tests.running import ROOT

STATUS = {
    "malformed": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "cannot_decode": 422,
    "rate_limited": 429,
    "overloaded": 503,
    "not_ready": 503,
    "draining": 503,
    "deadline_exceeded": 504,
}

MARK = "zebra4711"
"""Stands in requests wherever a careless service would repeat it."""

FIELDS = {"type", "title", "status", "detail", "code", "request_id"}


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """What went wrong, after a check of everything that every error promises."""
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    check_problem(problem, response)
    assert problem["status"] == response.status_code
    if (patience := problem.get("retry_after_ms")) is None:
        assert "retry-after" not in response.headers
    else:
        assert response.headers["retry-after"] == str(math.ceil(patience / 1000))
    return problem


def check_problem(problem: dict[str, Any], response: httpx.Response) -> None:
    """The form of an error, as a whole answer or as an entry of one."""
    assert FIELDS <= problem.keys() <= FIELDS | {"retry_after_ms"}
    assert all(problem[name] for name in FIELDS)
    assert problem["status"] == STATUS[problem["code"]]
    assert problem["type"] == f"urn:problem:{problem['code']}"
    assert problem["request_id"] == response.headers["x-request-id"]
    assert (problem["status"] in (429, 503)) == ("retry_after_ms" in problem)
    assert isinstance(problem.get("retry_after_ms", 0), int)
    for revealing in (MARK, "Traceback", ".py", "site-packages", str(ROOT)):
        assert revealing not in response.text
