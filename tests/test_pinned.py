"""A version that the operator has named serves, or none."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from service.errors import ModelError
from service.registry import load_models
from service.settings import Settings
from tests.running import RunningService, eventually
from tests.shelf import flip_a_byte, publish_again
from tests.test_reload import hang_up, model, reloads


def states(models: Path, pinned: str) -> list[tuple[int, str]]:
    loaded = load_models(Settings(models_dir=models, pinned=pinned))
    return [(each.version, each.state) for each in loaded["digits"].versions]


def test_pinned_version_serves_though_there_are_higher_ones(models: Path) -> None:
    for version in (2, 3):
        publish_again(models / "digits", version)
    assert states(models, "digits/2") == [(3, "available"), (2, "serving"), (1, "available")]
    assert states(models, "sentiment/1") == [(3, "serving"), (2, "available"), (1, "available")]


def test_no_other_version_takes_the_place_of_a_pinned_one(models: Path) -> None:
    flip_a_byte(publish_again(models / "digits", 2) / "model.onnx")
    with pytest.raises(ModelError, match=r"digits/2: model.onnx has another SHA-256"):
        states(models, "digits/2")


def test_pinned_version_must_be_there(models: Path) -> None:
    with pytest.raises(ModelError, match=r"has no version 2.*--pinned"):
        states(models, "digits/2")


def test_reload_keeps_to_the_pin(models: Path) -> None:
    with RunningService("--pinned", "sentiment/1", models_dir=str(models)) as service:
        publish_again(models / "sentiment", 2)
        publish_again(models / "digits", 2)
        hang_up(service)
        eventually(lambda: reloads(service, "ok"))
        assert (model(service), model(service, "/digits")) == ("sentiment/1", "digits/2")
        flip_a_byte(models / "sentiment" / "1" / "model.onnx")
        hang_up(service)
        eventually(lambda: reloads(service, "failed"))
        assert model(service) == "sentiment/1"
        assert service.stop(signal.SIGTERM)[0] == 0
