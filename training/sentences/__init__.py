"""Short sentences for measuring the mood model, never for training it: single sentences cut from
reviews, and sentences written in nine kinds. The README beside this says where they come from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from training.datasets import Reviews

CUT = "cut"
FOLDER = Path(__file__).parent
FIRST_ROW = {"validation": 0, "test": 1}  # every second row from there on


def read_sentences(part: str) -> dict[str, Reviews]:
    """The sentences of `part`, validation or test, by kind: cut ones first, then the nine kinds of
    written ones in the order of the file."""
    rows = {CUT: _rows(FOLDER / "cut.csv", part)}
    for row in _rows(FOLDER / "written.csv", part):
        rows.setdefault(row["kind"], []).append(row)
    return {kind: _sentences(each) for kind, each in rows.items()}


def _rows(path: Path, part: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file, strict=True)][FIRST_ROW[part] :: 2]


def _sentences(rows: Sequence[Mapping[str, str]]) -> Reviews:
    labels = np.array([row["label"] == "pos" for row in rows], dtype=np.int64)
    return Reviews([row["text"] for row in rows], labels)
