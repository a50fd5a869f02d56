"""python -m training.evaluate as a person runs it, on pictures of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from tests.running import DEADLINE, ROOT, RunningService, eventually
from tests.scripted import ScriptedService
from training.evaluate import main
from training.golden import as_bytes, draw_digit

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF"}
ANSWER = {"confidence": 0.9, "digit_score": 0.5, "abstained": False, "reason": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten digits in five formats, one broken picture and one that shows nothing."""
    images = tmp_path / "mine"
    images.mkdir()
    rows = ["file,label"]
    for label in range(10):
        ending = list(FORMATS)[label % len(FORMATS)]
        (images / f"{label}.{ending}").write_bytes(as_bytes(draw_digit(label), FORMATS[ending]))
        rows.append(f"{label}.{ending},{label}")
    (images / "broken.png").write_bytes((images / "0.png").read_bytes()[:-30])
    (images / "empty.png").write_bytes(as_bytes(Image.new("L", (90, 60), 255)))
    (tmp_path / "labels.csv").write_text(
        "\n".join([*rows, "broken.png,0", "empty.png,none", ""]), encoding="utf-8-sig"
    )
    return tmp_path


def sort_into_subfolders(folder: Path) -> None:
    images = folder / "mine"
    for line in (folder / "labels.csv").read_text(encoding="utf-8-sig").splitlines()[1:]:
        name, label = line.split(",")
        (images / label).mkdir(exist_ok=True)
        (images / name).rename(images / label / name)
    (images / "3" / "Thumbs.db").write_bytes(b"no picture")


def options(folder: Path) -> list[str]:
    return ["digits", "--images", str(folder / "mine"), "--out", str(folder / "sheet" / "out.png")]


@pytest.mark.parametrize("labelled", ["by a table", "by sub-folders"])
def test_own_pictures_are_scored_and_refused_ones_counted(
    labelled: str, folder: Path, service: RunningService, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*options(folder), "--url", service.url, "--json", str(folder / "figures.json")]
    if labelled == "by a table":
        arguments += ["--labels", str(folder / "labels.csv")]
    else:
        sort_into_subfolders(folder)
    main(arguments)
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["digits"].keys() == {"mine"}
    assert figures["digits"]["mine"]["samples"] == 11
    assert figures["digits"]["mine"]["refused"] == 1
    assert figures["digits"]["mine"]["accuracy"] == pytest.approx(10 / 11)
    assert figures["non_digits"]["mine, none"]["samples"] == 1
    said = capsys.readouterr().out
    assert "| mine " in said
    assert "broken.png: 422 cannot_decode: " in said


def test_labels_are_what_right_and_wrong_are_told_by(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that always reads a 4 has one of eleven right."""
    with ScriptedService(lambda *_: (200, {"label": 4, **ANSWER})) as service:
        table = ["--labels", str(folder / "labels.csv")]
        main([*options(folder), *table, "--url", service.url])
    said = capsys.readouterr().out
    assert "9.09%" in said
    with Image.open(folder / "sheet" / "out.png") as sheet:
        assert sheet.format == "PNG"


def test_without_a_mistake_there_is_no_sheet(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "labels.csv").write_text("label,remark,file\n4,,4.gif\n4,mine,4.gif\n")
    with ScriptedService(lambda *_: (200, {"label": 4, **ANSWER})) as service:
        main([*options(folder), "--labels", str(folder / "labels.csv"), "--url", service.url])
    assert "No mistakes." in capsys.readouterr().out
    assert not (folder / "sheet").exists()


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def table(text: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "labels.csv").write_text(text, encoding)

    return write


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (remove("mine/3.bmp"), r"labels\.csv, line 5: there is no file .*3\.bmp"),
        (remove("labels.csv"), r"No such file .*labels\.csv"),
        (table("file,label\n1.jpg,ten\n"), r"line 2: the label 'ten' is none of 0 to 9 and none"),
        (table("file,label\n1.jpg\n"), r"line 2: .* lacks a label"),
        (table("name;label\n1.jpg;1\n"), r"columns file and label; it has name;label"),
        (table(""), r"must have the columns file and label; it has none"),
        (table("file,label\n"), r"no picture is named in .*labels\.csv"),
        (table("file,label\n1.jpg,ä\n", "latin-1"), r"cannot be read as CSV in UTF-8"),
        (table('file,label\n"1.jpg,1\n'), r"cannot be read as CSV"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_before_anything_is_asked(
    spoil: Callable[[Path], None], told: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(SystemExit, match=told):
        main([*options(folder), "--labels", str(folder / "labels.csv"), "--url", "http://[::1]:9"])


def test_a_folder_without_labels_tells_what_is_needed(folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"--labels, or put them into sub-folders 0 to 9 and none"):
        main(options(folder))
    (folder / "mine" / "ten").mkdir()
    with pytest.raises(SystemExit, match="the label 'ten' is none of 0 to 9"):
        main(options(folder))
    with pytest.raises(SystemExit, match=r"there is no folder .*elsewhere"):
        main(["digits", "--images", str(folder / "elsewhere")])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--labels", "x.csv"], "--labels needs --images"),
        (["--count", "0"], "--count: it must be at least 1, not 0"),
        (["--data-dir", "nowhere"], "no data in nowhere"),
    ],
)
def test_options_that_do_not_fit_are_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["digits", *arguments])
    assert told in capsys.readouterr().err


def marked(mark: str) -> dict[int, str]:
    """Process id -> command line of all that live with this in their environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
    return found


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_a_service_that_was_started_ends_with_the_evaluation(
    number: signal.Signals | None, folder: Path
) -> None:
    """Whether it comes to its end or is stopped."""
    rows = (folder / "labels.csv").read_text(encoding="utf-8-sig")
    if number is not None:  # enough for it to be there when the signal comes
        (folder / "labels.csv").write_text(rows + "9.gif,9\n" * 100_000)
    mark = f"EVALUATION={folder}"
    environment = {**os.environ, "EVALUATION": str(folder), "SERVICE_WORKERS": "1"}
    command = [sys.executable, "-m", "training.evaluate", *options(folder)]
    with subprocess.Popen(
        [*command, "--labels", str(folder / "labels.csv")],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as evaluation:
        eventually(lambda: any("service.worker" in each for each in marked(mark).values()))
        if number is not None:
            evaluation.send_signal(number)
        said, complained = evaluation.communicate(timeout=DEADLINE)
    expected = {None: (0, ""), signal.SIGINT: (130, "interrupted\n"), signal.SIGTERM: (143, "")}
    assert (evaluation.returncode, complained) == expected[number]
    assert ("90.91%" in said) == (number is None)
    assert marked(mark) == {}
