"""Requests are traced where that is asked for, and nothing is harmed where traces cannot go."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.timing import Timing
from service.tracing import COMPLAINT_SECONDS, MOST_SPANS, steps
from tests.problems import MARK
from tests.running import DEADLINE, ROOT, RunningService, eventually
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(5))
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes traces as OTLP over HTTP has them; leaving the context ends it."""

    def __init__(self, status: int = 200) -> None:
        self.received: list[bytes] = []
        collector = self

        class Exchange(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.received.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self) -> list[Span]:
        return [
            Span(span, {each.key: value_of(each.value) for each in group.resource.attributes})
            for body in self.received
            for group in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def trace_of(self, request_id: str) -> tuple[Span, dict[str, Span]]:
        """The span of a request and those within it, by name, when they have come."""

        def find() -> Span | None:
            asked = ("moodigit.request_id", request_id)
            return next((each for each in self.spans() if asked in each.attributes.items()), None)

        whole = eventually(find)
        within = [each for each in self.spans() if each.parent == whole.id]
        assert len({each.name for each in within}) == len(within)
        assert all(each.trace == whole.trace for each in within)
        return whole, {each.name: each for each in within}


class Span:
    """What the tests ask of one."""

    def __init__(self, span: Any, resource: dict[str, Any]) -> None:
        self.resource = resource
        self.name: str = span.name
        self.kind: int = span.kind
        self.failed = span.status.code == span.status.STATUS_CODE_ERROR
        self.id, self.parent, self.trace = (
            each.hex() for each in (span.span_id, span.parent_span_id, span.trace_id)
        )
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = {each.key: value_of(each.value) for each in span.attributes}


def value_of(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[RunningService]:
    with RunningService(trace_endpoint=collector.url, trace_share="1") as service:
        yield service


def ask(service: RunningService, path: str, headers: dict[str, str], **how: Any) -> str:
    """The id of a request that has its answer."""
    request_id = uuid4().hex
    headers = {"X-Request-ID": request_id, **headers}
    httpx.post(f"{service.url}{path}", headers=headers, timeout=DEADLINE, **how)
    return request_id


PREDICTIONS: list[tuple[str, dict[str, Any]]] = [
    ("/digits", {"content": PICTURE}),
    ("/digits/read", {"content": PICTURE}),
    ("/digits/batch", {"files": [("images", PICTURE)] * 3}),
    ("/sentiment", {"json": {"text": "good"}}),
    ("/sentiment?explain=true", {"json": {"text": "not a good film"}}),
    ("/sentiment/batch", {"json": {"texts": ["good", "a longer text " * 300]}}),
]


@pytest.mark.parametrize(("path", "how"), PREDICTIONS)
def test_a_prediction_has_its_steps_within_it_one_after_the_other(
    traced: RunningService, collector: Collector, path: str, how: dict[str, Any]
) -> None:
    before = time.time_ns()
    request_id = ask(traced, path, {}, **how)
    whole, within = collector.trace_of(request_id)
    after = time.time_ns()  # a request ends a moment after its answer
    assert within.keys() == {"decode", "queue", "infer"}
    decode, queue, infer = within["decode"], within["queue"], within["infer"]
    assert before < whole.start <= decode.start < decode.end <= queue.start <= queue.end
    assert queue.start <= infer.start < infer.end <= whole.end < after
    logged = traced.request(request_id)
    assert abs((whole.end - whole.start) / 1e6 - logged["duration_ms"]) < 0.01
    assert abs((decode.end - decode.start) / 1e6 - logged["decode_ms"]) < 0.01


def test_a_trace_tells_what_the_log_does(traced: RunningService, collector: Collector) -> None:
    request_id = ask(traced, "/digits", {}, content=PICTURE)
    whole, _ = collector.trace_of(request_id)
    logged = traced.request(request_id)
    assert whole.name == "POST /digits"
    assert whole.kind == 2, "it is a server's"
    assert not whole.failed
    assert whole.attributes == {
        "http.request.method": "POST",
        "http.route": "/digits",
        "http.response.status_code": 200,
        "http.request.body.size": logged["bytes_in"],
        "http.response.body.size": logged["bytes_out"],
        "moodigit.request_id": request_id,
        "moodigit.outcome": "ok",
        "moodigit.model": logged["model"],
        "moodigit.batch": logged["batch"],
    }
    assert whole.resource["service.name"] == "moodigit"
    assert whole.resource["process.pid"] == logged["pid"]


def test_a_request_that_is_refused_tells_why(traced: RunningService, collector: Collector) -> None:
    whole, within = collector.trace_of(ask(traced, "/digits", {}, content=b"no picture"))
    assert whole.attributes["error.type"] == "unsupported_media_type"
    assert not whole.failed, "that is the client's affair"
    assert within.keys() == {"decode"}
    whole, within = collector.trace_of(ask(traced, f"/{MARK}", {}))
    assert whole.name == "POST"
    assert whole.attributes["http.route"] == "none"
    assert within == {}


def traceparent(sampled: bool) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-0{sampled:d}"}


def test_a_request_goes_on_with_the_trace_that_it_brings(
    traced: RunningService, collector: Collector
) -> None:
    whole, within = collector.trace_of(ask(traced, "/digits", traceparent(True), content=PICTURE))
    assert (whole.trace, whole.parent) == (TRACE, PARENT)
    assert len(within) == 3
    for malformed in ("", MARK, f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{PARENT}"):
        headers = {"traceparent": malformed}
        whole, _ = collector.trace_of(ask(traced, "/digits", headers, content=PICTURE))
        assert whole.trace != TRACE
        assert whole.parent == ""


def test_a_request_that_is_not_to_be_traced_is_not(
    traced: RunningService, collector: Collector
) -> None:
    left_out = ask(traced, "/digits", traceparent(False), content=PICTURE)
    later = ask(traced, "/digits", {}, content=PICTURE)
    collector.trace_of(later)
    assert left_out not in {
        each.attributes.get("moodigit.request_id") for each in collector.spans()
    }


def test_only_a_share_is_traced_of_requests_that_do_not_say_themselves() -> None:
    with Collector() as collector:
        with RunningService(trace_endpoint=collector.url, trace_share="0") as service:
            for _ in range(50):
                ask(service, "/digits", {}, content=PICTURE)
            asked = ask(service, "/digits", traceparent(True), content=PICTURE)
            assert service.stop() == (0, "")
        collector.trace_of(asked)  # what is left is sent at the end
        assert len(collector.spans()) == 4


def test_no_trace_holds_what_was_sent(traced: RunningService, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": f"a={MARK}", "baggage": MARK}
    asked = [
        ask(traced, "/sentiment", headers, json={"text": MARK}),
        ask(traced, f"/digits?explain={MARK}", headers, content=MARK),
        ask(traced, f"/models/{MARK}", {**headers, "User-Agent": MARK}, content=MARK),
    ]
    for request_id in asked:
        collector.trace_of(request_id)
    assert MARK.encode() not in b"".join(collector.received)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces"


def check_no_harm(endpoint: str, complaints: int, requests: int = 20) -> None:
    began = time.monotonic()
    with RunningService(trace_endpoint=endpoint, trace_share="1", drain_seconds="5") as service:
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            for _ in range(requests):
                assert client.post("/digits", content=PICTURE).status_code == 200
        eventually(lambda: len(service.messages()) >= complaints)
        service.process.send_signal(15)
        status, _ = service.ended()
        assert status == 0
        assert all("the collector" in each["message"] for each in service.messages())
        minutes = int((time.monotonic() - began) / COMPLAINT_SECONDS)
        assert len(service.messages()) <= 1 + minutes, "it is not said with every request"


def test_a_collector_that_is_down_harms_nothing() -> None:
    more_than_wait = MOST_SPANS // 4 + 100  # since each has four spans
    check_no_harm(closed_port(), complaints=1, requests=more_than_wait)


@pytest.mark.parametrize("status", [400, 503])
def test_a_collector_that_refuses_harms_nothing(status: int) -> None:
    with Collector(status) as collector:
        check_no_harm(collector.url, complaints=1)


def test_a_collector_that_never_answers_harms_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_no_harm(f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces", complaints=0)


WITHOUT = """
import sys
from importlib import metadata

def version(name, of=metadata.version):
    if name.startswith("opentelemetry"):
        raise metadata.PackageNotFoundError(name)
    return of(name)

metadata.version = version
"""


def test_traces_without_what_they_need_end_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    ended = subprocess.run(
        [sys.executable, "-m", "service", "--trace-endpoint", closed_port(), "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert "pip install '.[trace]'" in line


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    script = "import sys, service.worker; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True).split()
    assert "service.worker" in loaded
    extra = ("opentelemetry.sdk", "opentelemetry.exporter", "requests")
    assert not any(each.startswith(extra) for each in loaded)


@pytest.mark.parametrize(
    ("timing", "outcome", "expected"),
    [
        (Timing(), "invalid", []),
        (Timing(began=1), "cannot_decode", [("decode", 1, 9)]),
        (Timing(began=1, decode=2), "deadline_exceeded", [("decode", 1, 3), ("queue", 3, 9)]),
        (Timing(began=1, decode=2), "overloaded", [("decode", 1, 3)]),
        (Timing(began=1, decode=2), "ok", [("decode", 1, 3)]),
    ],
)
def test_the_step_at_which_a_request_ended_is_its_last(
    timing: Timing, outcome: str, expected: list[tuple[str, float, float]]
) -> None:
    assert list(steps(timing, outcome, 9)) == expected


def test_the_steps_of_many_rows_reach_from_the_first_to_the_last() -> None:
    timing = Timing(began=1, decode=2)
    timing.add(queued=1.5, ran=2.0, batch=4)
    timing.add(queued=0.5, ran=1.0, batch=2)
    assert list(steps(timing, "ok", 9)) == [
        ("decode", 1, 3),
        ("queue", 3, 4.5),
        ("infer", 3.5, 6.5),
    ]
