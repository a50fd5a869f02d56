"""A full queue refuses before it has read what it refuses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.problems import problem_of
from tests.running import DEADLINE, RunningService

LONG = "A long story about a good film. " * 60
BODY = json.dumps({"text": LONG}).encode()


@pytest.fixture(scope="module")
def short_of_patience() -> Iterator[RunningService]:
    """A service whose queue is full when next to nothing waits in it."""
    with RunningService(queue_limit_ms="1") as service:
        yield service


@contextmanager
def saturated(service: RunningService) -> Iterator[None]:
    """Ask without an end."""
    over = threading.Event()

    def insist() -> None:
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            while not over.is_set():
                client.post("/sentiment/batch", json={"texts": [LONG] * 64})

    clients = [threading.Thread(target=insist) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        over.set()
        for client in clients:
            client.join()


def head_only(service: RunningService, *headers: str) -> bytes:
    """What comes to a request whose body never does; nothing where it is waited for."""
    lines = ["POST /sentiment HTTP/1.1", "Host: x", f"Content-Length: {len(BODY)}", *headers]
    with service.connect() as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        connection.settimeout(0.5)
        try:
            return connection.recv(65_536)
        except TimeoutError:
            return b""


def test_full_queue_refuses_a_request_whose_body_never_comes(
    short_of_patience: RunningService,
) -> None:
    answers: list[bytes] = []
    with saturated(short_of_patience):
        end = time.monotonic() + DEADLINE
        while len(answers) < 5 and time.monotonic() < end:  # now and then there is room
            if answer := head_only(short_of_patience):
                answers.append(answer)
    assert len(answers) == 5
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in head.lower()
        assert json.loads(body)["code"] == "overloaded"


def test_body_of_a_refused_request_is_not_taken_for_the_next_one(
    short_of_patience: RunningService,
) -> None:
    seen = set()
    with (
        saturated(short_of_patience),
        httpx.Client(base_url=short_of_patience.url, timeout=DEADLINE) as client,
    ):
        for _ in range(50):
            response = client.post("/sentiment", content=BODY)
            seen.add(response.status_code)
            if response.status_code == 503:
                assert problem_of(response)["code"] == "overloaded"
            assert client.get("/health/live").json() == {"status": "live"}
    assert 503 in seen


def test_idle_service_waits_for_the_body(short_of_patience: RunningService) -> None:
    assert head_only(short_of_patience) == b""
