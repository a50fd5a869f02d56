"""What the service stands on gives way: disk, clock, descriptors."""

from __future__ import annotations

import email.utils
import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.faults.ledger import Ledger, ends_well
from tests.faults.load import Load
from tests.faults.questions import mixed
from tests.faults.table import Row
from tests.running import DEADLINE, RunningService, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
DAY = 86_400
FEW = 48  # descriptors


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of its own with nothing left on it, where what the service says is to be stored."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    try:
        with suppress(OSError), (disk / "fill").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def serves_and_replaces_a_worker(service: RunningService, row: Row, kept: Path) -> None:
    """Under load, also where it has much to say."""
    ledger = Ledger(service, kept)
    with Load(service.url, mixed(), clients=4) as tally:
        time.sleep(2)
        ledger.keep()
        before = service.workers()
        for worker in before:
            os.kill(worker, signal.SIGTERM)
        eventually(lambda: service.workers() and not service.workers() & before)
        time.sleep(1)
    row.tallies.append(tally)
    tally.check()
    assert tally.answered("ok") == tally.answered() > 0
    assert tally.lost == []
    ledger.agrees_with(tally)
    for worker in service.workers():
        os.kill(worker, signal.SIGKILL)  # which is logged
    eventually(lambda: httpx.get(f"{service.url}/health/ready", timeout=DEADLINE).is_success)
    assert ends_well(service)


def test_log_on_a_full_device_harms_nothing(row: Row, kept: Path) -> None:
    with Path("/dev/full").open("w") as full, RunningService(stderr=full) as service:
        serves_and_replaces_a_worker(service, row, kept)
    row.measured.append("stderr is /dev/full; a worker replaced, one killed")


@pytest.mark.usefixtures("full_disk")
def test_log_on_a_full_disk_harms_nothing(
    row: Row, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = RunningService()  # whose log is there
    monkeypatch.undo()
    with service:
        serves_and_replaces_a_worker(service, row, kept)
        assert service.written() == ""
    row.measured.append("stderr on a full tmpfs; a worker replaced, one killed")


def test_full_temporary_folder_harms_nothing(full_disk: Path, row: Row, kept: Path) -> None:
    with (
        Path("/dev/null").open("w") as log,
        RunningService(stderr=log, variables={"TMPDIR": str(full_disk)}) as service,
    ):
        serves_and_replaces_a_worker(service, row, kept)
    row.measured.append("TMPDIR on a full tmpfs; a worker replaced, one killed")


def test_clock_jumps_a_day_ahead_and_two_back_and_nobody_notices(
    row: Row, kept: Path, tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0")

    fooled = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    assert FAKETIME.exists(), "the Debian package faketime is needed"
    with RunningService(variables=fooled) as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=4) as tally:
            shown = []
            for jump in ("+0", "+1d", "-1d"):
                offset.write_text(jump)
                time.sleep(3)
                date = httpx.get(f"{service.url}/health/ready", timeout=DEADLINE).headers["date"]
                moment = email.utils.parsedate_to_datetime(date).timestamp()
                shown.append(round((moment - time.time()) / DAY))
        row.tallies.append(tally)
        row.measured.append(f"its clock showed {shown} days")
        assert shown == [0, 1, -1]
        tally.check()
        assert tally.answered("ok") == tally.sent - tally.crossed > 0
        ledger.agrees_with(tally)
        assert ends_well(service)


def test_without_descriptors_open_connections_are_served_and_then_all_again(
    row: Row, kept: Path
) -> None:
    with RunningService() as service:
        ledger = Ledger(service, kept)
        with Load(service.url, mixed(), clients=4) as tally:
            time.sleep(1)
            for pid in service.processes():
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEW, FEW))
            with ExitStack() as stack:
                for _ in range(4 * FEW):
                    stack.enter_context(service.connect())
                time.sleep(3)
            time.sleep(1)
        row.tallies.append(tally)
        row.measured.append(f"{4 * FEW} connections, {FEW} descriptors")
        tally.check()
        assert tally.lost == []
        assert tally.answered("ok") == tally.answered() > 0
        ledger.agrees_with(tally)
        with Load(service.url, mixed(), clients=4) as after:
            time.sleep(2)
        after.check()
        assert after.answered("ok") == after.sent - after.crossed > 0
        assert ends_well(service)


@pytest.mark.parametrize("collector", ["gone", "silent"])
def test_collector_of_traces_that_takes_none_harms_nothing(
    row: Row, kept: Path, collector: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
        if collector == "gone":
            listener.close()
        with RunningService(trace_endpoint=endpoint, trace_share="1") as service:
            ledger = Ledger(service, kept)
            with Load(service.url, mixed(), clients=4) as tally:
                time.sleep(8)
            row.tallies.append(tally)
            row.measured.append(f"p99 {1000 * tally.percentile(99):.0f} ms, every request traced")
            tally.check()
            assert tally.answered("ok") == tally.sent - tally.crossed > 0
            ledger.agrees_with(tally)
            assert ends_well(service)
