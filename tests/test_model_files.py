"""Only files of the operator's folder are loaded, each of them as it was published."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from service.artifact import refuse_external_data
from service.contract.manifest import describe_files
from service.errors import ModelError
from service.registry import load_models
from service.settings import Settings
from tests.shelf import change_manifest, cut_short, flip_a_byte, publish_again

Damage = Callable[[Path], object]


def rejection(models: Path) -> str | None:
    """What clients are told of version 2 of the digits; None where it serves."""
    loaded = load_models(Settings(models_dir=models))["digits"].versions[0]
    assert loaded.version == 2
    assert loaded.state == ("rejected" if loaded.detail else "serving")
    return loaded.detail


def move_out(path: Path) -> None:
    """The file itself, but by a link to where it lies now."""
    outside = path.parents[3] / "outside"
    outside.mkdir()
    path.symlink_to(path.rename(outside / path.name))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def name_a_file_elsewhere(folder: Path) -> None:
    described = describe_files(folder.parent, ["1/model.onnx"])
    changed = {f"../{name}": file.model_dump() for name, file in described.items()}
    change_manifest(folder, files=changed, serves="../1/model.onnx")


REFUSED: dict[str, tuple[Damage, str]] = {
    "a flipped bit": (lambda folder: flip_a_byte(folder / "model.onnx"), "another SHA-256"),
    "a cut graph": (lambda folder: cut_short(folder / "model.int8.onnx"), "bytes where"),
    "a graph outside": (lambda folder: move_out(folder / "model.int8.onnx"), "leads out"),
    "a manifest outside": (lambda folder: move_out(folder / "manifest.json"), "leads out"),
    "a folder outside": (move_out, "leads out"),
    "a device": (lambda folder: link_to(folder / "model.onnx", "/dev/zero"), "leads out"),
    "a circle": (lambda folder: link_to(folder / "model.onnx", "model.onnx"), "cannot be read"),
    "a link to nothing": (lambda folder: link_to(folder / "model.onnx", "none"), "is missing"),
    "a pipe": (lambda folder: replace_by_pipe(folder / "model.onnx"), "no regular file"),
    "a folder": (lambda folder: replace_by_folder(folder / "model.onnx"), "cannot be read"),
    "a file elsewhere": (name_a_file_elsewhere, "in no version's folder"),
}


@pytest.mark.parametrize("damage", REFUSED)
def test_a_version_with_a_file_that_is_not_its_own_is_refused_without_a_path(
    models: Path, damage: str
) -> None:
    break_it, reason = REFUSED[damage]
    break_it(publish_again(models / "digits", 2))
    told = rejection(models)
    assert told is not None
    assert reason in told
    assert "/" not in told


def test_links_within_the_folder_of_models_are_followed(models: Path, tmp_path: Path) -> None:
    folder = publish_again(models / "digits", 2)
    link_to(folder / "model.int8.onnx", "../1/model.int8.onnx")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(models)
    assert rejection(elsewhere) is None


def save(folder: Path, graph: onnx.ModelProto, *weights: str) -> None:
    """As the graph that serves, hashed as it should be; its weights in the file `weights`."""
    (folder / "model.int8.onnx").unlink()
    onnx.save_model(
        graph,
        folder / "model.int8.onnx",
        save_as_external_data=bool(weights),
        location=weights[0] if weights else None,
        size_threshold=0,
    )
    names = ["model.int8.onnx", *weights]
    described = {name: file.model_dump() for name, file in describe_files(folder, names).items()}
    change_manifest(folder, files=described)


def test_a_graph_whose_weights_lie_in_another_file_is_refused(models: Path) -> None:
    folder = publish_again(models / "digits", 2)
    graph = onnx.load(folder / "model.int8.onnx")
    save(folder, graph)
    assert rejection(models) is None
    save(folder, graph, "weights")
    told = rejection(models)
    assert told is not None
    assert "external data" in told


def test_external_data_is_found_however_its_key_is_written() -> None:
    for tag in (b"\x0a", b"\x8a\x00", b"\x8a\x80\x80\x00"):
        for length in (b"\x08", b"\x88\x00", b"\x88\x80\x80\x80\x00"):
            with pytest.raises(ModelError, match="external data"):
                refuse_external_data("model.onnx", b"location" + tag + length + b"location")


def test_a_graph_may_speak_of_a_location(models: Path) -> None:
    folder = publish_again(models / "digits", 2)
    graph = onnx.load(folder / "model.int8.onnx")
    graph.doc_string = graph.graph.name = "location"
    save(folder, graph)
    assert rejection(models) is None
