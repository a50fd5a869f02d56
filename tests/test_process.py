"""The service as a process: how it greets, what it takes, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress

import httpx
import pytest

from service.settings import Settings
from tests.problems import MARK
from tests.running import DEADLINE, ROOT, RunningService, eventually, run_to_its_end

BODY = json.dumps({"text": "A good film."}).encode()
HEAD = b"POST /sentiment HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"


def ask(service: RunningService) -> httpx.Response:
    """A question on a connection of its own."""
    return httpx.post(f"{service.url}/sentiment", content=BODY, timeout=DEADLINE)


def begin(service: RunningService) -> socket.socket:
    """A request that is being answered, as the service confirms, but has yet to send its body."""
    connection = service.connect()
    connection.sendall(HEAD % len(BODY))
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    return connection


def answer_on(connection: socket.socket) -> tuple[int, dict[str, object]]:
    answer = http.client.HTTPResponse(connection, method="POST")
    answer.begin()
    return answer.status, json.loads(answer.read())


def refuses_connections(service: RunningService) -> bool:
    with suppress(ConnectionRefusedError):
        service.connect().close()
        return False
    return True


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_line_to_try_works_as_printed(service: RunningService) -> None:
    [line] = [line for line in service.greeting.splitlines() if line.startswith("Try: ")]
    tried = subprocess.run(
        ["/bin/sh", "-c", line.removeprefix("Try: ")],
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert json.loads(tried.stdout)["label"] in {"negative", "positive"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("count", ["1", "2"])
def test_it_answers_from_its_greeting_until_a_signal_ends_it_without_a_word_or_a_child_left(
    number: signal.Signals, count: str
) -> None:
    with RunningService("--workers", count) as service:
        for said in ("digits/", "sentiment/", f"{service.url}/docs"):
            assert said in service.greeting
        assert ask(service).status_code == 200
        assert len(service.workers()) == int(count)
        assert service.stop(number) == (0, "")
        eventually(lambda: not service.processes())


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_request_in_flight_when_it_is_told_to_end_still_gets_its_answer(count: str) -> None:
    with RunningService("--workers", count) as service, begin(service) as connection:
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(service))
        connection.sendall(BODY)
        status, answer = answer_on(connection)
        assert status == 200
        assert answer["tokens"] == 3
        assert service.ended() == (0, "")


def test_a_request_that_never_ends_is_told_so_when_patience_does() -> None:
    with RunningService(drain_seconds="1") as service, begin(service) as connection:
        service.process.send_signal(signal.SIGTERM)
        status, problem = answer_on(connection)
        assert (status, problem["code"]) == (503, "draining")
        status, written = service.ended()
        assert status == 0
        assert '"exception"' not in written


@pytest.mark.parametrize("count", [1, 2])
def test_killed_workers_are_replaced(count: int) -> None:
    with RunningService("--workers", str(count)) as service:
        assert ask(service).status_code == 200
        before = service.workers()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        # Until then, connections may be handed to what is not yet quite dead.
        eventually(lambda: service.written().count("SIGKILL") == count)
        assert ask(service).status_code == 200
        eventually(lambda: len(service.workers() - before) == count)


def test_help_names_every_setting_and_its_default() -> None:
    ended = run_to_its_end("--help")
    assert ended.returncode == 0
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')} " in ended.stdout
        assert field.description
        words = " ".join(ended.stdout.split())
        default = "null" if field.default is None else field.default
        default = f" (default: {default})" if field.default_factory is None else ""
        if f"[--{name.replace('_', '-')}]" in words:  # a switch, which is off unless it is there
            default = ""
        assert f"{field.description}{default}" in words
    assert "SERVICE_" in ended.stdout


@pytest.mark.parametrize(
    ("options", "settings", "named"),
    [
        (["--port", "99999"], {}, "port"),
        (["--port", MARK], {}, "port"),
        (["--workers", "0"], {}, "workers"),
        (["--queue-limit-ms", "0"], {}, "queue_limit_ms"),
        ([], {"max_batch": "none"}, "max_batch"),
        ([], {"deadline_ms": "-1"}, "deadline_ms"),
        (["--another", "1"], {}, "--another"),
    ],
)
def test_a_wrong_setting_ends_it_with_its_name(
    options: list[str], settings: dict[str, str], named: str
) -> None:
    ended = run_to_its_end("--port", "0", *options, **settings)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert named in ended.stderr.splitlines()[-1]
    assert "--help" in ended.stderr or "usage" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "127.0.0.1"], "in use"),
        (["--host", "192.0.2.1"], "assign"),  # an address for documentation, never ours
    ],
)
def test_an_address_that_it_cannot_have_ends_it_with_one_line(
    service: RunningService, options: list[str], reason: str
) -> None:
    port = service.url.rpartition(":")[2]
    ended = run_to_its_end(*options, "--port", port)
    assert ended.returncode != 0
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert reason in line
    assert "--port" in line
    assert str(ROOT) not in line
