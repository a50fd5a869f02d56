"""The load test: passes on a service that answers right, and on no other."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loadtest.answers import Judge, Wrong, refusal_seconds
from loadtest.inputs import draw_digits, write_reviews
from tests.running import DEADLINE, ROOT, RunningService

ALWAYS_THREE = {
    "label": 3,
    "confidence": 0.91,
    "probabilities": [0.01, 0.01, 0.01, 0.91, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
    "digit_score": 0.9,
    "abstained": False,
    "reason": None,
    "model": "digits/1",
}
POSITIVE = {
    "label": "positive",
    "confidence": 0.75,
    "probabilities": {"negative": 0.25, "positive": 0.75},
    "abstained": False,
    "reason": None,
    "tokens": 12,
    "truncated": False,
    "unknown_fraction": 0.0,
    "model": "sentiment/1",
}
OVERLOADED = {"status": 503, "code": "overloaded", "retry_after_ms": 300}

THREE = draw_digits(4)[3]
PRAISE = write_reviews(1, sentences=1)[0]


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: dict[str, Any]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(self.answer).encode()
        self.send_response(self.answer.get("status", 200))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def fake_service(answer: dict[str, Any]) -> Iterator[str]:
    """URL of a server that gives the same answer to everything."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Same", (Request,), {"answer": answer})
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(DEADLINE)


def run(folder: Path, *options: str) -> tuple[int, str]:
    """Exit status and output of a short load test that leaves its report in `folder`."""
    short = ["--users", "3", "--duration", "3s", "--report", str(folder / "report.html")]
    process = subprocess.run(
        [sys.executable, "-m", "loadtest", *short, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    return process.returncode, process.stdout


def rows(output: str) -> dict[str, tuple[int, int]]:
    """Requests and failures by what was asked."""
    found = re.findall(r"^(?:(POST|REFUSED) +)(/.*?) +(\d+) +(\d+)\(", output, re.MULTILINE)
    return {f"{kind} {name}": (int(made), int(failed)) for kind, name, made, failed in found}


def test_it_passes_on_a_service_that_answers_right(service: RunningService, tmp_path: Path) -> None:
    status, output = run(tmp_path, "--url", service.url)
    assert status == 0, output
    assert sum(made for made, _ in rows(output).values()) > 3
    assert "POST /digits" in rows(output)
    assert (tmp_path / "report.html").stat().st_size > 0


def test_it_starts_a_service_of_its_own_and_stops_it(tmp_path: Path) -> None:
    status, output = run(tmp_path, "--scenario", "Sentiment")
    assert status == 0, output
    assert "POST /sentiment short" in rows(output)
    [url] = set(re.findall(r"on (http://\S+?:\d+)", output))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), DEADLINE)


def test_it_fails_on_wrong_digits(tmp_path: Path) -> None:
    with fake_service({**ALWAYS_THREE, "results": 8 * [ALWAYS_THREE]}) as url:
        status, output = run(tmp_path, "--url", url, "--scenario", "Digits")
    assert status == 1, output
    made, failed = rows(output)["POST /digits"]
    assert 0 < failed <= made  # now and then it was a 3
    assert set(re.findall(r"POST /digits: (.*?) *$", output, re.MULTILINE)) <= {
        f"wrong: {label} was taken for 3" for label in range(10) if label != 3
    }


def test_refusals_are_counted_apart_and_are_no_answers(tmp_path: Path) -> None:
    with fake_service(OVERLOADED) as url:
        status, output = run(tmp_path, "--url", url)
    assert status == 1, output
    assert "No request was answered." in output
    assert {kind.split()[0] for kind in rows(output)} == {"REFUSED"}
    assert sum(failed for _, failed in rows(output).values()) == 0


def test_it_fails_where_nothing_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    status, output = run(tmp_path, "--url", url)
    assert status == 1, output


def test_right_answers_are_right() -> None:
    judge = Judge()
    judge.one(json.dumps(ALWAYS_THREE), THREE)
    judge.one(json.dumps(POSITIVE), PRAISE)
    judge.many(json.dumps({"results": [POSITIVE, POSITIVE]}), [PRAISE, PRAISE])


@pytest.mark.parametrize(
    "change",
    [
        {"label": 4},
        {"label": "3"},
        {"confidence": 0.9},
        {"probabilities": 10 * [0.1]},
        {"probabilities": [0.09, 0.91]},
        {"digit_score": 2},
        {"abstained": True, "reason": "uncertain"},
        {"reason": "uncertain"},
        {"model": None},
    ],
)
def test_a_digit_that_breaks_the_contract_is_wrong(change: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Judge().one(json.dumps({**ALWAYS_THREE, **change}), THREE)


@pytest.mark.parametrize(
    "change",
    [
        {"label": "negative"},
        {"probabilities": {"positive": 1.0}},
        {"probabilities": {"negative": 0.5, "positive": 0.75}},
        {"truncated": True},
        {"unknown_fraction": None},
    ],
)
def test_a_mood_that_breaks_the_contract_is_wrong(change: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Judge().one(json.dumps({**POSITIVE, **change}), PRAISE)


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"results": []}', '{"results": [{"error": {}}]}']
)
def test_a_bulk_answer_without_an_answer_for_each_is_wrong(body: str) -> None:
    with pytest.raises(Wrong):
        Judge().many(body, [PRAISE])


def test_an_answer_that_changes_is_wrong() -> None:
    judge = Judge()
    judge.one(json.dumps(POSITIVE), PRAISE)
    later = {"probabilities": {"negative": 0.2500001, "positive": 0.7499999}}
    with pytest.raises(Wrong, match="another answer"):
        judge.one(json.dumps({**POSITIVE, **later, "confidence": 0.7499999}), PRAISE)


def test_a_refusal_says_when_to_come_again() -> None:
    assert refusal_seconds(json.dumps(OVERLOADED), "1") == 1
    for header in (None, "soon", "2"):
        with pytest.raises(Wrong):
            refusal_seconds(json.dumps(OVERLOADED), header)
