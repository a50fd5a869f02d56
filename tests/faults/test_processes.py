"""Processes that die, stop and are told to end, under load."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.ledger import Ledger, ends_well
from tests.faults.load import Load
from tests.faults.questions import heavy, mixed, mood
from tests.faults.table import Row
from tests.running import RunningService, eventually
from tests.test_supervisor import holders

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

READY_SECONDS = 5.0
CLIENTS = 16
FEW = 6  # whom one worker alone can serve without refusing any


def newly_serving(service: RunningService, before: set[int]) -> bool:
    """Whether a new connection is answered by a worker that is none of those `before`."""
    with suppress(FileNotFoundError, ConnectionError), service.connect() as probe:
        probe.sendall(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n")
        if probe.recv(65_536).startswith(b"HTTP/1.1 200"):
            return holders(service)[probe.getsockname()[1]] not in before
    return False  # it came to the one that ends, or another ended while they were looked through


@pytest.mark.parametrize("workers", [1, 2])
def test_sigkill_of_a_worker_loses_only_its_own_requests(
    row: Row, kept: Path, workers: int
) -> None:
    with RunningService(workers=str(workers)) as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=FEW) as tally:
            time.sleep(3)
            ledger.keep()
            [victim, *_] = before = service.workers()
            held = {port for port, pid in holders(service).items() if pid == victim}
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            eventually(lambda: newly_serving(service, before))
            taken = time.monotonic() - killed
            time.sleep(2)
        row.tallies.append(tally)
        row.measured += [f"another serves after {taken:.1f} s", f"it held {len(held)} connections"]
        tally.check()
        assert tally.refused() == 0
        assert set(tally.lost) <= held
        assert taken < READY_SECONDS
        # An answer may have been sent and not yet counted, or counted and on its way.
        counted, answered = ledger.answered(), tally.answered()
        assert answered - 1 <= counted <= answered + len(held)


def test_sigterm_at_70_percent_of_what_it_can_do_loses_no_accepted_request(
    row: Row, kept: Path
) -> None:
    with RunningService(workers="2") as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=CLIENTS) as full:
            time.sleep(5)
        rate = 0.7 * full.answered() / 5
        with Load(service.url, mixed(), rate=rate) as tally:
            time.sleep(4)
            ledger.keep()
            told = time.monotonic()
            ended = ends_well(service)
            taken = time.monotonic() - told
            time.sleep(0.5)
        row.tallies.append(tally)
        row.measured += [
            f"at {rate:,.0f}/s",
            f"ended after {taken:.1f} s",
            f"{tally.crossed} crossed the end of their connection unread",
        ]
        full.check()
        tally.check()
        assert tally.lost == []
        assert tally.answers.keys() <= {(route, "ok") for route, _ in tally.answers}
        assert tally.unconnected > 0  # it went on while nobody listened
        assert ended
        ledger.agrees_with(full, tally)


def test_deadlines_pass_while_the_worker_is_stopped(row: Row, kept: Path) -> None:
    hurried = [
        mood(f"A good film, {number}. " * 60, x_request_timeout_ms=1500) for number in (1, 2)
    ]
    with RunningService() as service:
        ledger = Ledger(service, kept)
        [worker] = service.workers()
        with Load(service.url, [*hurried, *heavy()], clients=CLIENTS) as tally:
            time.sleep(2)
            os.kill(worker, signal.SIGSTOP)
            time.sleep(3)
            os.kill(worker, signal.SIGCONT)
            time.sleep(2)
        row.tallies.append(tally)
        row.measured.append(f"{tally.answered('deadline_exceeded')} got 504")
        tally.check()
        assert tally.lost == []
        assert {outcome for _, outcome in tally.answers} <= {
            "ok",
            "deadline_exceeded",
            "overloaded",
        }
        assert tally.answered("deadline_exceeded") > 0
        ledger.agrees_with(tally)
        with Load(service.url, mixed(), clients=4) as after:
            time.sleep(1)
        after.check()
        assert after.answered("ok") == after.sent > 0
        assert ends_well(service)
