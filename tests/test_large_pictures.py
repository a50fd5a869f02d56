"""Large pictures are decoded apart from the small ones, and not too many at a time."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.answers import raw_probabilities
from tests.problems import problem_of
from tests.running import DEADLINE, RunningService
from tests.scraped import Scraped, grown
from training.golden import as_bytes, draw_digit

SMALL = as_bytes(draw_digit(5))
HUGE = as_bytes(draw_digit(7).resize((4000, 4000)).convert("RGB"), "PNG")  # 16 megapixels


@pytest.fixture(scope="module")
def patient() -> Iterator[RunningService]:
    """A service that refuses nobody for a long queue, so that only memory counts."""
    with RunningService(queue_limit_ms="600000", deadline_ms="600000") as service:
        yield service


def send(service: RunningService, stack: ExitStack, picture: bytes) -> socket.socket:
    connection = stack.enter_context(service.connect())
    head = f"POST /digits HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"
    connection.sendall(head.encode() + picture)
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(12)[9:])


def waiting(connections: list[socket.socket]) -> int:
    """How many have no answer yet."""
    answered, _, _ = select.select(connections, [], [], 0)
    return len(connections) - len(answered)


def test_small_pictures_are_answered_while_large_ones_wait(patient: RunningService) -> None:
    with ExitStack() as stack, httpx.Client(base_url=patient.url, timeout=DEADLINE) as client:
        expected = raw_probabilities(client.post("/digits", content=SMALL))
        large = [send(patient, stack, HUGE) for _ in range(4)]
        for _ in range(5):
            assert raw_probabilities(client.post("/digits", content=SMALL)) == expected
        assert waiting(large) >= 2
        many = client.post("/digits/batch", files=[("images", ("a.png", SMALL))] * 20)
        assert raw_probabilities(many) == expected * 20
        assert waiting(large) >= 1
        assert [status(connection) for connection in large] == [200] * 4


def test_no_more_than_64_megapixels_are_held_at_a_time(patient: RunningService) -> None:
    before = Scraped(patient.url)
    with ExitStack() as stack, httpx.Client(base_url=patient.url, timeout=DEADLINE) as client:
        large = [send(patient, stack, HUGE) for _ in range(12)]
        assert client.post("/digits", content=SMALL).status_code == 200
        answers = [status(connection) for connection in large]
        assert set(answers) == {200, 503}
        assert answers.count(200) >= 4
        after = Scraped(patient.url)
        refused = grown(before, after, "refused_total", stage="decode_large", reason="memory")
        assert refused == answers.count(503)
        assert client.post("/digits", content=HUGE).status_code == 200  # there is room again


def test_who_is_refused_for_memory_is_told_when_to_come_again(patient: RunningService) -> None:
    with ExitStack() as stack, httpx.Client(base_url=patient.url, timeout=DEADLINE) as client:
        large = [send(patient, stack, HUGE) for _ in range(8)]
        assert waiting(large)
        response = client.post("/digits", content=HUGE)
        problem = problem_of(response)
        assert problem["code"] == "overloaded"
        assert problem["retry_after_ms"] > 10
        assert {status(connection) for connection in large} == {200, 503}


def test_large_picture_of_a_bulk_call_does_not_hold_up_the_small_ones_of_others(
    patient: RunningService,
) -> None:
    with ExitStack() as stack, httpx.Client(base_url=patient.url, timeout=DEADLINE) as client:
        large = [send(patient, stack, HUGE) for _ in range(3)]
        both = client.post(
            "/digits/batch", files=[("images", ("a", each)) for each in (SMALL, HUGE, SMALL)]
        )
        first, _, last = raw_probabilities(both)
        assert first == last
        assert [entry["label"] for entry in both.json()["results"]] == [5, 7, 5]
        assert [status(connection) for connection in large] == [200] * 3
