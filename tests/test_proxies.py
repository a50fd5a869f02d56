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


def test_without_a_trusted_proxy_nobody_is_believed(service: RunningService) -> None:
    assert logged(service, x_forwarded_for=CLIENT) == "127.0.0.1"
    assert logged(service) == "127.0.0.1"


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8,::1"])
def test_a_proxy_that_is_trusted_is_believed_and_what_the_client_told_it_is_not(
    trusted: str,
) -> None:
    with RunningService(trusted_proxies=trusted) as service:
        assert logged(service, x_forwarded_for=CLIENT) == CLIENT
        assert logged(service) == "127.0.0.1"
        claimed = f"127.0.0.1, 198.51.100.1, {CLIENT}"  # the last is what the proxy saw
        assert logged(service, x_forwarded_for=claimed) == CLIENT


def test_any_other_than_a_trusted_proxy_is_not_believed() -> None:
    with RunningService(trusted_proxies="10.0.0.0/8") as service:
        assert logged(service, x_forwarded_for=CLIENT) == "127.0.0.1"
        assert logged(service) == "127.0.0.1"
