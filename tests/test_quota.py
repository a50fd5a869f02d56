"""Quotas: the laws of a bucket of tokens, and that all processes take from the same one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from service import quota
from service.errors import Overloaded
from service.quota import MINUTE, Quota, Spent, spend
from tests.deadline import DEADLINE, within_deadline
from tests.running import ROOT

LONG_AGO = 0
AGES = 3_000 * 86_400 * 10**9  # nanoseconds that a machine may have been running
SPENDER = """
import asyncio, sys
from pathlib import Path
from service.quota import Quota

async def spend_all():
    quota = Quota(Path(sys.argv[1]), per_minute=1, burst=500)
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum([(await quota.spend()).granted for _ in range(2000)]))

asyncio.run(spend_all())
"""
HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.readline()
"""


class Bucket:
    """A bucket of which nobody else takes, and its clock."""

    def __init__(self, interval: int, burst: int, now: int = AGES) -> None:
        self.interval, self.burst, self.now = interval, burst, now
        self.due = LONG_AGO

    def take(self) -> Spent:
        self.due, spent = spend(self.due, self.now, self.interval, self.burst)
        return spent


CASES = [(1, 1), (1, 7), (1000, 1), (1000, 3), (999_999_937, 5), (MINUTE, 60), (MINUTE // 7, 7)]


@pytest.mark.parametrize(("interval", "burst"), CASES)
def test_a_full_bucket_gives_exactly_its_burst_at_once(interval: int, burst: int) -> None:
    bucket = Bucket(interval, burst)
    assert [bucket.take().left for _ in range(burst)] == list(range(burst))[::-1]
    assert not any(bucket.take().granted for _ in range(3))


@pytest.mark.parametrize(("interval", "burst"), CASES)
def test_an_empty_bucket_gives_one_more_exactly_when_it_said(interval: int, burst: int) -> None:
    bucket = Bucket(interval, burst)
    while bucket.take().granted:
        pass
    for _ in range(20):
        wait = bucket.take().wait
        bucket.now += wait - 1
        assert bucket.take() == Spent(granted=False, left=0, wait=1)
        bucket.now += 1
        assert bucket.take().granted
        assert not bucket.take().granted


@pytest.mark.parametrize(("interval", "burst"), CASES)
def test_after_a_rest_it_is_full_and_never_more_than_that(interval: int, burst: int) -> None:
    bucket = Bucket(interval, burst)
    for rest in (interval * burst, 10**6 * interval * burst):
        while bucket.take().granted:
            pass
        bucket.now += rest
        assert sum(bucket.take().granted for _ in range(burst + 5)) == burst


def test_what_is_refused_costs_nothing() -> None:
    patient, hasty = Bucket(1000, 2), Bucket(1000, 2)
    for _ in range(50):
        patient.now += 400
        hasty.now += 400
        assert patient.take().granted == hasty.take().granted
        while hasty.take().granted:
            patient.take()


def test_it_gives_what_a_bucket_counted_in_tokens_would_give() -> None:
    """The definition itself: tokens drip in, one each interval, and what is too much runs over."""
    random = Random(1)  # noqa: S311 - not a secret
    for interval, burst in CASES:
        bucket, room = Bucket(interval, burst), interval * burst
        for _ in range(2000):
            passed = random.randrange(interval * 2 + 1)
            bucket.now += passed
            room = min(room + passed, interval * burst)
            spent = bucket.take()
            assert spent.granted == (room >= interval)
            room -= interval * spent.granted
            assert spent.left == room // interval
            assert spent.wait == interval - room % interval


def test_no_more_than_its_rate_and_burst_is_given_in_any_time() -> None:
    random = Random(2)  # noqa: S311 - not a secret
    bucket = Bucket(1000, 5)
    given: list[int] = []
    for _ in range(3000):
        bucket.now += random.randrange(600)
        if bucket.take().granted:
            given.append(bucket.now)
    for first in range(0, len(given), 7):
        for last in range(first, len(given), 11):
            assert last - first + 1 <= 5 + (given[last] - given[first]) // 1000


@within_deadline
async def test_a_key_may_ask_so_often_a_minute_and_never_more(tmp_path: Path) -> None:
    for per_minute in (1, 7, 600, 999_983):
        asked = Quota(tmp_path / f"{per_minute}", per_minute, burst=1, clock=lambda: AGES)
        assert (await asked.spend()).granted
        wait = (await asked.spend()).wait
        assert wait * per_minute >= MINUTE
        assert (wait - 1) * per_minute < MINUTE


@within_deadline
async def test_those_who_share_a_file_share_the_bucket(tmp_path: Path) -> None:
    one, two = (Quota(tmp_path / "quota", 1, burst=4, clock=lambda: AGES) for _ in range(2))
    left = [(await each.spend()).left for each in (one, two, two, one)]
    assert left == [3, 2, 1, 0]
    assert not (await one.spend()).granted
    assert not (await two.spend()).granted
    other = Quota(tmp_path / "another", 1, burst=4, clock=lambda: AGES)
    assert (await other.spend()).left == 3


@within_deadline
async def test_one_who_comes_later_finds_what_is_left(tmp_path: Path) -> None:
    for _ in range(3):
        asked = Quota(tmp_path / "quota", 1, burst=2, clock=lambda: AGES)
        spent = await asked.spend()
    assert not spent.granted


def started(script: str, file: Path) -> subprocess.Popen[str]:
    """A process that waits for a line, and has said that it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(file)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_take_at_the_same_time_get_exactly_what_is_there(tmp_path: Path) -> None:
    processes = [started(SPENDER, tmp_path / "quota") for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    granted = [int(process.communicate(timeout=DEADLINE)[0]) for process in processes]
    assert sum(granted) == 500  # of 8000; the next one comes after a minute


@within_deadline
async def test_a_process_that_holds_the_lock_does_not_hold_up_others_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "PATIENCE_SECONDS", 0.05)
    asked = Quota(tmp_path / "quota", 60, burst=2)
    holder = started(HOLDER, tmp_path / "quota")
    try:
        waiting = asyncio.create_task(asked.spend())
        await asyncio.sleep(0)  # the loop goes on
        assert not waiting.done()
        with pytest.raises(Overloaded):
            await waiting
    finally:
        holder.kill()  # as a worker that was stopped is, in the end
        holder.communicate()
    assert (await asked.spend()).left == 1
