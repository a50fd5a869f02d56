"""The benchmark: sends what it says it sends, counts right, and its reference is a fair one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import mean

import httpx
import pytest

from loadtest.bench import wrk
from loadtest.bench.arrivals import address
from loadtest.bench.picture import draw
from loadtest.bench.results import Results, Row, Target
from loadtest.bench.table import as_markdown
from loadtest.bench.traffic import (
    mnist_pictures,
    post_picture,
    post_text,
    read_requests,
    review_lengths,
    spread,
    texts,
    with_deadline,
    write_requests,
)
from loadtest.inputs import draw_digits
from loadtest.open_loop import OpenLoop
from loadtest.processes import REFERENCE, Server, descendants, serving
from tests.running import DEADLINE, ROOT, RunningService, eventually

CORES = sorted(os.sched_getaffinity(0))


@pytest.fixture(scope="module")
def reference() -> Iterator[Server]:
    with serving(REFERENCE, CORES, {"--port": 0}) as server:
        yield server


def test_texts_have_the_lengths_of_real_reviews_as_the_service_counts_them(
    client: httpx.Client,
) -> None:
    lengths = [5, 25, *review_lengths()[:5], max(review_lengths())]
    for length, text in zip(lengths, texts(lengths, seed=1), strict=True):
        mood = client.post("/sentiment", json={"text": text}).json()
        assert (mood["tokens"], mood["unknown_fraction"]) == (length, 0)


def test_no_two_texts_and_no_two_pictures_are_alike() -> None:
    assert len(set(texts([5] * 500, seed=1))) == 500
    assert len(set(mnist_pictures(50))) == 50


def test_the_review_lengths_are_those_of_many_reviews() -> None:
    lengths = review_lengths()
    assert len(lengths) >= 500
    assert 0 < min(lengths) < max(lengths) == 400
    assert 190 < mean(lengths) < 230


def test_any_few_dozen_texts_in_a_row_are_as_long_as_all() -> None:
    lengths = spread(review_lengths(), seed=1)
    assert sorted(lengths) == sorted(review_lengths())
    for start in range(0, len(lengths) - 48, 7):
        assert mean(lengths[start : start + 48]) == pytest.approx(mean(lengths), rel=0.2)


def test_requests_from_a_file_are_accepted_as_they_are(
    service: RunningService, tmp_path: Path
) -> None:
    requests = [*map(post_picture, mnist_pictures(10)), *map(post_text, texts([7, 90], seed=1))]
    write_requests(tmp_path / "few", requests)
    read = read_requests(tmp_path / "few", lambda request: with_deadline(request, 20_000))
    assert [
        request.replace(b"X-Request-Timeout-Ms: 20000\r\n", b"") for request in read
    ] == requests
    record = OpenLoop(address(service.url), read).run([0.0] * len(read), patience=DEADLINE)
    assert [status for _, _, status in record.answers] == [200] * len(read)


def test_the_reference_answers_as_the_service_does(client: httpx.Client, reference: Server) -> None:
    drawn = draw_digits(10)
    for drawing, picture in zip(drawn, mnist_pictures(10), strict=True):
        theirs = httpx.post(f"{reference.url}/digits", content=picture, timeout=DEADLINE).json()
        ours = client.post("/digits", content=picture).json()
        assert theirs["label"] == ours["label"] == drawing.label
        assert theirs["probabilities"] == pytest.approx(ours["probabilities"], abs=0.05)
    for text in texts([12, 80], seed=3):
        body = {"text": text}
        theirs = httpx.post(f"{reference.url}/sentiment", json=body, timeout=DEADLINE).json()
        ours = client.post("/sentiment", json=body).json()
        assert theirs["tokens"] == ours["tokens"]
        assert theirs["probabilities"] == pytest.approx(ours["probabilities"], abs=0.05)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_sends_the_file_and_adds_up_tokens(service: RunningService, tmp_path: Path) -> None:
    write_requests(tmp_path / "short", map(post_text, texts([6] * 20, seed=1)))
    closed = wrk.drive(
        service.url, tmp_path / "short", connections=2, seconds=1, core=CORES[-1], skip=3
    )
    assert closed.requests > 0
    assert (closed.refused, closed.broken) == (0, 0)
    assert closed.tokens == 6 * closed.requests


def test_a_recorded_result_becomes_a_table_and_a_picture(tmp_path: Path) -> None:
    rows = [
        Row(
            "digits",
            "requests",
            "/s",
            [5200.0, 5000.0],
            [2500.0, 2600.0],
            Target(2.0, "at least", "ratio"),
        ),
        Row("digits", "p50", "ms", [0.31], [0.3], Target(1.0, "at most", "ratio")),
        Row("bare", "share", "%", [0.5, 0.91, 0.95], target=Target(0.9, "at least")),
        Row("overload", "late", "", [0.0], [9.0], Target(0, "at most")),
        Row("overload", "p99 of refusals", "ms", [], target=Target(50, "at most")),
    ]
    results = Results({"date": "today"}, rows, [{"part": "digits"}], ["a remark"])
    results.save(tmp_path / "bench.json")
    assert Results.load(tmp_path / "bench.json") == results
    table = as_markdown(results)
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert [cells for cells in shown if cells][2:] == [
        [
            "digits",
            "requests",
            "5,100/s",
            "2,550/s",
            "2.00x (1.92x to 2.08x)",
            "at least 2.00x",
            "yes",
        ],
        ["digits", "p50", "0.31 ms", "0.30 ms", "1.03x", "at most 1.00x", "NO"],
        ["bare", "share", "91.0% (50.0% to 95.0%)", "-", "-", "at least 90.0%", "yes"],
        ["overload", "late", "0", "9", "-", "at most 0", "yes"],
        ["overload", "p99 of refusals", "-", "-", "-", "at most 50 ms", "-"],
    ]
    assert "- a remark" in table
    draw(results, tmp_path / "bench.png", "Requests/s")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_without_wrk_it_says_how_to_get_it() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "loadtest.bench"],
        cwd=ROOT,
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert process.returncode == 1
    assert "apt-get install wrk" in process.stderr
    assert process.stdout == ""


FEW_PICTURES = """
from loadtest.bench import __main__, traffic

traffic.PICTURES, traffic.MIXED = 32, 160  # to draw all, also for parts not run, takes long
__main__.main()
"""


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
@pytest.mark.skipif(len(CORES) < 2, reason="servers and clients need a core each")
def test_interrupted_it_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FEW_PICTURES, "--parts", "digits", "--seconds", "60"]
    with subprocess.Popen(
        [*command, "--folder", str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # A process that a script has put in the background may have this ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr is not None
        impatience = threading.Timer(2 * DEADLINE, process.kill)
        impatience.start()
        next(line for line in process.stderr if "round 1" in line)
        started = eventually(lambda: running(process.pid, "wrk"))
        process.send_signal(signal.SIGINT)
        assert "interrupted" in process.stderr.read()
        assert process.wait(DEADLINE) == 130
        impatience.cancel()
    assert len(started) >= 3  # two servers and wrk
    assert [each for each in started if Path(f"/proc/{each}").exists()] == []


def running(process: int, name: str) -> list[int]:
    """Everything below the process, once a program of that name is among it."""
    found = descendants(process)
    with suppress(OSError):  # ended meanwhile
        if name in [Path(f"/proc/{each}/comm").read_text().strip() for each in found]:
            return found
    return []
