"""1,000 clients that leave while their rows are queued."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped, grown

CLIENTS = 1000
AHEAD = 600
LONG = "A long story about a good film. " * 60  # as long as texts are read


@pytest.fixture
def patient() -> Iterator[RunningService]:
    """A service that refuses nobody for a long queue."""
    with RunningService(queue_limit_ms="600000", deadline_ms="600000", max_batch="1") as service:
        yield service


def request(text: str, patience_ms: int) -> bytes:
    body = json.dumps({"text": text}).encode()
    head = f"POST /sentiment HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return f"{head}X-Request-Timeout-Ms: {patience_ms}\r\n\r\n".encode() + body


@pytest.mark.timeout(180)
def test_of_1000_clients_that_disconnect_while_queued_hardly_one_is_run(
    patient: RunningService,
) -> None:
    before = Scraped(patient.url)
    with ExitStack() as stack:
        ahead = [stack.enter_context(patient.connect()) for _ in range(AHEAD)]
        leaving = [stack.enter_context(patient.connect()) for _ in range(CLIENTS)]
        for connection in ahead:  # more urgent than all that follow
            connection.sendall(request(LONG, 300_000))
        for connection in leaving:
            connection.sendall(request("A good film.", 600_000))
        answered = 0
        for connection in leaving:
            connection.setblocking(False)
            answered += has_answer(connection)
            connection.close()
        assert answered == 0
        for connection in ahead:
            assert connection.recv(12) == b"HTTP/1.1 200"

    def all_counted() -> Scraped | None:
        now = Scraped(patient.url)
        counted = grown(before, now, "requests_total", route="/sentiment")
        return now if counted == AHEAD + CLIENTS else None

    after = eventually(all_counted)
    infer = {"model": "sentiment", "stage": "infer"}
    never_run = grown(before, after, "cancelled_before_run_total", **infer)
    run = grown(before, after, "batch_rows_sum", **infer) - AHEAD
    assert never_run + run == CLIENTS
    assert never_run >= 0.99 * CLIENTS
    assert grown(before, after, "requests_total", outcome="gone") >= 0.99 * CLIENTS
    assert after.value("queue_rows") == 0


def has_answer(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return False


def test_service_is_at_rest_soon_after_everyone_has_left(patient: RunningService) -> None:
    with ExitStack() as stack:
        for _ in range(AHEAD):
            connection = stack.enter_context(patient.connect())
            connection.sendall(request(LONG, 600_000))

    def at_rest() -> bool:
        now = Scraped(patient.url)
        done = now.value("requests_total", route="/sentiment")
        return done == AHEAD and now.value("queue_rows") == 0

    assert eventually(at_rest)
    with patient.connect() as connection:
        began = time.monotonic()
        connection.sendall(request("A good film.", 600_000))
        assert connection.recv(12) == b"HTTP/1.1 200"
        assert time.monotonic() - began < DEADLINE
