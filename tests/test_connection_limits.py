"""What a connection may carry, and what becomes of one that carries more."""

from __future__ import annotations

import http.client
import json
import math
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from select import select

import httpx
import pytest

from service.limits import LINGER_BYTES, MAX_HEAD_BYTES, MAX_HEADERS, SHORT_BODY
from tests.problems import problem_of
from tests.raw import last_problem, parse, read_to_end
from tests.running import DEADLINE, RunningService, eventually
from tests.test_supervisor import GET, holders, is_last_answer

LINE = b"GET /health/live HTTP/1.1\r\n"
TEXT = json.dumps({"text": "A good film."}).encode()
CHUNKED = b"POST /sentiment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MEGABYTES = bytes(100 * 2**20)


def head_of(size: int) -> bytes:
    """A request whose line and headers take so many bytes, as they are counted."""
    filler = size - len(b"/health/live") - len(b"a") - 4
    return LINE + b"a: " + b"b" * filler + b"\r\n\r\n"


TOO_LONG = {
    "a long header": head_of(MAX_HEAD_BYTES + 1),
    "a very long header": head_of(300_000),
    "a header that never ends": LINE + b"a: " + b"b" * 300_000,
    "a name that never ends": LINE + b"a" * 300_000,
    "a target that never ends": b"GET /" + b"a" * 300_000,
    "a long target": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": LINE + b"a: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
    "very many headers": LINE + b"a: b\r\n" * 50_000 + b"\r\n",
    "empty lines before it": b"\r\n" * 20_000,
    "a trailer that never ends": CHUNKED + b"1\r\n{\r\n0\r\na: " + b"b" * 600_000,
    "very many trailers": CHUNKED + b"1\r\n{\r\n0\r\n" + b"a: b\r\n" * 100_000,
    "an extension that never ends": CHUNKED + b"1;" + b"a" * 300_000,
}


