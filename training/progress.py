"""What a run says while it works."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch; accuracies between 0 and 1."""

    number: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"epoch {self.number:2}: train loss {self.train_loss:.4f} "
            f"accuracy {self.train_accuracy:.4f}, validation loss {self.validation_loss:.4f} "
            f"accuracy {self.validation_accuracy:.4f}, {self.seconds:.0f} s"
        )


def progress(items: Iterable[Item], label: str, total: int | None = None) -> Iterable[Item]:
    """The same items with a progress bar on a terminal, silent elsewhere; `total` where `items`
    do not know their number."""
    bar: Iterable[Item] = tqdm(
        items, desc=label, total=total, leave=False, disable=not sys.stderr.isatty()
    )
    return bar
