"""Publish the newest version of a model again, in fp32 and int8.

A training run publishes both by itself; this is for a version whose network is no more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnx
from tokenizers import Tokenizer

from service.contract import image, text
from service.contract.manifest import MANIFEST, Manifest, mismatched
from training.assessment import digits_release
from training.card import CARD, read_history
from training.datasets import Digits, Reviews, Splits, data_hashes, load_digits, load_reviews
from training.export import MODEL, TOKENIZER, Origin, Release, publish
from training.held_out import PER_KIND, Images, non_digit_images, realistic_digits
from training.int8_cnn import quantize_cnn
from training.int8_lstm import quantize_lstm
from training.options import add_data_dir, require_data
from training.seen import usual_and_unusual
from training.sentiment_assessment import sentiment_release

DATA = {"digits": "mnist", "sentiment": "imdb"}


def main(name: str, data_dir: Path, models_dir: Path) -> None:
    folder = newest(models_dir / name)
    if data_hashes(data_dir / DATA[name]) != read_manifest(folder).data:
        sys.exit(f"The data in {data_dir / DATA[name]} is not what {folder} was trained on.")
    print(f"{folder}: quantizing, then measuring both forms", flush=True)
    if name == "digits":
        digits = load_digits(data_dir)
        realistic = realistic_digits(digits.validation, PER_KIND)
        release = digits_again(folder, digits, realistic, non_digit_images(PER_KIND))
    else:
        release = sentiment_again(folder, load_reviews(data_dir))
    publish(release, models_dir)


def newest(shelf: Path) -> Path:
    """The folder of the highest version; raises FileNotFoundError where there is none."""
    folders = [path for path in shelf.glob("*") if path.name.isdecimal()]
    if not folders:
        raise FileNotFoundError(2, "no version", str(shelf))
    return max(folders, key=lambda path: int(path.name))


def digits_again(
    folder: Path,
    data: Splits[Digits],
    realistic: Digits | None = None,
    non_digits: Images | None = None,
) -> Release:
    """The fp32 graph of a published version, its int8 form, and both measured anew.

    Raises ValueError where the folder is not as published or reads otherwise than this code.
    """
    graph, origin = _published(folder, image.VERSION)
    int8 = quantize_cnn(graph, usual_and_unusual(data.train))
    return digits_release(graph, int8, data, origin, realistic, non_digits)


def sentiment_again(folder: Path, data: Splits[Reviews]) -> Release:
    """As `digits_again`."""
    graph, origin = _published(folder, text.VERSION)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    manifest = read_manifest(folder)
    if manifest.max_tokens is None:
        raise ValueError(f"{folder} does not say how many words it reads")
    return sentiment_release(
        graph,
        quantize_lstm(graph),
        tokenizer,
        manifest.max_tokens,
        data,
        origin,
        manifest.baseline,
    )


def read_manifest(folder: Path) -> Manifest:
    """What a published folder says of itself; raises pydantic's ValueError where it is none."""
    return Manifest.model_validate_json((folder / MANIFEST).read_bytes())


def _published(folder: Path, preprocessing: int) -> tuple[onnx.ModelProto, Origin]:
    manifest = read_manifest(folder)
    if wrong := mismatched(folder, manifest.files):
        raise ValueError(f"{folder}: {wrong}")
    if manifest.preprocessing != preprocessing:
        raise ValueError(f"{folder} was made with other preprocessing than version {preprocessing}")
    origin = Origin(
        recipe=manifest.recipe,
        seed=manifest.seed,
        data=manifest.data,
        history=read_history((folder / CARD).read_text(encoding="utf-8")),
        parity=manifest.parity,
    )
    return onnx.load(folder / MODEL), origin


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("name", choices=list(DATA), help="which model")
    add_data_dir(parser)
    parser.add_argument(
        "--models-dir", type=Path, default=Path("models"), help="where versions are published"
    )
    options = parser.parse_args()
    require_data(parser, options.data_dir)
    try:
        main(options.name, options.data_dir, options.models_dir)
    except KeyboardInterrupt:
        sys.exit("\nStopped; nothing was published.")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is missing.")
    except ValueError as error:
        sys.exit(str(error))
