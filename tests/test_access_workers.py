"""Keys and quotas are those of the whole service, whichever worker answers."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from threading import Event

import httpx

from tests.keyring import Made, made
from tests.running import DEADLINE, RunningService, eventually

BURST = 50
ONE, TWO = made("one", "predict"), made("two", "predict")
LIMITED = made("limited", "predict", per_minute=1, burst=BURST)
OTHER = made("other", "predict", per_minute=1, burst=1)


def status(service: RunningService, key: Made) -> int:
    text = {"text": "good"}
    asked = httpx.post(f"{service.url}/sentiment", json=text, headers=key.header, timeout=DEADLINE)
    return asked.status_code


def in_the_place_of(service: RunningService, old: set[int]) -> Callable[[], bool]:
    """Whether all those workers are gone and as many serve."""
    return lambda: len(new := service.workers()) == len(old) and new.isdisjoint(old)


def test_of_many_clients_of_two_workers_exactly_as_many_succeed_as_there_are_tokens() -> None:
    keys = LIMITED.entry + OTHER.entry
    with RunningService(workers="2", keys=keys, patient=True) as service, ExitStack() as stack:
        client = [
            stack.enter_context(httpx.Client(base_url=service.url, timeout=DEADLINE))
            for _ in range(12)
        ]
        for each in client:
            each.get("/health/live")  # now each has its connection, half of them to each worker

        def ask(number: int) -> list[int]:
            return [
                client[number]
                .post("/sentiment", json={"text": "good"}, headers=LIMITED.header)
                .status_code
                for _ in range(15)
            ]

        began = time.monotonic()
        with ThreadPoolExecutor(len(client)) as pool:
            answers = Counter(chain.from_iterable(pool.map(ask, range(len(client)))))
        came_back = int(time.monotonic() - began) // 60  # none, but on a very slow machine
        assert BURST <= answers[200] <= BURST + came_back
        assert answers[200] + answers[429] == 12 * 15
        assert status(service, OTHER) == 200  # each key has its own


def test_a_worker_that_dies_takes_no_quota_with_it() -> None:
    with RunningService(keys=OTHER.entry) as service:
        assert status(service, OTHER) == 200
        [worker] = service.workers()
        os.kill(worker, signal.SIGKILL)
        eventually(in_the_place_of(service, {worker}))
        assert status(service, OTHER) == 429


def test_what_is_refused_by_its_head_alone_costs_nothing() -> None:
    """Where there is too much work already, nobody has looked at the key."""
    many = made("many", "predict", per_minute=1, burst=10_000)
    load = {"texts": ["A long story about a good film. " * 60] * 64}
    with RunningService(keys=ONE.entry + many.entry, queue_limit_ms="1") as service:
        over = Event()

        def saturate() -> None:
            with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
                while not over.is_set():
                    client.post("/sentiment/batch", json=load, headers=ONE.header)

        with (
            ThreadPoolExecutor() as pool,
            httpx.Client(base_url=service.url, timeout=DEADLINE) as client,
        ):

            def ask() -> httpx.Response:
                return client.post("/sentiment", json={"text": "good"}, headers=many.header)

            answers = [ask()]
            busy = pool.submit(saturate)
            try:
                while "ratelimit" in answers[-1].headers:
                    answers.append(ask())
            finally:
                over.set()
                busy.result()
            *counted, refused = answers
            assert refused.status_code == 503
            assert ask().headers["ratelimit"].startswith(f'"default";r={9_999 - len(counted)};')


def test_new_workers_read_the_keys_anew(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.touch(mode=0o600)
    file.write_text(ONE.entry)
    with RunningService(keys_file=str(file)) as service:
        assert (status(service, ONE), status(service, TWO)) == (200, 401)
        [worker] = service.workers()
        file.write_text(TWO.entry)
        os.kill(worker, signal.SIGTERM)
        eventually(in_the_place_of(service, {worker}))
        assert (status(service, ONE), status(service, TWO)) == (401, 200)
        assert "read by others" not in service.written()


def test_keys_that_cannot_be_used_leave_the_old_ones_in_their_place(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(ONE.entry)
    with RunningService(keys_file=str(file)) as service:
        [worker] = service.workers()
        file.write_text(TWO.entry.replace("sha256", "sha512"))
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: "two.sha512" in service.written())
        assert (status(service, ONE), status(service, TWO)) == (200, 401)
        assert TWO.sha256 not in service.written()


def test_a_file_that_others_can_read_gets_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(ONE.entry)
    file.chmod(0o640)
    with RunningService(keys_file=str(file), workers="2") as service:
        [logged] = service.messages()
        assert logged["level"] == "warning"
        assert logged["message"] == f"{file} can be read by others than its owner"