@pytest.mark.parametrize("sent", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_that_is_too_long_is_refused_at_once(service: RunningService, sent: bytes) -> None:
    with service.connect() as connection:
        with suppress(ConnectionError):  # where it is refused before all of it is there
            connection.sendall(sent)
        problem = last_problem(read_to_end(connection))
    assert problem["code"] == "malformed"
    assert f"{MAX_HEAD_BYTES:,} bytes" in problem["detail"]
    assert f"{MAX_HEADERS} headers" in problem["detail"]


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize(
    "sent", [head_of(MAX_HEAD_BYTES), LINE + b"a: b\r\n" * MAX_HEADERS + b"\r\n"]
)
def test_a_head_may_be_as_long_as_that(service: RunningService, sent: bytes, pieces: int) -> None:
    with service.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(pieces):
            connection.sendall(sent[at * len(sent) // pieces : (at + 1) * len(sent) // pieces])
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_trailers_change_nothing(service: RunningService) -> None:
    body = b"%x\r\n%b\r\n0\r\nX-Request-ID: theirs\r\n\r\n" % (len(TEXT), TEXT)
    with service.connect() as connection:
        connection.sendall(CHUNKED.replace(b"Host: x", b"Host: x\r\nX-Request-ID: mine") + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["X-Request-ID"]) == (200, "mine")
        answer.read()
        assert not is_last_answer(connection)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_is_answered_as_all_that_is_malformed(
    service: RunningService, sent: bytes
) -> None:
    before = service.written()
    with service.connect() as connection:
        connection.sendall(sent)
        assert last_problem(read_to_end(connection))["code"] == "malformed"
    assert service.written() == before


def test_a_body_that_is_no_body_ends_its_request(service: RunningService) -> None:
    with service.connect() as connection:
        connection.sendall(CHUNKED + b"1\r\n{\r\n")
        connection.sendall(b"nonsense\r\n")
        assert last_problem(read_to_end(connection))["code"] == "malformed"


def test_what_came_before_nonsense_is_answered(service: RunningService) -> None:
    with service.connect() as connection:
        connection.sendall(GET + GET + b"nonsense\r\n\r\n")
        received = read_to_end(connection)
    for _ in range(2):
        answer, _, received = parse(received)
        assert answer.status == 200
    assert received == b"" or last_problem(received)["code"] == "malformed"


def test_whoever_asks_for_another_protocol_is_answered_in_this_one(service: RunningService) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(LINE + upgrade)
        answer, body, rest = parse(read_to_end(connection))
    assert answer.headers["Connection"] == "close"
    assert (json.loads(body), rest) == ({"status": "live"}, b"")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("headers", [[], ["Expect:"], ["Expect:", "Transfer-Encoding: chunked"]])
@pytest.mark.parametrize(("path", "status"), [("/digits", 413), ("/nothing", 404)])
def test_curl_gets_the_answer_to_100_megabytes(
    service: RunningService, tmp_path: Path, headers: list[str], path: str, status: int
) -> None:
    (tmp_path / "large").write_bytes(MEGABYTES)
    options = [word for header in headers for word in ("-H", header)]
    asked = subprocess.run(
        ["curl", "-sS", *options, "--data-binary", "@large", f"{service.url}{path}"],
        cwd=tmp_path,
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert json.loads(asked.stdout)["status"] == status


@pytest.mark.parametrize("content", [MEGABYTES, [bytes(2**20)] * 100])
@pytest.mark.parametrize(("path", "status"), [("/digits", 413), ("/nothing", 404)])
def test_a_client_that_sends_100_megabytes_before_it_reads_gets_its_answer(
    service: RunningService, content: bytes | list[bytes], path: str, status: int
) -> None:
    sent = content if isinstance(content, bytes) else iter(content)
    answer = httpx.post(f"{service.url}{path}", content=sent, timeout=DEADLINE)
    assert problem_of(answer)["status"] == status
    assert answer.headers["connection"] == "close"


def test_clients_that_send_too_much_are_not_read_to_their_end_nor_kept_in_memory(
    service: RunningService,
) -> None:
    [worker] = service.workers()

    def resident() -> int:
        pages = Path(f"/proc/{worker}/statm").read_text().split()[1]
        return int(pages) * 4096

    httpx.post(f"{service.url}/nothing", content=MEGABYTES, timeout=DEADLINE)
    before = resident()
    headers = b"Host: x\r\nContent-Length: 999999999999\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\n" + headers)
        sent = 0
        with suppress(ConnectionError):
            while sent < 20 * LINGER_BYTES:
                sent += connection.send(MEGABYTES)
    assert LINGER_BYTES < sent < 20 * LINGER_BYTES
    assert resident() - before < 50 * 2**20


def test_a_connection_outlives_a_refused_body_that_is_short(service: RunningService) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SHORT_BODY
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        answer.read()
        assert (answer.status, answer.will_close) == (404, False)
        connection.sendall(bytes(SHORT_BODY))
        assert not is_last_answer(connection)


def test_a_body_that_was_not_asked_for_is_not_waited_for(service: RunningService) -> None:
    with service.connect() as connection:
        headers = b"Host: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        connection.sendall(b"POST /nothing HTTP/1.1\r\n" + headers)
        assert last_problem(read_to_end(connection))["code"] == "not_found"


def test_a_large_upload_that_is_answered_leaves_its_connection_open(client: httpx.Client) -> None:
    for content in (bytes(2**20), iter([bytes(2**19)] * 2)):
        answer = client.post("/digits", content=content)
        assert problem_of(answer)["code"] == "unsupported_media_type"
        assert "connection" not in answer.headers


def test_a_form_with_a_very_long_name_is_malformed(client: httpx.Client) -> None:
    for files in ({"a" * 2**20: b"x"}, {"image": ("a" * 2**20, b"x")}):
        answer = client.post("/digits", files=files)
        assert problem_of(answer)["code"] == "malformed"


@pytest.fixture
def small() -> Iterator[RunningService]:
    """A service with room for three clients."""
    with RunningService(max_connections="3", idle_seconds="7") as service:
        yield service


def test_one_connection_too_many_is_told_when_to_come_again(small: RunningService) -> None:
    with ExitStack() as stack:
        kept = [stack.enter_context(small.connect()) for _ in range(3)]
        assert not any(map(is_last_answer, kept))
        for _ in range(20):
            with small.connect() as another:
                received = read_to_end(another)
            if received:  # so many are not told any more
                problem = last_problem(received)
                answer, _, _ = parse(received)
                assert problem["code"] == "overloaded"
                wait = problem["retry_after_ms"]
                assert 0 < wait <= 7000  # what is left to the idle ones
                assert answer.headers["Retry-After"] == str(math.ceil(wait / 1000))
        assert not any(map(is_last_answer, kept))
        port = kept[0].getsockname()[1]
        kept[0].close()
        eventually(lambda: port not in holders(small))
        assert not is_last_answer(stack.enter_context(small.connect()))
    assert small.written() == ""


def test_bodies_that_are_together_too_large_are_refused_until_others_end() -> None:
    head = b"POST /sentiment HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    with (
        RunningService(max_bodies_bytes="300000") as service,
        service.connect() as first,
        service.connect() as second,
    ):
        first.sendall(head + b" " * 199_999)
        second.sendall(head + b" " * 199_999)
        [ready], _, _ = select([first, second], [], [], DEADLINE)
        problem = last_problem(read_to_end(ready))
        assert problem["code"] == "overloaded"
        assert 0 < problem["retry_after_ms"] <= 1000  # until a quarter of both has been read
        other = second if ready is first else first
        other.sendall(b" ")
        assert other.recv(12) == b"HTTP/1.1 400"  # read whole, though no JSON
        long = {"text": "good " * 50_000}
        assert httpx.post(f"{service.url}/sentiment", json=long, timeout=DEADLINE).is_success
