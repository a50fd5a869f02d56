"""Without keys, the service lets nobody in by accident."""

from __future__ import annotations

import socket

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


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "::1"])
def test_it_listens_where_it_is_told_to_if_only_this_machine_can_connect(host: str) -> None:
    if host == "::1":
        try:
            socket.create_server((host, 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("no IPv6 here")
    with RunningService("--host", host) as service:
        assert ask(service).status_code == 200


@pytest.mark.parametrize(("options", "variable"), [(["--allow-no-keys"], "false"), ([], "true")])
def test_it_listens_where_others_can_connect_if_it_may(options: list[str], variable: str) -> None:
    host = ["--host", "0.0.0.0"]  # noqa: S104
    with RunningService(*host, *options, allow_no_keys=variable) as service:
        assert ask(service).status_code == 200
