"""Mixed traffic with crashing clients, for a long time: nothing may grow."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.faults import abuse
from tests.faults.judge import Usage, Watch, growth, leaks
from tests.faults.ledger import Ledger, ends_well
from tests.faults.load import Load
from tests.faults.questions import mixed
from tests.faults.table import Row
from tests.running import RunningService

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

RATE = 20.0  # requests a second, beside five clients a second that crash
PAUSE = 0.2
WARM_UP = 90.0  # seconds; of a longer run, a quarter
CONTROL_MINUTES = 4.0  # are enough for a leak to be found


LEAKING = {"PYTHONPATH": str(Path(__file__).parent / "leaking")}


@contextmanager
def crashing_clients(service: RunningService) -> Iterator[None]:
    """One after the other, of every kind."""
    over, chance = Event(), random.Random(1)  # noqa: S311 - not for secrets
    failures: list[BaseException] = []

    def crash() -> None:
        kinds = [
            lambda: abuse.leave_mid_body(service, reset=False),
            lambda: abuse.leave_mid_body(service, reset=True),
            lambda: abuse.leave_mid_head(service),
            lambda: abuse.leave_before_the_answer(service),
            lambda: abuse.talk_nonsense(service),
        ]
        try:
            while not over.wait(PAUSE):
                chance.choice(kinds)()
        except BaseException as failure:  # told below
            failures.append(failure)

    thread = Thread(target=crash)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert failures == []


def soak(service: RunningService, kept: Path, row: Row, minutes: float) -> Usage:
    """What the service takes more of in a minute, after it has warmed up."""
    ledger = Ledger(service, kept)
    with (
        Watch(service) as watch,
        crashing_clients(service),
        Load(service.url, mixed(), rate=RATE) as tally,
    ):
        time.sleep(60 * minutes)
    row.tallies.append(tally)
    tally.check()
    assert tally.lost == []
    assert tally.answered("ok") + tally.refused() == tally.answered()
    counted = ledger.requests()
    assert not [key for key in counted if key[1] == "internal"]
    assert all(counted[key] >= count for key, count in tally.answers.items())
    begin = watch.seen[0][0] + max(WARM_UP, 60 * minutes / 4)
    seen = [(moment, usage) for moment, usage in watch.seen if moment > begin]
    grown = growth(seen)
    row.measured += [
        f"{minutes:g} minutes",
        f"memory {grown.megabytes:+.2f} MB/min at {seen[-1][1].megabytes:.0f} MB",
        f"descriptors {grown.descriptors:+.2f}/min",
        f"threads {grown.threads:+.2f}/min",
    ]
    return grown


def test_nothing_grows_under_mixed_traffic_with_crashing_clients(
    row: Row, kept: Path, minutes: float
) -> None:
    with RunningService() as service:
        assert leaks(soak(service, kept, row, minutes)) == []
        assert ends_well(service)


def test_the_same_judge_finds_what_a_leaking_service_leaks(
    row: Row, kept: Path, minutes: float
) -> None:
    with RunningService(variables=LEAKING) as service:
        grown = soak(service, kept, row, min(minutes, CONTROL_MINUTES))
    assert leaks(grown) == ["megabytes", "descriptors", "threads"]
