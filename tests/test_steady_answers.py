"""One and the same answer, whenever it is asked for and whatever else runs."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.answers import raw_probabilities
from tests.running import DEADLINE, RunningService
from training.golden import GOLDEN_TEXTS, as_bytes, draw_digit

TIMES = 300
ASKING = 6  # at a time
SECONDS = 15  # on a slow machine this ends it before

WORDS = " ".join(GOLDEN_TEXTS).split()


@contextmanager
def mixed_load(service: RunningService, clients: int) -> Iterator[None]:
    """Ask for texts of all lengths and for pictures, alone and in bulk, without an end."""
    over = threading.Event()
    failures: list[BaseException] = []

    def insist(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - not for secrets

        def text() -> str:
            return " ".join(chance.choices(WORDS, k=int(chance.paretovariate(0.7)) % 500))

        def picture() -> bytes:
            return as_bytes(draw_digit(chance.randrange(10), pen=chance.randint(5, 15)))

        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            try:
                while not over.is_set():
                    texts = [text() for _ in range(chance.randint(1, 40))]
                    client.post("/sentiment/batch", json={"texts": texts}).raise_for_status()
                    client.post("/sentiment", json={"text": text()}).raise_for_status()
                    files = [("images", ("a", picture())) for _ in range(chance.randint(1, 40))]
                    client.post("/digits/batch", files=files).raise_for_status()
                    client.post("/digits", content=picture()).raise_for_status()
            except BaseException as failure:  # told below
                failures.append(failure)

    threads = [threading.Thread(target=insist, args=[seed]) for seed in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_same_request_gets_the_same_bytes_hundreds_of_times_under_mixed_load(workers: str) -> None:
    text, digit = " ".join(WORDS[:30]), as_bytes(draw_digit(3))
    moods: list[bytes] = []
    digits: list[bytes] = []
    batches: set[str] = set()

    def ask_again_and_again(end: float) -> None:
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            while len(moods) < TIMES and time.monotonic() < end:
                response = client.post("/sentiment", json={"text": text})
                moods.extend(raw_probabilities(response))
                batches.add(response.headers["server-timing"].rpartition(";")[2])
                digits.extend(raw_probabilities(client.post("/digits", content=digit)))

    with RunningService(workers=workers, patient=True) as service, mixed_load(service, clients=2):
        end = time.monotonic() + SECONDS
        with ThreadPoolExecutor(ASKING) as clients:
            list(clients.map(ask_again_and_again, [end] * ASKING))
    assert (len(set(moods)), len(set(digits))) == (1, 1)
    assert len(moods) > TIMES / 3
    assert len(batches) > 2  # they were asked for in different company
