"""Who spreads the load learns of the end before connections are refused."""

from __future__ import annotations

import signal

import httpx

from tests.keyring import made
from tests.running import DEADLINE, RunningService, eventually
from tests.test_process import BODY, answer_on, begin, refuses_connections


def ready(service: RunningService) -> tuple[int, str | None]:
    answer = httpx.get(f"{service.url}/health/ready", timeout=DEADLINE)
    return answer.status_code, answer.json().get("code")


def test_it_ends_when_its_notice_is_over_and_what_was_asked_before_is_answered() -> None:
    with (
        RunningService("--workers", "2", notice_seconds="10") as service,
        begin(service) as before,
    ):
        service.process.send_signal(signal.SIGTERM)
        with begin(service) as during:
            eventually(lambda: refuses_connections(service))
            for connection in (before, during):
                connection.sendall(BODY)
                assert answer_on(connection)[0] == 200
        assert service.ended() == (0, "")


def test_interrupt_needs_no_notice() -> None:
    with RunningService(notice_seconds="3600") as service:
        assert service.stop(signal.SIGINT) == (0, "")


def test_during_its_notice_it_is_not_ready_and_loads_nothing_but_answers_until_interrupted() -> (
    None
):
    operator = made("operator", "admin")
    with RunningService(notice_seconds="3600", keys=operator.entry) as service:
        assert ready(service) == (200, None)
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: ready(service) == (503, "draining"))
        assert httpx.get(f"{service.url}/health/live", timeout=DEADLINE).status_code == 200
        url = f"{service.url}/admin/models/digits/reload"
        refused = httpx.post(url, headers=operator.header, timeout=DEADLINE)
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert service.stop(signal.SIGINT) == (0, "")


def test_every_worker_answers_during_the_notice() -> None:
    with RunningService("--workers", "2", notice_seconds="3600") as service:
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: ready(service) == (503, "draining"))
        with begin(service) as one, begin(service) as other:  # one for each
            for connection in (one, other):
                connection.sendall(BODY)
                assert answer_on(connection)[0] == 200
        assert service.stop(signal.SIGINT) == (0, "")
