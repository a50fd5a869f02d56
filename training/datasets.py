"""The two data sets as arrays and lists, with a validation part taken out of train."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from service.contract.manifest import sha256

Labels = npt.NDArray[np.int64]  # (n,)

MOODS = ("negative", "positive")  # by the label of a review

VALIDATION_SHARE = 0.1
# Which samples validate is a property of the project, not of a run: seeds stay comparable.
SPLIT_SEED = 20_201

Part = TypeVar("Part")


@dataclass(frozen=True)
class Digits:
    """Images uint8 (n, 28, 28), white on black; labels int64 (n,)."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: npt.NDArray[np.int64]) -> Digits:
        """The samples at `index`, in that order."""
        return Digits(self.images[index], self.labels[index])

    def sample(self, count: int) -> Digits:
        """`count` images at random, the same at every call."""
        return self.take(_sample(len(self), count))


def joined(*parts: Digits) -> Digits:
    """One after the other."""
    return Digits(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


@dataclass(frozen=True)
class Reviews:
    """Texts and labels (n,), 1 for positive."""

    texts: list[str]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: npt.NDArray[np.int64]) -> Reviews:
        """The samples at `index`, in that order."""
        return Reviews([self.texts[i] for i in index], self.labels[index])

    def sample(self, count: int) -> Reviews:
        """`count` reviews at random, the same at every call."""
        return self.take(_sample(len(self), count))


@dataclass(frozen=True)
class Splits(Generic[Part]):
    """Fit on train, choose on validation, touch test once."""

    train: Part
    validation: Part
    test: Part


def load_digits(data_dir: Path) -> Splits[Digits]:
    """MNIST from the four idx files in `data_dir`/mnist."""
    folder = data_dir / "mnist"
    train = Digits(
        read_idx(folder / "train-images-idx3-ubyte.gz"),
        read_idx(folder / "train-labels-idx1-ubyte.gz").astype(np.int64),
    )
    test = Digits(
        read_idx(folder / "t10k-images-idx3-ubyte.gz"),
        read_idx(folder / "t10k-labels-idx1-ubyte.gz").astype(np.int64),
    )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(train))
    held_out = int(len(train) * VALIDATION_SHARE)
    return Splits(
        train.take(np.sort(order[held_out:])), train.take(np.sort(order[:held_out])), test
    )


def load_reviews(data_dir: Path) -> Splits[Reviews]:
    """IMDB from `data_dir`/imdb.

    Validation holds whole films, since reviews of one film are alike; no text stands in more than
    one part.
    """
    folder = data_dir / "imdb"
    everything, test = (read_reviews(folder / f"{name}.csv.xz") for name in ("train", "test"))
    films = [row["movie"] for row in read_rows(folder / "train_meta.csv.xz")]
    titles = sorted(set(films))
    chosen = np.random.default_rng(SPLIT_SEED).permutation(len(titles))
    validation_films = {titles[i] for i in chosen[: int(len(titles) * VALIDATION_SHARE)]}
    in_test = set(test.texts)
    chosen_films = [film in validation_films for film in films]
    validation = [
        i
        for i, (text, held_out) in enumerate(zip(everything.texts, chosen_films, strict=True))
        if held_out and text not in in_test
    ]
    held_out_texts = in_test | {everything.texts[i] for i in validation}
    train = [i for i, text in enumerate(everything.texts) if text not in held_out_texts]
    return Splits(everything.take(np.array(train)), everything.take(np.array(validation)), test)


def load_unlabelled(data_dir: Path, data: Splits[Reviews]) -> list[str]:
    """The unlabelled IMDB reviews without those that also stand in train, validation or test."""
    labelled = {text for part in (data.train, data.validation, data.test) for text in part.texts}
    rows = read_rows(data_dir / "imdb" / "unsup.csv.xz")
    return [row["text"] for row in rows if row["text"] not in labelled]


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """An idx file of unsigned bytes, in its own shape; raises ValueError if it is none."""
    with gzip.open(path) as file:
        zero, kind, dimensions = (int.from_bytes(file.read(n), "big") for n in (2, 1, 1))
        if zero != 0 or kind != 8:
            raise ValueError(f"{path} is not an idx file of unsigned bytes")
        shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(dimensions))
        return np.frombuffer(file.read(), dtype=np.uint8).reshape(shape)


def read_reviews(path: Path) -> Reviews:
    """A csv.xz with the columns text and label (pos or neg)."""
    rows = list(read_rows(path))
    labels = np.array([row["label"] == "pos" for row in rows], dtype=np.int64)
    return Reviews([row["text"] for row in rows], labels)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a csv.xz file, one dictionary each."""
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def data_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a data folder, by name."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _sample(size: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(SPLIT_SEED).choice(size, count, replace=False)
