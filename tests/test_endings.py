"""How the service ends with its workers: told to, told twice, killed, or before it has started."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import closing

import pytest

from tests.running import DEADLINE, RunningService, eventually
from tests.test_process import BODY, answer_on, ask, begin, refuses_connections
from tests.test_supervisor import counters, holders, is_last_answer


def test_connection_that_has_not_asked_yet_is_answered_when_the_service_ends() -> None:
    with RunningService() as service, service.connect() as fresh:
        eventually(lambda: holders(service))
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: refuses_connections(service))
        assert is_last_answer(fresh)
        assert service.ended() == (0, "")


def test_nothing_stays_when_the_service_is_killed() -> None:
    with RunningService("--workers", "2") as service:
        assert ask(service).status_code == 200
        folder = counters(service)
        service.process.kill()
        service.process.communicate(timeout=DEADLINE)
        eventually(lambda: not service.processes())
        shutil.rmtree(folder)  # whoever is killed cannot


def test_request_in_flight_when_the_service_is_killed_still_gets_its_answer() -> None:
    with RunningService() as service, begin(service) as connection:
        folder = counters(service)
        service.process.kill()
        connection.sendall(BODY)
        assert answer_on(connection)[0] == 200
        eventually(lambda: not service.processes())
        shutil.rmtree(folder)  # whoever is killed cannot


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_the_whole_group_ends_it_as_quietly(number: signal.Signals) -> None:
    with RunningService("--workers", "2") as service:
        os.killpg(service.process.pid, number)
        assert service.ended() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_while_it_starts(number: signal.Signals) -> None:
    with closing(RunningService("--workers", "2")) as service:
        eventually(lambda: len(service.workers()) == 2)
        os.killpg(service.process.pid, number)
        assert service.ended() == (0, "")
        assert not service.processes()


def test_second_interrupt_does_not_wait_for_requests() -> None:
    with RunningService(drain_seconds="3600") as service, begin(service):
        service.process.send_signal(signal.SIGINT)
        eventually(lambda: refuses_connections(service))
        service.process.send_signal(signal.SIGINT)
        service.ended()  # long before the time that it had


def test_hangup_to_the_whole_group_is_one_to_load_all_anew_and_ends_nothing() -> None:
    with RunningService() as service:
        before = service.workers()
        os.killpg(service.process.pid, signal.SIGHUP)
        assert ask(service).status_code == 200
        assert before <= service.workers()
        eventually(lambda: not before & service.workers())
        assert ask(service).status_code == 200
        status, written = service.stop()
        assert status == 0
        assert written.count("loaded anew") == len(written.splitlines()) == 1


def test_worker_that_dies_at_the_start_ends_the_service_with_one_line() -> None:
    with closing(RunningService("--workers", "2")) as service:
        os.kill(eventually(lambda: max(service.workers(), default=None)), signal.SIGKILL)
        status, written = service.ended()
    assert status == 1
    [line] = written.splitlines()
    assert line.startswith("service: ")
    assert "SIGKILL" in line
