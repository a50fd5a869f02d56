"""Pictures with what they show: a folder of one's own, or kinds made out of MNIST."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from training.corruptions import CORRUPTIONS
from training.datasets import Digits
from training.golden import as_bytes
from training.labelled_table import Unlabelled, labelled_rows
from training.nondigits import NON_DIGITS, several
from training.worlds import KINDS, pictures

DIGITS, NO_DIGIT = "digits", "no digit"
NONE = "none"  # the label, or the name of the folder, of what shows no digit
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
LABELS = {"": None, NONE: None, **{str(digit): digit for digit in range(10)}}


@dataclass(frozen=True)
class Sample:
    """A picture as a file; `label` is None where it shows no digit. `name` is for people."""

    name: str
    picture: bytes
    label: int | None


@dataclass(frozen=True)
class Kind:
    """Pictures of one sort: all show a digit, or, in the group NO_DIGIT, none does."""

    name: str
    group: str
    count: int
    samples: Iterator[Sample]


def labelled_folder(folder: Path, table: Path | None) -> list[Kind]:
    """The pictures of a folder with their labels from a CSV (columns file and label), or from the
    names of its sub-folders (0 to 9 and none).

    Raises Unlabelled, or OSError for what cannot be opened.
    """
    if not folder.is_dir():
        raise Unlabelled(f"there is no folder {folder}")
    found = _by_folder(folder) if table is None else _by_table(folder, table)
    if not found:
        raise Unlabelled(f"no picture is named in {table or folder}")

    def kind(name: str, group: str, files: Sequence[tuple[Path, int | None]]) -> Kind:
        def samples() -> Iterator[Sample]:
            for path, label in files:
                yield Sample(str(path.relative_to(folder)), path.read_bytes(), label)

        return Kind(name, group, len(files), samples())

    name = folder.resolve().name
    with_digit = [each for each in found if each[1] is not None]
    without = [each for each in found if each[1] is None]
    kinds = [kind(name, DIGITS, with_digit), kind(f"{name}, none", NO_DIGIT, without)]
    return [each for each in kinds if each.count]


def _by_table(folder: Path, table: Path) -> list[tuple[Path, int | None]]:
    found = []
    for where, row in labelled_rows(table, "file"):
        path = folder / row["file"]
        if not path.is_file():
            raise Unlabelled(f"{where}: there is no file {path}")
        found.append((path, _label(row["label"], where)))
    return found


def _by_folder(folder: Path) -> list[tuple[Path, int | None]]:
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    if not subfolders:
        raise Unlabelled(
            f"what the pictures in {folder} show is needed: name a CSV with the columns file and "
            f"label by --labels, or put them into sub-folders 0 to 9 and {NONE}"
        )
    labels = {subfolder: _label(subfolder.name, str(subfolder)) for subfolder in subfolders}
    return [
        (path, label)
        for subfolder, label in labels.items()
        for path in sorted(subfolder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]


def _label(written: str, where: str) -> int | None:
    try:
        return LABELS[written.strip().lower()]
    except KeyError:
        raise Unlabelled(f"{where}: the label {written!r} is none of 0 to 9 and {NONE}") from None


def made_kinds(clean: Digits, strokes: Digits, count: int, seed: int) -> list[Kind]:
    """`count` pictures of each kind: MNIST and its corruptions from `clean`, realistic pictures
    from `strokes`, and such that show no digit. A seed gives the same pictures again."""
    chosen = clean.sample(min(count, len(clean)))

    def mnist() -> Iterator[Sample]:
        for index, (image, label) in enumerate(zip(chosen.images, chosen.labels, strict=True)):
            yield Sample(f"{index}", as_bytes(Image.fromarray(image)), int(label))

    def corrupted(name: str) -> Iterator[Sample]:
        rng = generator_of(name, seed)
        for index, (image, label) in enumerate(zip(chosen.images, chosen.labels, strict=True)):
            changed = CORRUPTIONS[name](image, rng)
            yield Sample(f"{index}", as_bytes(Image.fromarray(changed)), int(label))

    def realistic(name: str) -> Iterator[Sample]:
        for index, (picture, label) in enumerate(pictures(name, strokes, count, seed)):
            yield Sample(f"{index}", picture, label)

    def without_digit(name: str, make: Callable[[Generator], bytes]) -> Iterator[Sample]:
        rng = generator_of(name, seed)
        for index in range(count):
            yield Sample(f"{index}", make(rng), None)

    without = {**NON_DIGITS, "several digits": lambda rng: several(strokes.images, rng)}
    return [
        Kind("MNIST", "MNIST", len(chosen), mnist()),
        *(Kind(name, "corrupted", len(chosen), corrupted(name)) for name in CORRUPTIONS),
        *(Kind(name, "realistic", count, realistic(name)) for name in KINDS),
        *(Kind(name, NO_DIGIT, count, without_digit(name, make)) for name, make in without.items()),
    ]


def generator_of(name: str, seed: int) -> Generator:
    """Of its own for each kind, so that none changes with what else is asked."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
