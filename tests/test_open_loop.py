"""The benchmark's open loop: every request is sent when it is due, and none goes uncounted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle

import pytest

from loadtest.bench.arrivals import Order, summarise
from loadtest.open_loop import OpenLoop, Record
from tests.running import DEADLINE

SOON = [0.0] * 30  # thirty requests at once


@contextmanager
def fake_server(*answers: bytes) -> Iterator[tuple[str, int]]:
    """Gives the answers in turn, whoever asks; an empty one ends the connection."""
    turn, lock = cycle(answers), threading.Lock()

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65_536):
                with lock:
                    answer = next(turn)
                if not answer:
                    return
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])

    def accept() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                threading.Thread(target=talk, args=listener.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)


def answer(status: int, *headers: str) -> bytes:
    head = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} So\r\n{head}content-length: 5\r\n\r\n01234".encode()


def statuses(record: Record) -> list[int]:
    return sorted(status for _, _, status in record.answers)


def test_the_open_loop_counts_answers_and_refusals() -> None:
    with fake_server(answer(200), answer(503), answer(200)) as where:
        record = OpenLoop(where, [b"one", b"two"]).run(SOON, patience=DEADLINE)
    assert statuses(record) == [200] * 20 + [503] * 10
    assert (record.broken, record.unanswered, record.exhausted) == (0, [], 0)
    assert all(answered >= due for due, answered, _ in record.answers)


def test_the_open_loop_keeps_the_bodies_of_answers_when_told_to() -> None:
    with fake_server(answer(200), answer(503)) as where:
        kept = OpenLoop(where, [b"one"], keep=True).run(SOON, patience=DEADLINE)
        assert OpenLoop(where, [b"one"]).run(SOON, patience=DEADLINE).bodies == []
    assert kept.bodies == [b"01234"] * len(kept.answers) == [b"01234"] * 30


def test_the_open_loop_waits_for_a_connection_when_it_may_have_no_more() -> None:
    with fake_server(answer(200)) as where:
        record = OpenLoop(where, [b"one"], most_connections=2).run(SOON, patience=DEADLINE)
    assert statuses(record) == [200] * 30
    assert (record.connections, record.exhausted) == (2, 28)


def test_the_open_loop_survives_connections_that_end() -> None:
    with fake_server(answer(200, "Connection: close"), b"") as where:
        record = OpenLoop(where, [b"one"], most_connections=1).run(SOON, patience=DEADLINE)
    assert statuses(record) == [200] * 15
    assert (record.broken, record.unanswered) == (15, [])


def test_the_open_loop_does_not_wait_for_ever() -> None:
    with fake_server(b"HTTP/1.1 200 So\r\ncontent-length: 90\r\n\r\nand no more") as where:
        record = OpenLoop(where, [b"one"]).run([0.0, 0.0], patience=0.2)
    assert record.answers == []
    assert len(record.unanswered) == 2


def test_late_and_missing_answers_are_no_goodput() -> None:
    record = Record(
        sent=[(each / 10, each / 10) for each in range(40)],
        answers=[
            (0.1, 0.2, 200),  # before what counts
            (1.0, 1.4, 200),
            (1.1, 2.2, 200),  # late, but within the grace
            (1.2, 2.4, 200),  # later
            (1.3, 1.31, 503),
            (1.4, 2.41, 504),
        ],
        broken=1,
        unanswered=[1.5],
        seconds=4.0,
    )
    order = Order("", "", rate=10, seconds=3, warm=1, deadline_ms=1090)
    measured = summarise(record, order)
    assert measured.goodput == 0.5  # one answer in two seconds
    assert measured.offered == 10
    assert measured.statuses == {"200": 3, "503": 1, "504": 1}
    assert (measured.accepted, measured.late) == (6, 3)
    assert measured.refused_p99_ms == pytest.approx(10)
    assert measured.worst_ms == pytest.approx(2500)
