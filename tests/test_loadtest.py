"""The load test: its exit status says whether the SLO was kept, and its report shows why."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loadtest.running import KEY
from tests import keyring
from tests.running import DEADLINE, ROOT, RunningService
from tests.test_loadtest_answers import ALWAYS_THREE, OVERLOADED

RIGHT = "[every]\nwrong_share = 0\nfailed_share = 0\n"
AT_ONCE = "[every]\np50_ms = 0.01\n"
NO_REFUSALS = "[every]\nrefused_share = 0\n"


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


def command(folder: Path, slo: str, *options: str) -> list[str]:
    (folder / "slo.toml").write_text(slo)
    files = ["--slo", str(folder / "slo.toml"), "--report", str(folder / "report.html")]
    return [sys.executable, "-m", "loadtest", *files, *options]


def run(folder: Path, slo: str, *options: str, **variables: str) -> tuple[int, str]:
    """Exit status and output of a short load test that leaves its report in `folder`; `variables`
    are of its environment."""
    process = subprocess.run(
        command(folder, slo, "--duration", "3s", *options),
        cwd=ROOT,
        env={**os.environ, KEY: "", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    return process.returncode, process.stdout


def rows(output: str) -> dict[str, tuple[int, int, int, int]]:
    """Requests in all, refused, wrong and failed, by what was asked."""
    found = re.findall(
        r"^(/.*?|all) +([\d,]+) +[\d,.]+ .* ([\d,]+) +([\d,]+) +([\d,]+)$", output, re.MULTILINE
    )
    return {name: tuple(int(each.replace(",", "")) for each in rest) for name, *rest in found}  # type: ignore[misc]


def test_it_passes_on_a_service_that_answers_right(service: RunningService, tmp_path: Path) -> None:
    status, output = run(tmp_path, RIGHT, "--url", service.url, "--users", "3")
    assert status == 0, output
    assert "SLO kept." in output
    assert rows(output)["/digits"][0] > 0
    assert rows(output)["all"][1:] == (0, 0, 0)
    report = (tmp_path / "report.html").read_text()
    assert "SLO kept" in report
    assert "Not known for this service" in report  # memory of a service that others started


def test_it_fails_on_a_slow_service(service: RunningService, tmp_path: Path) -> None:
    scenario = ("--scenario", "Sentiment")
    status, output = run(tmp_path, AT_ONCE, "--url", service.url, "--users", "1", *scenario)
    assert status == 1, output
    assert re.search(
        r"^BROKEN: /sentiment short, p50: at most 0\.0 ms asked, ", output, re.MULTILINE
    )
    assert "SLO broken" in (tmp_path / "report.html").read_text()


def test_it_fails_on_wrong_digits(tmp_path: Path) -> None:
    options = ("--scenario", "Digits", "--users", "3")
    with fake_service({**ALWAYS_THREE, "results": 8 * [ALWAYS_THREE]}) as url:
        status, output = run(tmp_path, RIGHT, "--url", url, *options)
    assert status == 1, output
    made, _, wrong, failed = rows(output)["/digits"]
    assert 0 < wrong <= made  # now and then it was a 3
    assert failed == 0
    assert set(re.findall(r"times /digits: (.*?)$", output, re.MULTILINE)) <= {
        f"wrong: {label} was taken for 3" for label in range(10) if label != 3
    }


def test_it_shows_its_key_where_one_is_asked_for(tmp_path: Path) -> None:
    driver = keyring.made("driver", "predict")
    with RunningService(keys=driver.entry) as service:
        options = ("--url", service.url, "--users", "2", "--scenario", "Digits")
        status, output = run(tmp_path, RIGHT, *options, **{KEY: driver.key})
        assert status == 0, output
        status, output = run(tmp_path, RIGHT, *options)
    assert status == 1, output
    asked, *_, failed = rows(output)["all"]
    assert asked == failed > 0


def test_refusals_are_counted_apart_and_are_no_answers(tmp_path: Path) -> None:
    with fake_service(OVERLOADED) as url:
        status, output = run(tmp_path, NO_REFUSALS, "--url", url, "--arrivals", "20")
    assert status == 1, output
    assert "BROKEN: all requests, answered: at least 1 asked, 0 measured" in output
    made, refused, wrong, failed = rows(output)["all"]
    assert made == refused > 0
    assert (wrong, failed) == (0, 0)


def test_a_ramp_ends_where_the_slo_breaks_and_says_where(tmp_path: Path) -> None:
    with fake_service(OVERLOADED) as url:
        options = ("--url", url, "--arrivals", "40", "--shape", "ramp", "--duration", "10m")
        status, output = run(tmp_path, NO_REFUSALS, *options)
    assert status == 1, output
    assert re.search(r"The ramp broke after \d+ s, at 2 arrivals a second: all requests", output)


def test_it_fails_where_nothing_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    status, output = run(tmp_path, RIGHT, "--url", url, "--arrivals", "10")
    assert status == 1, output
    made, *_, failed = rows(output)["all"]
    assert made == failed > 0


def test_it_starts_a_service_of_its_own_stops_it_and_reports_when_interrupted(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        command(tmp_path, RIGHT, "--duration", "10m", "--arrivals", "20"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A process that a script has put in the background may have this ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )
    impatience = threading.Timer(2 * DEADLINE, process.kill)
    impatience.start()
    assert process.stdout is not None
    output, interrupted = "", False
    for line in process.stdout:
        output += line
        if " users, " in line and not interrupted:  # a second time would end it without a report
            process.send_signal(signal.SIGINT)
            interrupted = True
    assert process.wait(DEADLINE) == 128 + signal.SIGINT, output
    impatience.cancel()
    process.stdout.close()
    assert rows(output)["all"][0] > 0
    assert "Not known" not in (tmp_path / "report.html").read_text()
    [url] = re.findall(r"^Serving .* on (http://\S+?:\d+)", output, re.MULTILINE)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), DEADLINE)


@pytest.mark.parametrize(
    ("slo", "options", "said"),
    [
        ("[every]\np42_ms = 1", [], "every > p42_ms"),
        (RIGHT, ["--users", "0"], "not both 0"),
        (RIGHT, ["--duration", "soon"], "invalid seconds value"),
    ],
)
def test_wrong_usage_has_a_status_of_its_own(
    slo: str, options: list[str], said: str, tmp_path: Path
) -> None:
    status, output = run(tmp_path, slo, *options)
    assert status == 2
    assert said in output


def test_a_service_that_does_not_start_is_no_broken_slo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_MODELS_DIR", str(tmp_path / "nowhere"))
    status, output = run(tmp_path, RIGHT)
    assert status == 2, output
    assert "the service did not start" in output
