"""Whom a request is said to come from, where proxies stand before the service."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.running import DEADLINE, RunningService

CLIENT = "203.0.113.9"


def logged(service: RunningService, **headers: str) -> str:
    """The address that the log has of a request with these headers, named with underscores."""
    request_id = uuid4().hex
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = {"X-Request-ID": request_id, **told}
    answer = httpx.get(f"{service.url}/health/live", headers=asked, timeout=DEADLINE)
    assert answer.status_code == 200
    return str(service.request(request_id)["client"])


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        ("127.0.0.1", CLIENT),
        ("127.0.0.0/8,::1", CLIENT),
        ("10.0.0.0/8", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_only_a_proxy_that_is_trusted_is_believed(trusted: str, expected: str) -> None:
    with RunningService(trusted_proxies=trusted) as service:
        assert logged(service, x_forwarded_for=CLIENT) == expected
        assert logged(service) == "127.0.0.1"


def test_what_a_client_says_of_itself_is_not_believed_behind_a_proxy() -> None:
    with RunningService(trusted_proxies="127.0.0.1") as service:
        claimed = f"127.0.0.1, 198.51.100.1, {CLIENT}"  # the last is what the proxy saw
        assert logged(service, x_forwarded_for=claimed) == CLIENT
