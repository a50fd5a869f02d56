"""The command line that training scripts share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Recipe = TypeVar("Recipe", bound=DataclassInstance)

WORK_DIR = Path(".checkpoints")
"""Checkpoints, vectors and whatever a dry run publishes; ignored by git."""


@dataclass(frozen=True)
class Options:
    """What one run was asked for."""

    recipe: str
    data_dir: Path
    models_dir: Path
    device: str
    seed: int
    epochs: int | None
    dry_run: bool
    vectors: Path | None = None
    start_from: Path | None = None

    def adjust(self, recipe: Recipe) -> Recipe:
        """The recipe with the number of epochs that was asked for."""
        epochs = 1 if self.dry_run and self.epochs is None else self.epochs
        return recipe if epochs is None else replace(recipe, epochs=epochs)

    def work_dir(self, task: str) -> Path:
        """Where this run keeps what it can resume from."""
        vectors = f"-{self.vectors.stem}" if self.vectors else ""
        start = f"-from-{self.start_from.name}" if self.start_from else ""
        kind = "-dry-run" if self.dry_run else ""
        return WORK_DIR / f"{task}-{self.recipe}{vectors}{start}-seed{self.seed}{kind}"


def run(train: Callable[[Options], None], options: Options) -> None:
    """Train; Ctrl-C and missing data end the program with a line that says how to go on."""
    try:
        train(options)
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on after the last whole epoch.")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing: python -m training.data makes it.")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option that says where the data sets are."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("DATA_DIR", ".data")),
        help="folder with mnist/ and imdb/, as made by python -m training.data",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """The options of whatever trains."""
    add_data_dir(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--seed", type=int, default=1, help="of everything random in this run")
    parser.add_argument(
        "--dry-run", action="store_true", help="the whole path on little data, in seconds"
    )


def add_asked(parser: argparse.ArgumentParser, part: str, counted: str, count: int) -> None:
    """The options of an evaluation: whom to ask, and for what; `part` and `counted` say of what
    --part and --count are."""
    parser.add_argument("--url", help="a running service; by default one is started and stopped")
    add_data_dir(parser)
    parser.add_argument(
        "--part",
        choices=["validation", "test"],
        default="validation",
        help=f"{part} (default: %(default)s)",
    )
    parser.add_argument(
        "--count", type=at_least(1), default=count, help=f"{counted} (default: %(default)s)"
    )


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that is a whole number."""

    def number(written: str) -> int:
        if (given := int(written)) < least:
            raise argparse.ArgumentTypeError(f"it must be at least {least}, not {given}")
        return given

    return number


def require_data(parser: argparse.ArgumentParser, data_dir: Path) -> None:
    """End the program with a message where there is no such folder."""
    if not data_dir.is_dir():
        parser.error(
            f"no data in {data_dir}: run python -m training.data, or name a folder "
            "that holds mnist/ and imdb/ with --data-dir or DATA_DIR"
        )


def parse_options(
    description: str, recipes: Mapping[str, object], *, starts: bool = False
) -> Options:
    """Options from the command line; ends the program with a message where they are wrong.

    With `starts` there are some that say what to start from.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--recipe", choices=list(recipes), default="default", help="how to train")
    add_run(parser)
    parser.add_argument(
        "--models-dir",
        type=Path,
        help="where the trained model becomes the next version "
        f"(default: models; for a dry run {WORK_DIR}/dry-run-models)",
    )
    parser.add_argument("--epochs", type=int, help="instead of the recipe's number")
    if starts:
        start = parser.add_mutually_exclusive_group()
        start.add_argument("--vectors", type=Path, help="start from this file in GloVe text format")
        start.add_argument(
            "--start-from",
            type=Path,
            help="start from the words and weights of this published version, as a recipe without "
            "pretraining should",
        )
    options = parser.parse_args()
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {options.epochs}")
    require_data(parser, options.data_dir)
    if starts and options.vectors is not None and not options.vectors.is_file():
        parser.error(f"there is no file {options.vectors}")
    if starts and options.start_from is not None and not options.start_from.is_dir():
        parser.error(f"there is no folder {options.start_from}")
    if options.models_dir is None:
        options.models_dir = WORK_DIR / "dry-run-models" if options.dry_run else Path("models")
    return Options(**vars(options))
