"""Without keys, the service lets nobody in by accident."""

from __future__ import annotations

import pytest

from tests.running import RunningService, run_to_its_end
from tests.test_process import ask


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_an_address_that_others_can_reach_is_refused_without_keys(host: str) -> None:
    ended = run_to_its_end("--host", host, "--port", "0")
    assert ended.returncode != 0
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert host in line
    assert "127.0.0.1" in line
    assert "SERVICE_ALLOW_NO_KEYS=true" in line
    assert "--allow-no-keys" in line


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "0.0.0.0"])  # noqa: S104
def test_it_starts_where_it_is_private_or_may_be_public(host: str) -> None:
    allowed = str(host == "0.0.0.0")  # noqa: S104
    with RunningService("--host", host, allow_no_keys=allowed) as service:
        assert ask(service).status_code == 200
