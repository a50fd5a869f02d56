"""More than is meant to come: requests, bytes, pixels, and time to send them."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.faults.abuse import leave_mid_body, upload
from tests.faults.bombs import bombs
from tests.faults.judge import Watch, usage
from tests.faults.ledger import Ledger, ends_well
from tests.faults.load import Load
from tests.faults.questions import heavy, mixed
from tests.faults.table import Row
from tests.running import DEADLINE, RunningService, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

HUGE = 100 * 2**20
SLOW_MODES = {  # path and options of slowhttptest
    "heads": ["/digits", "-H", "-t", "POST", "-i", "2"],
    "bodies": ["/digits", "-B", "-i", "2", "-s", "8192"],
    "readers": ["/openapi.json", "-X", "-k", "1", "-w", "10", "-y", "20", "-n", "2", "-z", "5"],
}


def test_a_queue_flooded_at_three_times_what_it_can_do_answers_or_refuses_all(
    row: Row, kept: Path
) -> None:
    with RunningService(deadline_ms="6000") as service:
        ledger = Ledger(service, kept)
        with Load(service.url, heavy(), clients=8) as full:
            time.sleep(6)
        rate = full.answered() / 6
        with Load(service.url, heavy(), rate=3 * rate) as tally:
            time.sleep(10)
        row.tallies.append(tally)
        row.measured += [
            f"{3 * rate:,.0f}/s sent where {rate:,.0f}/s can be done",
            f"{tally.answered('ok') / 10:,.0f}/s done",
            f"p99 {tally.percentile(99):.2f} s, of refusals "
            f"{1000 * tally.percentile(99, 'overloaded'):.0f} ms",
        ]
        full.check()
        tally.check()
        assert tally.lost == []
        assert {outcome for _, outcome in tally.answers} == {"ok", "overloaded"}
        assert tally.percentile(100) < 6
        ledger.agrees_with(full, tally)
        assert ends_well(service)


@pytest.mark.parametrize("slow", SLOW_MODES)
def test_200_slow_clients_do_not_hold_up_the_others(
    row: Row, kept: Path, tmp_path: Path, slow: str
) -> None:
    alone: list[float] = []
    beside: list[float] = []
    with RunningService(workers="2") as service:
        ledger = Ledger(service, kept)
        path, *mode = SLOW_MODES[slow]
        url = service.url + path
        for _ in range(3):
            alone += _honest(service, row)
            attack = subprocess.Popen(
                ["slowhttptest", *mode, "-u", url, "-c", "200", "-r", "200", "-l", "60"],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                time.sleep(5)  # until all of them are there
                beside += _honest(service, row)
                assert attack.poll() is None
            finally:
                attack.kill()
                attack.wait()
        without, with_them = _p99(alone), _p99(beside)
        row.measured.append(
            f"p99 {1000 * with_them:.0f} ms, without them {1000 * without:.0f} ms: "
            f"{with_them / without:.2f}x"
        )
        for tally in row.tallies:
            tally.check()
            assert tally.answered("ok") == tally.sent - tally.crossed > 0
        counted = ledger.requests()
        told = sum((tally.answers for tally in row.tallies), Counter[tuple[str, str]]())
        assert {key: counted[key] for key in told} == told
        assert with_them < 2 * without


def _honest(service: RunningService, row: Row) -> list[float]:
    with Load(service.url, mixed(), rate=20, seed=len(row.tallies)) as tally:
        time.sleep(5)
    row.tallies.append(tally)
    return [seconds for _, seconds, _ in tally.timed]


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_50_uploads_of_100_mb_are_refused_and_take_little_memory(
    row: Row, kept: Path, chunked: bool
) -> None:
    with RunningService() as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=4) as tally, Watch(service, every=0.1) as watch:
            time.sleep(2)
            before = watch.peak()
            with ThreadPoolExecutor(50) as threads:
                refused = list(
                    threads.map(lambda _: upload(service, HUGE, chunked=chunked), range(50))
                )
        row.tallies.append(tally)
        statuses = Counter(status for status, _ in refused)
        row.measured += [
            f"answers {dict(statuses)}",
            f"after {max(sent for _, sent in refused) / 2**20:.1f} MiB at most",
            f"memory +{watch.peak() - before:.0f} MB at most",
        ]
        tally.check()
        assert tally.answered("ok") == tally.sent
        assert statuses == {413: 50}
        assert watch.peak() - before < 700  # 50 times the 10 MiB that are allowed, and some more
        assert ledger.requests()["/digits", "too_large"] == 50
        assert ends_well(service)


def test_decompression_bombs_get_an_answer_and_take_bounded_memory(row: Row, kept: Path) -> None:
    with RunningService() as service:
        ledger = Ledger(service, kept)
        before_workers = service.workers()
        with Load(service.url, mixed(), clients=2) as tally, Watch(service, every=0.1) as watch:
            time.sleep(2)
            before = watch.peak()
            for name, (route, media_type, body, statuses) in bombs().items():
                answers = _all_at_once(service, route, media_type, body)
                assert answers <= statuses | {503}, name
        row.tallies.append(tally)
        row.measured += [
            f"{len(bombs())} kinds, 4 at a time",
            f"memory +{watch.peak() - before:.0f} MB at most",
        ]
        tally.check()
        assert tally.answered("ok") + tally.refused() == tally.sent
        assert watch.peak() - before < 700
        assert service.workers() == before_workers
        assert not [key for key in ledger.requests() if key[1] == "internal"]
        assert ends_well(service)


def _all_at_once(service: RunningService, route: str, media_type: str, body: bytes) -> set[int]:
    ask = partial(
        httpx.post,
        service.url + route,
        content=body,
        headers={"content-type": media_type},
        timeout=DEADLINE,
    )
    with ThreadPoolExecutor(4) as threads:
        return {asked.result().status_code for asked in [threads.submit(ask) for _ in range(4)]}


def test_connections_cut_mid_body_are_counted_and_leave_nothing_behind(
    row: Row, kept: Path
) -> None:
    with RunningService() as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=4) as warming_up:
            time.sleep(2)
        warming_up.check()
        time.sleep(1)
        quiet = usage(service)
        with (
            Load(service.url, mixed(), clients=4) as tally,
            ThreadPoolExecutor(20) as threads,
        ):
            for reset in (False, True):
                list(threads.map(lambda _, r=reset: leave_mid_body(service, reset=r), range(200)))
        row.tallies.append(tally)
        tally.check()
        assert tally.answered("ok") == tally.sent
        gone = eventually(lambda: _at_least(ledger.requests()["/digits", "gone"], 200))
        row.measured.append(f"{gone} of 400 counted as gone, others never read")
        assert gone <= 400
        eventually(lambda: usage(service).descriptors <= quiet.descriptors)
        told, counted = tally.answers + warming_up.answers, ledger.requests()
        assert {key: counted[key] for key in told} == told
        assert ends_well(service)


def _at_least(count: int, least: int) -> int | None:
    return count if count >= least else None
