"""Full bulk calls, as the service is set up by default."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.answers import raw_probabilities
from tests.running import DEADLINE, RunningService
from training.golden import as_bytes, draw_digit

LONGEST = "A long story about a good film. " * 60  # as long as texts are read
MOST = 256
PICTURE = as_bytes(draw_digit(5))


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    """With the limits that it has where nobody sets any."""
    with RunningService() as running:
        yield running


def ask_texts(url: str, answers: list[httpx.Response]) -> threading.Thread:
    """A full call of the longest texts, which has begun."""

    def ask() -> None:
        texts = [f"{number} {LONGEST}" for number in range(MOST)]
        answers.append(
            httpx.post(f"{url}/sentiment/batch", json={"texts": texts}, timeout=DEADLINE)
        )

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_full_call_of_the_longest_texts_is_answered(service: RunningService) -> None:
    answers: list[httpx.Response] = []
    ask_texts(service.url, answers).join()
    assert len(raw_probabilities(answers[0])) == MOST


def test_full_call_is_admitted_while_others_ask(service: RunningService) -> None:
    answers: list[httpx.Response] = []
    call = ask_texts(service.url, answers)
    with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
        singles = 0
        while call.is_alive():
            raw_probabilities(client.post("/sentiment", json={"text": LONGEST}))
            singles += 1
            form = [("images", ("a.png", PICTURE))] * MOST
            assert len(raw_probabilities(client.post("/digits/batch", files=form))) == MOST
    assert [len(raw_probabilities(answer)) for answer in answers] == [MOST]
    assert singles > 0
