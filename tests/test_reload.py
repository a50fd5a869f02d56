"""New versions are taken up while clients are answered, wholly or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from tests.keyring import made
from tests.problems import MARK
from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped
from tests.shelf import change_golden_case, cut_short, flip_a_byte, publish_again
from training.golden import as_bytes, draw_digit

TEXT = {"text": "What a wonderful film!"}
PICTURE = as_bytes(draw_digit(7))

OPERATOR = made("operator", "predict", "admin")

Answer = dict[str, Any]


def hang_up(service: RunningService) -> None:
    """What an operator does who has changed the models."""
    service.process.send_signal(signal.SIGHUP)


def reloads(service: RunningService, outcome: str) -> float:
    return Scraped(service.url).value("reloads_total", outcome=outcome)


def model(service: RunningService, path: str = "/sentiment") -> str:
    """Which version answers on a new connection."""
    content = {"json": TEXT} if path == "/sentiment" else {"content": PICTURE}
    answer = httpx.post(f"{service.url}{path}", timeout=DEADLINE, **content)
    assert answer.status_code == 200
    return str(answer.json()["model"])


@contextmanager
def stream(service: RunningService) -> Iterator[list[Future[Counter[str]]]]:
    """Clients that keep their connections, and count which versions answered, each answer right."""
    enough = Event()

    def ask(path: str, **content: Any) -> Counter[str]:
        versions: Counter[str] = Counter()
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            expected = client.post(path, **content).json()
            while not enough.is_set():
                response = client.post(path, **content)
                assert response.status_code == 200, response.text
                answer: Answer = response.json()
                assert answer | {"model": ""} == expected | {"model": ""}
                versions[answer["model"]] += 1
        return versions

    with ThreadPoolExecutor() as threads:
        clients = [threads.submit(ask, "/sentiment", json=TEXT) for _ in range(2)]
        clients.append(threads.submit(ask, "/digits", content=PICTURE))
        try:
            yield clients
        finally:
            enough.set()


def test_hangup_takes_up_new_versions_in_all_workers_and_not_one_request_fails(
    models: Path,
) -> None:
    with RunningService("--workers", "2", models_dir=str(models), patient=True) as service:
        before = service.workers()
        with stream(service) as clients:
            publish_again(models / "sentiment", 2)
            publish_again(models / "digits", 2)
            hang_up(service)
            eventually(lambda: not service.workers() & before or any(c.done() for c in clients))
        texts = clients[0].result() + clients[1].result()
        pictures = clients[2].result()
        assert texts.keys() == {"sentiment/1", "sentiment/2"}
        assert pictures.keys() == {"digits/1", "digits/2"}
        assert {model(service) for _ in range(4)} == {"sentiment/2"}
        assert len(service.workers()) == 2
        assert reloads(service, "ok") == 1
        status, written = service.stop()
        assert status == 0
        [line] = written.splitlines()
        assert "loaded anew: digits/2 and sentiment/2" in line


def test_admin_call_says_what_serves_and_what_did(models: Path) -> None:
    with (
        RunningService(models_dir=str(models), keys=OPERATOR.entry, patient=True) as service,
        httpx.Client(base_url=service.url, headers=OPERATOR.header, timeout=DEADLINE) as client,
    ):
        publish_again(models / "sentiment", 2)
        # The second on a connection of the worker that the first has replaced.
        for path, expected in (
            ("sentiment", {"model": "sentiment/2", "before": "sentiment/1"}),
            ("digits", {"model": "digits/1", "before": "digits/1"}),
        ):
            answer = client.post(f"/admin/models/{path}/reload")
            assert (answer.status_code, answer.json()) == (200, expected)

        assert client.post("/admin/models/another/reload").status_code == 404
        publish_again(models / "digits", 2).joinpath("model.onnx").unlink()
        refused = client.post("/admin/models/sentiment/reload")
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert str(models) not in refused.text
        late = client.post("/admin/models/sentiment/reload", headers={"X-Request-Timeout-Ms": "1"})
        assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")


def test_broken_version_leaves_all_as_it_was_and_the_log_says_why(models: Path) -> None:
    broken: dict[str, Callable[[Path], object]] = {
        "model.int8.onnx has another SHA-256": lambda folder: flip_a_byte(
            folder / "model.int8.onnx"
        ),
        "model.onnx has": lambda folder: cut_short(folder / "model.onnx"),
        "model.int8.onnx: golden case 1": lambda folder: change_golden_case(folder, label=MARK),
    }
    with RunningService("--workers", "2", models_dir=str(models)) as service:
        before = service.workers()
        for failures, (reason, damage) in enumerate(broken.items(), start=1):
            damage(folder := publish_again(models / "digits", 2))
            publish_again(models / "sentiment", 2)
            hang_up(service)
            eventually(lambda count=failures: reloads(service, "failed") == count)  # type: ignore[misc]
            logged = eventually(lambda count=failures: service.messages()[count - 1 :])  # type: ignore[misc]
            last = logged[-1]["message"]
            assert f"{folder} is not served: {reason}" in last
            assert "digits/1 and sentiment/1 serve on" in last
            assert model(service) == "sentiment/1", "all or nothing"
            assert service.workers() & before == before
            shutil.rmtree(folder)
            shutil.rmtree(models / "sentiment" / "2")
        assert reloads(service, "ok") == 0
        assert MARK not in httpx.get(f"{service.url}/models", timeout=DEADLINE).text


def test_hangups_while_one_reload_runs_make_one_more(models: Path) -> None:
    with RunningService(models_dir=str(models)) as service:
        hang_up(service)
        eventually(lambda: len(service.workers()) > 1)
        for _ in range(5):
            hang_up(service)
        eventually(lambda: reloads(service, "ok") == 2)
        hang_up(service)
        eventually(lambda: reloads(service, "ok") > 2)
        assert reloads(service, "ok") == 3


def test_call_that_comes_while_a_reload_runs_is_answered_after_the_next(models: Path) -> None:
    """Since the one that runs may have read the folder before it was changed."""
    with RunningService(models_dir=str(models), keys=OPERATOR.entry, patient=True) as service:
        hang_up(service)
        eventually(lambda: len(service.workers()) > 1)
        url = f"{service.url}/admin/models/digits/reload"
        assert httpx.post(url, headers=OPERATOR.header, timeout=DEADLINE).status_code == 200
        metrics = httpx.get(f"{service.url}/metrics", headers=OPERATOR.header, timeout=DEADLINE)
        assert 'moodigit_reloads_total{outcome="ok"} 2.0' in metrics.text


def test_versions_that_come_between_two_workers_are_taken_up_by_neither(models: Path) -> None:
    with RunningService("--workers", "2", models_dir=str(models)) as service:
        before = service.workers()
        hang_up(service)
        eventually(lambda: len(service.workers()) == 4)  # one successor is ready, one starts
        publish_again(models / "digits", 2)
        eventually(lambda: reloads(service, "failed"))
        eventually(lambda: "changed while it was read" in service.written())
        assert model(service, "/digits") == "digits/1"
        assert before <= service.workers()


def test_worker_that_dies_during_a_reload_does_not_stop_it(models: Path) -> None:
    with RunningService(models_dir=str(models)) as service:
        [worker] = service.workers()
        publish_again(models / "sentiment", 2)
        hang_up(service)
        eventually(lambda: len(service.workers()) > 1)
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{worker}").exists())
        eventually(lambda: reloads(service, "ok"))
        eventually(lambda: len(service.workers()) == 1)
        assert model(service) == "sentiment/2"


def test_reload_whose_worker_dies_leaves_all_as_it_was(models: Path) -> None:
    with RunningService(models_dir=str(models)) as service:
        before = service.workers()
        publish_again(models / "sentiment", 2)
        hang_up(service)
        successor = eventually(lambda: service.workers() - before)
        os.kill(min(successor), signal.SIGKILL)
        eventually(lambda: reloads(service, "failed"))
        eventually(lambda: "SIGKILL" in service.written())
        assert model(service) == "sentiment/1"
        assert service.workers() == before


def test_worker_that_died_is_replaced_by_one_of_the_same_versions_and_counted(
    models: Path,
) -> None:
    with RunningService(models_dir=str(models)) as service:
        publish_again(models / "sentiment", 2)
        before = service.workers()
        answered = Scraped(service.url)
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda: service.workers() - before)
        assert model(service) == "sentiment/1"
        eventually(lambda: Scraped(service.url).value("worker_restarts_total") == 1)
        route = {"route": "/metrics"}
        counted = Scraped(service.url).value("requests_total", **route)
        assert counted > answered.value("requests_total", **route), "what it had counted stays"


def test_worker_whose_version_has_gone_is_replaced_by_one_of_another(models: Path) -> None:
    with RunningService(models_dir=str(models)) as service:
        publish_again(models / "sentiment", 2)
        shutil.rmtree(models / "sentiment" / "1")
        os.kill(min(service.workers()), signal.SIGKILL)
        assert model(service) == "sentiment/2"
        eventually(lambda: "has no version 1" in service.written())
