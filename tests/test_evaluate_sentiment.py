"""python -m training.evaluate sentiment as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.running import RunningService
from tests.scripted import ScriptedService
from training import evaluate_sentiment
from training.datasets import Reviews, Splits
from training.evaluate import main
from training.sentences import read_sentences

ANSWER = {"label": "positive", "confidence": 0.9, "abstained": False, "reason": None}
NOWHERE = "http://[::1]:9"


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """The address of a service that likes everything but refuses what is refused, and the texts
    that it is asked for."""
    asked: list[str] = []

    def answer(target: str, body: bytes) -> tuple[int, object]:
        text = json.loads(body)["text"]
        asked.append(text)
        if target != "/sentiment" or "refuse" in text:
            return 413, {"code": "too_large", "detail": "it is larger than allowed"}
        return 200, ANSWER

    with ScriptedService(answer) as service:
        yield service.url, asked


def table(folder: Path, written: str, encoding: str = "utf-8") -> list[str]:
    """The command line for a file of one's own."""
    path = folder / "mine.csv"
    path.write_text(written, encoding, newline="")
    return ["sentiment", "--csv", str(path)]


def test_own_texts_are_scored_by_the_service(
    tmp_path: Path, service: RunningService, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = table(
        tmp_path,
        "label,text\npos,A wonderful film and superb acting. I loved it!\n"
        "neg,An awful film and a boring story. I hated it!\n"
        "pos,The worst movie ever. A complete waste of time.\n",
    )
    main([*arguments, "--url", service.url, "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["texts"].keys() == {"mine"}
    assert figures["texts"]["mine"]["samples"] == 3
    assert figures["texts"]["mine"]["accuracy"] == pytest.approx(2 / 3)
    said = capsys.readouterr().out
    assert " 66.67% |" in said
    assert "negative, is positive (mine): The worst movie ever." in said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_every_way_to_write_a_label_is_understood(encoding: str, tmp_path: Path) -> None:
    labels = ["pos", "Positive", "1", " POS ", "neg", "NEGATIVE", "0", "Neg"]
    rows = "".join(f"text {i} é,{label}\r\n" for i, label in enumerate(labels))
    arguments = table(tmp_path, f"text,label\r\n{rows}", encoding)
    with listening() as (url, asked):
        main([*arguments, "--url", url, "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["texts"]["mine"]["accuracy"] == 0.5
    assert sorted(asked) == [f"text {i} é" for i in range(8)]


def test_texts_are_asked_for_as_they_are(tmp_path: Path) -> None:
    """However long, with line breaks, NUL and nothing in them."""
    texts = ["x" * 300_000, 'two\r\nlines, "quoted"', "a\0b", ""]
    quoted = "".join('pos,"{}"\n'.format(text.replace('"', '""')) for text in texts)
    with listening() as (url, asked):
        main([*table(tmp_path, f"label,text\n{quoted}"), "--url", url])
    assert sorted(asked) == sorted(texts)


def test_refused_texts_are_counted_and_the_first_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f'"refuse\x1b\n{i}",pos\n' for i in range(12))
    with listening() as (url, _):
        main([*table(tmp_path, f"text,label\n{rows}fine,pos\n"), "--url", url])
    said = capsys.readouterr().out
    named = [f"mine: refuse {i}: 413 too_large: it is larger than allowed" for i in range(10)]
    assert said.split("\n\n")[-1].splitlines() == ["Refused: 12", *named, "..."]
    assert " 7.69% |" in said


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("text,label\nfine,pos\ndull,bad\n", r"mine\.csv, line 3: the label 'bad' is none of neg,"),
        ('text,label\n"two\nlines",2\n', r"mine\.csv, line 3: the label '2' is none of"),
        ("text,label\nfine\n", r"line 2: the row lacks a label"),
        ("label,text\npos\n", r"line 2: the row lacks a text"),
        ("label,text\npos,good, very good\n", r"line 2: there are more fields than columns"),
        ("label,text\npos,fine\n" + f"{'word ' * 999},pos\n", r"the label 'word [word ]+…' is"),
        ("review,label\nfine,pos\n", r"must have the columns text and label; it has review, label"),
        (f"pos,{'word ' * 999}\n", r"text and label; it has pos, word [word ]+…$"),
        ("", r"must have the columns text and label; it has none"),
        ("text,label\n", r"there is no text in .*mine\.csv"),
        ('text,label\n"fine,pos\n', r"mine\.csv cannot be read as CSV in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_before_anything_is_asked(
    written: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=told) as ended:
        main([*table(tmp_path, written), "--url", NOWHERE])
    assert "\n" not in str(ended.value)


def test_a_table_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"No such file .*mine\.csv"):
        main(["sentiment", "--csv", str(tmp_path / "mine.csv"), "--url", NOWHERE])
    arguments = table(tmp_path, "text,label\né,pos\n", "latin-1")
    with pytest.raises(SystemExit, match="cannot be read as CSV in UTF-8"):
        main([*arguments, "--url", NOWHERE])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--count", "0"], "--count: it must be at least 1, not 0"),
        (["--worst", "-1"], "--worst: it must be at least 0, not -1"),
        (["--worst", "all"], "--worst: invalid number value: 'all'"),
        (["--data-dir", "nowhere"], "no data in nowhere"),
    ],
)
def test_options_that_do_not_fit_are_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["sentiment", *arguments])
    assert told in capsys.readouterr().err


def reviews(part: str, count: int) -> Reviews:
    return Reviews([f"{part} {i}" for i in range(count)], np.arange(count) % 2)


@pytest.mark.parametrize(("part", "count", "drawn"), [("validation", 7, 7), ("test", 99, 10)])
def test_without_a_file_reviews_and_all_sentences_of_the_part_are_asked_for(
    part: str,
    count: int,
    drawn: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As many reviews as are wanted, or all that there are."""
    data = Splits(*(reviews(name, 10) for name in ("train", "validation", "test")))
    monkeypatch.setattr(evaluate_sentiment, "load_reviews", lambda _: data)
    arguments = ["--data-dir", str(tmp_path), "--part", part, "--count", str(count)]
    with listening() as (url, asked):
        main(["sentiment", *arguments, "--url", url, "--worst", "3"])
    sentences = read_sentences(part)
    texts = {text for kind in sentences.values() for text in kind.texts}
    assert texts < {*asked}
    found = {*asked} - texts
    assert len(asked) == drawn + 470
    assert found <= {*reviews(part, 10).texts}
    assert len(found) == drawn
    said = capsys.readouterr().out
    names = [line.split("|")[1].strip() for line in said.split("\n\n")[0].splitlines()[2:]]
    written = [*sentences][1:]
    assert names == ["IMDB reviews", "cut sentences", *written, "all written sentences"]
    assert said.count("90.00% positive, is negative") == 3
