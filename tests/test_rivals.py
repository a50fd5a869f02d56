"""The measurement against other model servers: what they are sent, what is said of them."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections import defaultdict
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from loadtest.bench.results import Results
from loadtest.bench.table import as_markdown
from loadtest.bench.traffic import (
    mnist_pictures,
    post_json,
    post_picture,
    post_text,
    taken_apart,
    texts,
)
from loadtest.bench.wrk import Closed
from loadtest.models import Digits, Sentiment
from loadtest.processes import PATIENCE, REFERENCE, Broken, descendants, serving, started
from loadtest.rivals import __main__ as program
from loadtest.rivals import measuring
from loadtest.rivals.answers import Judge
from loadtest.rivals.batches import LARGEST, LONGEST_WAIT
from loadtest.rivals.measuring import Found, as_rows, planned_seconds
from loadtest.rivals.servers import HAND_WRITTEN, OWN, RIVALS, in_json, pins
from tests.running import eventually

CONTESTANTS = [OWN, HAND_WRITTEN, RIVALS["litserve"]]
README = program.README.read_text()


def closed(requests: int, p50_ms: float = 1.0, p99_ms: float = 2.0, refused: int = 0) -> Closed:
    """Of a measure of one second."""
    return Closed(requests, 1.0, p50_ms, p99_ms, refused, 0)


def test_a_ratio_is_of_the_same_round_and_its_median_is_shown_with_the_spread() -> None:
    found: Found = defaultdict(list)
    for file in measuring.FILES:
        for connections in measuring.CONNECTIONS:
            found[file, connections, "ours"] = [closed(n) for n in (600, 900, 800)]
            found[file, connections, "reference"] = [closed(n) for n in (300, 300, 400)]
            found[file, connections, "litserve"] = [
                closed(n, p50_ms=4, p99_ms=8) for n in (100, 300, 100)
            ]
    table = as_markdown(Results({}, as_rows(found, CONTESTANTS)), "theirs")
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert next(filter(None, shown)) == [
        "part",
        "figure",
        "ours",
        "theirs",
        "ratio (spread)",
    ]
    litserve = RIVALS["litserve"].title
    many, one = "requests, 32 connections", "p50, 1 connection"
    for file in measuring.FILES:
        for cells in (
            [file, f"{many}, hand-written", "800/s", "300/s", "2.00x (2.00x to 3.00x)"],
            [file, f"{many}, {litserve}", "800/s", "100/s", "6.00x (3.00x to 8.00x)"],
            [file, f"{one}, {litserve}", "1 ms", "4 ms", "0.25x (0.25x to 0.25x)"],
        ):
            assert cells in shown


def test_what_was_refused_is_no_answer() -> None:
    found: Found = defaultdict(lambda: [closed(100, refused=40)])
    requests = [row for row in as_rows(found, CONTESTANTS) if row.unit == "/s"]
    assert {figure for row in requests for figure in row.ours + row.reference} == {60.0}


@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_runs_with_exact_versions_and_with_ours_of_all_that_ours_needs_too(
    rival: str,
) -> None:
    found = pins(rival)
    assert next(iter(found)) == rival
    shared = ("onnxruntime", "numpy", "pillow", "tokenizers")
    assert {name: found[name] for name in shared} == {name: version(name) for name in shared}
    assert set(found) == {rival, *shared}


def test_versions_that_are_not_exact_are_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.rivals.servers.PINS", tmp_path)
    (tmp_path / "litserve.txt").write_text("litserve>=0.2\n")
    with pytest.raises(ValueError, match=r"litserve>=0\.2 is not PACKAGE==VERSION"):
        pins("litserve")


@pytest.mark.parametrize("rival", RIVALS)
def test_the_readme_names_the_versions_and_settings_that_are_measured(rival: str) -> None:
    section = README[README.index("# Against other servers") :]
    assert f"| {RIVALS[rival].title} |" in section
    assert f"{LARGEST['digits']} pictures" in section
    assert f"{LARGEST['sentiment']} texts" in section
    assert f"{1000 * LONGEST_WAIT:g} ms" in section


def test_the_readme_has_a_place_for_the_table() -> None:
    twice = program.published(program.published(README, "an old table\n"), "| a table |\n")
    assert "| a table |" in twice
    assert "an old table" not in twice
    assert twice.startswith(README[: README.index(program.BEGIN)])
    assert twice.endswith(README[README.index(program.END) :])
    with pytest.raises(ValueError, match="no place for the table"):
        program.published("nothing", "| a table |\n")


def test_without_its_environment_a_rival_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.rivals.servers.ROOT", tmp_path)
    (tmp_path / ".rivals" / "ray").mkdir(parents=True)
    (tmp_path / ".rivals" / "ray" / "installed").touch()
    with pytest.raises(SystemExit) as ended:
        program.main(["--folder", str(tmp_path)])
    missing = f"{RIVALS['litserve'].title}, {RIVALS['bentoml'].title}"
    assert ended.value.code == f"loadtest.rivals: not installed: {missing}; make rivals does it"


def test_before_anything_is_measured_there_is_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        program.main(["--show", "--folder", str(tmp_path)])
    assert "nothing has been measured yet" in capsys.readouterr().err


def test_all_of_it_takes_less_than_eight_minutes_unless_told_otherwise() -> None:
    options = program.parse_options([])
    everyone = [OWN, HAND_WRITTEN, *RIVALS.values()]
    assert planned_seconds(everyone, options.rounds, options.seconds) < 8 * 60


def test_bentoml_is_sent_the_same_pictures_and_texts_in_json() -> None:
    (picture,) = mnist_pictures(1)
    path, headers, body = taken_apart(in_json(post_picture(picture)))
    assert (path, headers["Content-Type"]) == ("/digits", "application/json")
    (file,) = json.loads(body)["pictures"]
    assert base64.b64decode(file) == picture
    assert in_json(post_text("très bon")) == post_json("/sentiment", {"texts": ["très bon"]})


def test_in_a_batch_the_models_answer_as_they_do_alone() -> None:
    digits, sentiment = Digits(), Sentiment()
    pictures = [digits.read(file) for file in mnist_pictures(5)]
    reviews = [sentiment.read(text) for text in texts([3, 40, 12], seed=1)]
    together = digits.answer(pictures) + sentiment.answer(reviews)
    alone = [digits.answer([each])[0] for each in pictures]
    alone += [sentiment.answer([each])[0] for each in reviews]
    for one, other in zip(together, alone, strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_a_server_that_gives_other_answers_is_not_measured() -> None:
    three, four = (post_text(text) for text in texts([20, 30], seed=1))
    with serving(REFERENCE, [0], {"--port": 0}) as server:
        judge = Judge()
        judge.check("a server", server.url, [(three, three), (four, four)])
        with pytest.raises(Broken, match=r"a server answers .* instead of"):
            judge.check("a server", server.url, [(three, four)])


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset is not installed")
@pytest.mark.timeout(PATIENCE // 2)  # it is not waited for
def test_of_a_server_that_does_not_start_the_end_of_its_log_is_shown() -> None:
    silent = replace(HAND_WRITTEN, command=["sh", "-c", "echo no such module >&2"])
    told = "echo http://127.0.0.1:9; echo the port is taken >&2"
    early = replace(HAND_WRITTEN, command=["sh", "-c", told])
    for contestant, reason in ((silent, "no such module"), (early, "the port is taken")):
        with pytest.raises(Broken, match=reason), contestant.running(0):
            pass


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset is not installed")
def test_of_a_server_no_process_is_left_even_if_it_has_a_session_of_its_own() -> None:
    with started(["sh", "-c", "setsid sleep 600 & echo up; wait"], [0]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (child,) = eventually(lambda: descendants(process.pid))
        eventually(lambda: os.getsid(child) == child)
    eventually(lambda: ended(child))


def ended(process: int) -> bool:
    """Whether it is no more, or only waits for its parent to notice."""
    try:
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
