"""Clients that take their time are let go, and nobody else notices."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from tests.raw import last_problem, parse, read_to_end
from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped, grown
from tests.test_supervisor import GET, holders, is_last_answer

TEXT = json.dumps({"text": "A good film."}).encode()
HEAD = b"POST /sentiment HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /sentiment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def impatient() -> Iterator[RunningService]:
    """A service that waits a second for each thing, except between requests."""
    with RunningService(
        idle_seconds="300", head_seconds="1", body_seconds="1", send_seconds="1"
    ) as service:
        yield service


def drip(connection: socket.socket, byte: bytes) -> bytes:
    """Send a byte again and again until the service has closed; what it said."""
    connection.settimeout(0.1)
    end = time.monotonic() + DEADLINE
    received = b""
    with suppress(ConnectionError):
        while time.monotonic() < end:
            connection.sendall(byte)
            with suppress(TimeoutError):
                if not (chunk := connection.recv(65_536)):
                    return received
                received += chunk
    assert time.monotonic() < end
    return received


@pytest.mark.parametrize(
    "begun", [b"P", b"POST /sentiment HTTP/1.1\r\nHost: x\r\n", (HEAD % 9)[:-4]]
)
def test_a_head_that_stops_is_answered_and_let_go(impatient: RunningService, begun: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(begun)
        problem = last_problem(read_to_end(connection))
    assert problem["code"] == "malformed"
    assert "head" in problem["detail"]
    assert "1 second" in problem["detail"]


def test_a_head_that_comes_byte_by_byte_is_let_go(impatient: RunningService) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nX-Slow: ")
        assert last_problem(drip(connection, b"a"))["code"] == "malformed"


def test_a_connection_on_which_nothing_is_asked_is_closed_without_a_word(
    impatient: RunningService,
) -> None:
    with impatient.connect() as connection:
        assert read_to_end(connection) == b""


def test_the_head_of_a_later_request_has_its_time_too(impatient: RunningService) -> None:
    with impatient.connect() as connection:
        assert not is_last_answer(connection)
        time.sleep(3)  # idle for longer than a head may take
        assert not is_last_answer(connection)
        connection.sendall(b"GET /health")
        assert "head" in last_problem(read_to_end(connection))["detail"]


@pytest.mark.parametrize("begun", [HEAD % 100, HEAD % 100 + b"{", CHUNKED, CHUNKED + b"1\r\n{\r\n"])
def test_a_body_that_stops_ends_its_request(impatient: RunningService, begun: bytes) -> None:
    before = Scraped(impatient.url)
    with impatient.connect() as connection:
        connection.sendall(begun)
        problem = last_problem(read_to_end(connection))
    assert problem["code"] == "malformed"
    assert "body" in problem["detail"]
    if begun.startswith(HEAD[:50]):
        assert problem["request_id"] == "mine"

    def counted() -> bool:
        counts = {"route": "/sentiment", "outcome": "gone"}
        return grown(before, Scraped(impatient.url), "requests_total", **counts) == 1

    assert eventually(counted)  # so nobody waits for the rest


@pytest.mark.parametrize(("head", "byte"), [(HEAD % 1000, b"a"), (CHUNKED, b"1\r\na\r\n")])
def test_a_body_that_comes_byte_by_byte_is_let_go(
    impatient: RunningService, head: bytes, byte: bytes
) -> None:
    with impatient.connect() as connection:
        connection.sendall(head)
        assert "body" in last_problem(drip(connection, byte))["detail"]


def test_a_body_that_stops_after_its_answer_has_no_other_answer(impatient: RunningService) -> None:
    with impatient.connect() as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
        answer, _, rest = parse(read_to_end(connection))
    assert answer.status == 404
    assert rest == b""


def test_answers_that_are_due_come_before_a_late_head_ends_it(impatient: RunningService) -> None:
    with impatient.connect() as connection:
        connection.sendall(HEAD % len(TEXT) + TEXT + GET + b"GET ")
        received = read_to_end(connection)
    first, body, rest = parse(received)
    assert first.status == 200
    assert json.loads(body)["tokens"] == 3
    second, _, rest = parse(rest)
    assert second.status == 200
    assert rest == b"" or last_problem(rest)["code"] == "malformed"


def test_a_client_that_does_not_read_is_cut_off(impatient: RunningService) -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with impatient.connect() as connection:
        port = connection.getsockname()[1]
        connection.settimeout(1)
        with suppress(TimeoutError, ConnectionError):
            while True:
                connection.sendall(ask * 100)
        eventually(lambda: port not in holders(impatient))
    assert impatient.faults() == []  # although requests were at work


def test_a_client_that_reads_slowly_gets_all(impatient: RunningService) -> None:
    path = b"/static-offline-docs/swagger-ui-bundle.js"
    whole = httpx.get(impatient.url + path.decode(), timeout=DEADLINE).content
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
        received = b""
        while chunk := connection.recv(30_000):
            received += chunk
            time.sleep(0.05)
    assert received.endswith(whole)
    assert len(whole) > 1_000_000


def test_honest_clients_are_served_while_200_slow_ones_come_and_go(
    impatient: RunningService,
) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(impatient.connect()) for _ in range(200)]
        client = stack.enter_context(httpx.Client(base_url=impatient.url, timeout=DEADLINE))
        for number, connection in enumerate(slow):
            connection.sendall(HEAD[:40] if number % 2 else HEAD % 100)
        for connection in slow:
            assert client.post("/sentiment", content=TEXT).status_code == 200
            assert last_problem(read_to_end(connection))["code"] == "malformed"
    assert impatient.written() == ""
