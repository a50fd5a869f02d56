"""How workers come, share the connections, and go, without a client noticing."""

from __future__ import annotations

import http.client
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.running import DEADLINE, ROOT, RunningService, eventually
from tests.scraped import Scraped
from tests.test_process import ask

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def is_last_answer(connection: socket.socket) -> bool:
    """Ask on a connection: whether it must be answered for the last time."""
    connection.sendall(GET)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.status == 200
    answer.read()
    return answer.will_close


def holders(service: RunningService) -> dict[int, int]:
    """Port of the client -> process id of the worker, for every open connection."""
    port = int(service.url.rpartition(":")[2])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    clients = {
        f"socket:[{row[9]}]": int(row[2].rpartition(":")[2], 16)
        for row in rows
        if int(row[1].rpartition(":")[2], 16) == port and row[3] == "01"  # established
    }
    return {
        clients[link]: pid
        for pid in service.workers()
        for file in Path(f"/proc/{pid}/fd").iterdir()
        if (link := str(file.readlink())) in clients
    }


def counters(service: RunningService) -> Path:
    """The folder for numbers that workers share."""
    [worker, *_] = service.workers()
    variables = Path(f"/proc/{worker}/environ").read_text().split("\0")
    return Path(dict(each.split("=", 1) for each in variables if each)["PROMETHEUS_MULTIPROC_DIR"])


def test_connections_are_spread_evenly_from_the_greeting_on() -> None:
    with RunningService("--workers", "2") as service, ExitStack() as stack:
        connections = [stack.enter_context(service.connect()) for _ in range(8)]
        assert not any(map(is_last_answer, connections))
        holding = holders(service)
        assert sorted(Counter(holding.values()).values()) == [4, 4]

        emptied = holding[connections[0].getsockname()[1]]
        for connection in connections:
            if holding[connection.getsockname()[1]] == emptied:
                connection.close()
        eventually(lambda: emptied not in holders(service).values())
        for connection in [stack.enter_context(service.connect()) for _ in range(4)]:
            is_last_answer(connection)
        assert Counter(holders(service).values())[emptied] == 4


@pytest.mark.parametrize("count", [1, 2])
def test_worker_told_to_end_is_replaced_and_not_one_request_fails(count: int) -> None:
    enough = Event()

    def stream(ask: Callable[[], httpx.Response]) -> Counter[int]:
        answers: Counter[int] = Counter()
        while not enough.is_set():
            answers[ask().status_code] += 1
        return answers

    with (
        RunningService("--workers", str(count), patient=True) as service,
        httpx.Client(base_url=service.url, timeout=DEADLINE) as client,
        ThreadPoolExecutor() as threads,
    ):
        streams = [
            threads.submit(stream, lambda: ask(service)),
            threads.submit(stream, lambda: client.get("/health/live")),
        ]
        before = service.workers()
        try:
            for pid in before:
                os.kill(pid, signal.SIGTERM)
            eventually(lambda: not service.workers() & before or any(s.done() for s in streams))
        finally:
            enough.set()
        for answers in (each.result() for each in streams):
            assert answers.keys() == {200}
        assert len(service.workers()) == count
        assert service.stop() == (0, "")


def test_worker_told_to_end_announces_the_last_answer_of_each_connection() -> None:
    with RunningService() as service, service.connect() as idle, service.connect() as fresh:
        assert not is_last_answer(idle)
        eventually(lambda: len(holders(service)) == 2)
        [worker] = service.workers()
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: is_last_answer(idle))
        assert is_last_answer(fresh)
        eventually(lambda: worker not in service.workers())


def test_connections_wait_while_no_worker_can_take_them() -> None:
    with RunningService() as service, ExitStack() as stack:
        [worker] = service.workers()
        os.kill(worker, signal.SIGSTOP)
        connections = [stack.enter_context(service.connect()) for _ in range(400)]
        for connection in connections:
            connection.sendall(GET)
        os.kill(worker, signal.SIGCONT)
        for connection in connections:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        assert service.stop() == (0, "")


@pytest.mark.timeout(120)
def test_worker_that_hangs_is_replaced_and_until_then_the_others_answer() -> None:
    with RunningService("--workers", "2", deadline_ms="20000") as service:
        hung, other = service.workers()
        os.kill(hung, signal.SIGSTOP)
        eventually(lambda: all(answered_soon(service) for _ in range(4)))
        assert service.workers() == {hung, other}
        eventually(lambda: hung not in service.workers())
        eventually(lambda: len(service.workers()) == 2)
        assert f"worker {hung} hangs, and is killed" in service.written()
        eventually(lambda: Scraped(service.url).value("worker_restarts_total") == 1)


def answered_soon(service: RunningService) -> bool:
    with suppress(httpx.TimeoutException):
        return httpx.get(f"{service.url}/health/live", timeout=2).is_success
    return False


def test_successor_that_cannot_start_leaves_the_old_worker_in_its_place(tmp_path: Path) -> None:
    models = shutil.copytree(ROOT / "models", tmp_path / "models")
    with RunningService(models_dir=str(models)) as service:
        [worker] = service.workers()
        away = models.rename(tmp_path / "away")
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: service.written().count("holds no model") > 1)
        assert ask(service).status_code == 200
        assert worker in service.workers()
        away.rename(models)
        eventually(lambda: service.workers() and worker not in service.workers())
        assert ask(service).status_code == 200
        assert service.faults() == []


def test_shared_numbers_live_as_long_as_the_service_and_gauges_as_long_as_their_worker() -> None:
    with RunningService() as service:
        [worker] = service.workers()
        folder = counters(service)
        answered = Scraped(service.url).value("requests_total")
        # Empty, as a process leaves one that ends as soon as it has begun.
        for name in (f"gauge_liveall_{worker}.db", "gauge_liveall_0.db"):
            (folder / name).touch()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: service.workers() - {worker})
        assert ask(service).status_code == 200
        left = {path.name for path in folder.iterdir()}
        assert "gauge_liveall_0.db" in left
        assert not any(f"_{worker}." in name for name in left), "there would be ever more"
        assert Scraped(service.url).value("requests_total") > answered
        service.stop()
        assert not folder.exists()


def test_process_that_only_hands_out_connections_stays_light() -> None:
    script = "import sys, service.__main__; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True).split()
    heavy = {"fastapi", "starlette", "uvicorn", "numpy", "onnxruntime", "prometheus_client"}
    assert "service.supervisor" in loaded
    assert heavy.isdisjoint(loaded)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="this system has no prlimit")
@pytest.mark.parametrize("who", ["supervisor", "worker"])
def test_service_outlives_a_time_of_too_many_open_files(who: str) -> None:
    with RunningService() as service:
        pid = service.process.pid if who == "supervisor" else max(service.workers())
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
        with service.connect() as connection:
            eventually(lambda: "too many open files" in service.written().lower())
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            if who == "supervisor":
                assert not is_last_answer(connection)
            else:
                assert connection.recv(1) == b""
        assert ask(service).status_code == 200
        assert service.stop()[0] == 0
