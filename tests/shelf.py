"""Models on disk, published again and broken."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tests.committed import committed


def copy_served(models_dir: Path, copy: Path) -> None:
    """Version 1 of each model becomes what really serves."""
    for name in ("digits", "sentiment"):
        folder = shutil.copytree(committed(models_dir, name).folder, copy / name / "1")
        change_manifest(folder, version=1)


def link_all(models: Path, link: Path) -> Path:
    """The same files again, which `rewrite` does not change there."""
    return shutil.copytree(models, link, copy_function=os.link)


def rewrite(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def change_manifest(folder: Path, **fields: object) -> None:
    manifest = folder / "manifest.json"
    rewrite(manifest, json.dumps(json.loads(manifest.read_bytes()) | fields).encode())


def change_golden_case(folder: Path, **fields: object) -> None:
    first, *others = json.loads((folder / "manifest.json").read_bytes())["golden"]
    change_manifest(folder, golden=[first | fields, *others])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(path, bytes(content))


def cut_short(path: Path) -> None:
    rewrite(path, path.read_bytes()[:-100])


def publish_again(shelf: Path, version: int) -> Path:
    """Version 1 as another version, which is whole as soon as it is there."""
    half = link_all(shelf / "1", shelf / f".{version}")
    change_manifest(half, version=version)
    return half.rename(shelf / str(version))
