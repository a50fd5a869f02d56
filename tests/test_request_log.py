"""Each request gets a line in the log, with what there is to tell of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.types import Scope

from service.exchange import Bodies, Exchange
from service.line_writer import LineWriter
from service.request_log import RequestLog
from service.timing import Timing
from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped
from tests.test_process import begin
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(5))
USUAL = {
    *("ts", "level", "event", "request_id", "method", "route", "status", "outcome", "pid"),
    *("duration_ms", "bytes_in", "bytes_out", "client"),
}
OF_A_MODEL = {"model", "decode_ms", "queue_ms", "infer_ms", "batch"}


@pytest.fixture(scope="module")
def alone() -> Iterator[RunningService]:
    """A service that nobody else asks."""
    with RunningService() as service:
        yield service


def asked(service: RunningService, method: str, path: str, **how: Any) -> dict[str, Any]:
    """The line of a request; all that can be known of its answer is checked."""
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id, **how.pop("headers", {})}
    url = f"{service.url}{path}"
    response = httpx.request(method, url, headers=headers, timeout=DEADLINE, **how)
    found = service.request(request_id)
    assert (found["status"], found["method"]) == (response.status_code, method)
    assert found["bytes_out"] == len(response.content)
    assert found["client"] == "127.0.0.1"
    assert found["pid"] in service.workers()
    assert found["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["ts"])
    return found


def test_a_prediction_tells_its_times_sizes_and_model(alone: RunningService) -> None:
    found = asked(alone, "POST", "/digits", content=PICTURE)
    assert found.keys() == USUAL | OF_A_MODEL
    assert (found["level"], found["event"], found["outcome"]) == ("info", "request", "ok")
    assert found["route"] == "/digits"
    assert re.fullmatch(r"digits/\d+", found["model"])
    assert found["bytes_in"] == len(PICTURE)
    assert found["batch"] == 1
    steps = found["decode_ms"] + found["queue_ms"] + found["infer_ms"]
    assert 0 < steps < found["duration_ms"]
    assert min(found["decode_ms"], found["infer_ms"]) > 0


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/digits/read", {"content": PICTURE}, "digits"),
        ("/digits/batch", {"files": [("images", PICTURE)] * 3}, "digits"),
        ("/sentiment", {"json": {"text": "good"}}, "sentiment"),
        ("/sentiment?explain=true", {"json": {"text": "good film"}}, "sentiment"),
        ("/sentiment/batch", {"json": {"texts": ["good"] * 3}}, "sentiment"),
    ],
)
def test_every_kind_of_prediction_tells_its_model_and_times(
    alone: RunningService, path: str, body: dict[str, Any], model: str
) -> None:
    found = asked(alone, "POST", path, **body)
    assert found.keys() == USUAL | OF_A_MODEL
    assert found["route"] == path.partition("?")[0]
    assert found["model"].startswith(f"{model}/")
    assert found["bytes_in"] > 0
    assert found["batch"] > 0


@pytest.mark.parametrize(
    ("method", "path", "route", "outcome"),
    [
        ("GET", "/health/live", "/health/live", "ok"),
        ("GET", "/models/digits", "/models/{name}", "ok"),
        ("GET", "/models/none", "/models/{name}", "not_found"),
        ("GET", "/nothing/here", "none", "not_found"),
        ("PUT", "/digits", "/digits", "method_not_allowed"),
    ],
)
def test_what_is_no_prediction_tells_its_route_as_a_template(
    alone: RunningService, method: str, path: str, route: str, outcome: str
) -> None:
    found = asked(alone, method, path)
    assert found.keys() == USUAL
    assert (found["route"], found["outcome"]) == (route, outcome)


def test_a_refused_request_tells_the_code_of_its_error(alone: RunningService) -> None:
    found = asked(alone, "POST", "/digits", content=b"no picture")
    assert (found["status"], found["outcome"]) == (415, "unsupported_media_type")
    assert found["level"] == "info", "that is the client's affair"
    late = asked(
        alone, "POST", "/sentiment", json={"text": "good"}, headers={"X-Request-Timeout-Ms": "x"}
    )
    assert late["outcome"] == "invalid"


def test_a_client_that_leaves_gets_a_line_without_a_status(alone: RunningService) -> None:
    with alone.connect() as connection:
        connection.sendall(
            b"POST /digits HTTP/1.1\r\nX-Request-ID: left\r\nContent-Length: 99\r\n\r\nxy"
        )
    found = alone.request("left")
    assert (found["outcome"], found["status"]) == ("gone", None)
    assert found["bytes_out"] == 0


def test_requests_that_went_well_get_no_line_from_the_level_of_warnings_on() -> None:
    with RunningService(log_level="warning", drain_seconds="1") as service:
        assert httpx.get(f"{service.url}/health/live", timeout=DEADLINE).status_code == 200
        with begin(service):  # a request that never ends
            assert service.stop()[0] == 0
        [told] = service.requests()
        assert (told["status"], told["outcome"]) == (503, "draining")
        assert told["level"] == "warning"


def test_requests_get_no_line_where_that_is_not_wanted() -> None:
    with RunningService("--access-log", "false") as service:
        for _ in range(3):
            assert httpx.get(f"{service.url}/none", timeout=DEADLINE).status_code == 404
        assert service.stop() == (0, "")
        assert service.requests() == []


class Kept(LineWriter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("status", "outcome", "expected"),
    [
        (200, "ok", "200 POST /digits 1.2 ms"),
        (503, "overloaded", "503 POST /digits (overloaded) 1.2 ms"),
        (0, "gone", "gone POST /digits 1.2 ms"),
    ],
)
def test_a_person_gets_a_few_words(status: int, outcome: str, expected: str) -> None:
    writer = Kept()
    RequestLog(writer, for_people=True, least="info")(exchange(status), outcome, 0.00123)
    [line] = writer.lines
    assert re.fullmatch(rf"\d\d:\d\d:\d\d {re.escape(expected)}\n", line)


@pytest.mark.parametrize(
    ("status", "outcome", "level"),
    [
        (200, "ok", "info"),
        (404, "not_found", "info"),
        (0, "gone", "info"),
        (500, "internal", "error"),
        (200, "internal", "error"),
        (503, "overloaded", "warning"),
        (504, "deadline_exceeded", "warning"),
    ],
)
def test_the_level_tells_whose_fault_it_is(status: int, outcome: str, level: str) -> None:
    for least in ("debug", "info", "warning", "error"):
        writer = Kept()
        RequestLog(writer, for_people=False, least=least)(exchange(status), outcome, 0.001)
        levels = ("debug", "info", "warning", "error")
        assert len(writer.lines) == (levels.index(level) >= levels.index(least))
        assert all(f'"level":"{level}"' in line for line in writer.lines)


@pytest.mark.parametrize(
    ("client", "told"),
    [
        (("192.0.2.7", 5), '"192.0.2.7"'),
        (("2001:db8::1%eth0", 5), '"2001:db8::1%eth0"'),
        (('"},{"', 5), "null"),
        (("x" * 65, 5), "null"),
        (None, "null"),
    ],
)
def test_what_a_proxy_says_of_the_client_is_told_only_if_it_can_be_an_address(
    client: tuple[str, int] | None, told: str
) -> None:
    writer = Kept()
    RequestLog(writer, for_people=False, least="info")(exchange(200, client), "ok", 0.001)
    assert f'"client":{told},' in writer.lines[0]


def exchange(status: int, client: tuple[str, int] | None = None) -> Exchange:
    async def nothing(*_: Any) -> Any: ...

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/digits",
        "headers": [],
        "client": client,
    }
    found = Exchange(scope, nothing, nothing, "id", Bodies(10, 10))
    found.status, found.route, found.timing = status, "/digits", Timing()
    return found


def lost_lines(service: RunningService) -> float:
    return Scraped(service.url).value("log_lines_dropped_total")


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with Path("/dev/full").open("w") as full, RunningService(stderr=full) as service:
        for _ in range(20):
            answer = httpx.post(f"{service.url}/digits", content=PICTURE, timeout=DEADLINE)
            assert answer.status_code == 200
        eventually(lambda: lost_lines(service) >= 20)
        assert service.stop() == (0, "")


def test_a_log_that_nobody_reads_holds_up_neither_answers_nor_the_end() -> None:
    reader, writer = os.pipe()
    with RunningService(stderr=writer) as service, httpx.Client(base_url=service.url) as client:
        os.close(writer)
        for _ in range(400):  # twice what the pipe holds
            answer = client.get("/health/live", timeout=DEADLINE)
            assert answer.status_code == 200
        assert service.stop() == (0, "")
    os.close(reader)


def test_a_log_whose_reader_has_gone_costs_lines_and_nothing_else() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        assert reader.stdin is not None
        with RunningService(stderr=reader.stdin.fileno()) as service:
            reader.stdin.close()
            reader.kill()
            reader.wait()
            for _ in range(20):
                answer = httpx.post(f"{service.url}/digits", content=PICTURE, timeout=DEADLINE)
                assert answer.status_code == 200
            eventually(lambda: lost_lines(service) >= 20)
            assert service.stop() == (0, "")
