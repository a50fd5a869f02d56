"""What lies in models/ is served only if it is whole and answers as it did when published."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import ModelError
from service.registry import load_models
from service.settings import Settings
from tests.running import DEADLINE, ROOT, RunningService, eventually, run_to_its_end
from tests.shelf import (
    change_golden_case,
    change_manifest,
    flip_a_byte,
    publish_again,
    rewrite,
)

Damage = Callable[[Path], object]


BROKEN: dict[str, tuple[str, Damage, str]] = {
    "no folder": ("digits", lambda folder: shutil.rmtree(folder.parent), "digits"),
    "no version": ("sentiment", shutil.rmtree, "sentiment"),
    "no manifest": ("digits", lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
    "no graph": ("digits", lambda folder: (folder / "model.onnx").unlink(), "model.onnx"),
    "no tokenizer": (
        "sentiment",
        lambda folder: (folder / "tokenizer.json").unlink(),
        "tokenizer.json",
    ),
    "a flipped byte": ("digits", lambda folder: flip_a_byte(folder / "model.onnx"), "model.onnx"),
    "half a graph": (
        "sentiment",
        lambda folder: rewrite(folder / "model.onnx", b"\x08\x07onnx" * 100),
        "model.onnx",
    ),
    "half a manifest": (
        "digits",
        lambda folder: rewrite(folder / "manifest.json", b'{"name": "digits", "version": 1'),
        "manifest.json",
    ),
    "a manifest of something else": (
        "sentiment",
        lambda folder: rewrite(folder / "manifest.json", b"[]"),
        "manifest.json",
    ),
    "a manifest with a field too many": (
        "digits",
        lambda folder: change_manifest(folder, another=1),
        "manifest.json",
    ),
    "another name": (
        "digits",
        lambda folder: change_manifest(folder, name="sentiment"),
        "manifest.json",
    ),
    "another version": ("digits", lambda folder: change_manifest(folder, version=2), "manifest"),
    "other preprocessing": (
        "sentiment",
        lambda folder: change_manifest(folder, preprocessing=999),
        "preprocessing",
    ),
    "an unhashed graph": (
        "digits",
        lambda folder: change_manifest(folder, files={}),
        "model.int8.onnx",
    ),
    "no golden case": ("digits", lambda folder: change_manifest(folder, golden=[]), "golden case"),
    "another golden label": (
        "digits",
        lambda folder: change_golden_case(folder, label="none"),
        "golden case 1",
    ),
    "other golden probabilities": (
        "sentiment",
        lambda folder: change_golden_case(folder, probabilities=[0.5, 0.5]),
        "golden case 1",
    ),
    "golden probabilities of another model": (
        "digits",
        lambda folder: change_golden_case(folder, probabilities=[0.5, 0.5]),
        "golden case",
    ),
    "a golden case that cannot be read": (
        "digits",
        lambda folder: change_golden_case(folder, image="bm9uZQ=="),
        "golden case",
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_model_that_is_not_as_published_is_refused_with_one_line(
    models: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name, break_it, named = BROKEN[damage]
    break_it(models / name / "1")
    with pytest.raises(ModelError) as refused:
        load_models(Settings(models_dir=models))
    [line] = str(refused.value).splitlines()
    assert str(models / name) in line
    assert named in line
    assert f"python -m training.{name}" in line, "it says what to do"
    assert capfd.readouterr() == ("", ""), "nor does any library say more"


def test_a_model_that_cannot_be_served_ends_the_service_with_that_line(models: Path) -> None:
    name, break_it, named = BROKEN["half a graph"]
    break_it(models / name / "1")
    ended = run_to_its_end("--port", "0", models_dir=str(models))
    assert ended.returncode != 0
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert str(models / name) in line
    assert named in line


def card_of(service: RunningService, name: str) -> dict[str, Any]:
    card: dict[str, Any] = httpx.get(f"{service.url}/models/{name}", timeout=DEADLINE).json()
    return card


def test_a_broken_version_is_passed_over_for_a_lower_one_that_is_whole(models: Path) -> None:
    flip_a_byte(publish_again(models / "digits", 2) / "model.onnx")
    with RunningService(models_dir=str(models)) as service:
        assert "digits/1" in service.greeting
        card = card_of(service, "digits")
        rejected, serving = card["versions"]
        assert card["version"] == 1
        assert serving == {"version": 1, "state": "serving", "detail": None}
        assert (rejected["version"], rejected["state"]) == (2, "rejected")
        assert rejected["detail"].startswith("model.onnx ")
        assert str(models) not in json.dumps(card)
        [logged] = eventually(service.messages)
        assert str(models / "digits" / "2") in logged["message"]
        assert rejected["detail"] in logged["message"]


def test_of_several_broken_versions_it_is_told_what_ails_the_highest(models: Path) -> None:
    publish_again(models / "digits", 2)
    for version, file in ((1, "manifest.json"), (2, "model.onnx")):
        (models / "digits" / str(version) / file).unlink()
    with pytest.raises(ModelError) as refused:
        load_models(Settings(models_dir=models))
    [line] = str(refused.value).splitlines()
    assert f"{models / 'digits' / '2'}: model.onnx" in line


def test_the_highest_whole_version_serves_and_ten_is_higher_than_nine(models: Path) -> None:
    for version in (9, 10):
        publish_again(models / "digits", version)
    (models / "digits" / "notes").mkdir()
    with RunningService(models_dir=str(models)) as service:
        states = [
            (each["version"], each["state"]) for each in card_of(service, "digits")["versions"]
        ]
        assert states == [(10, "serving"), (9, "available"), (1, "available")]
        assert service.written() == ""


def test_models_are_found_from_wherever_they_are_said_to_be(models: Path) -> None:
    relative = os.path.relpath(models, ROOT)
    with RunningService("--models-dir", relative) as service:
        assert card_of(service, "sentiment")["version"] == 1
