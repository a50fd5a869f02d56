"""Makes review_lengths.json: python -m loadtest.bench.lengths --data-dir FOLDER.

Token counts of real reviews, and no words of theirs: texts are put together to these lengths. The
file is in the project, so this is run only for a tokenizer that cuts texts into other words.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loadtest.models import newest
from service.contract.text import TextEncoder
from training.datasets import read_reviews

LENGTHS = Path(__file__).with_name("review_lengths.json")
SEED = 512
COUNT = 512
CUT = 400  # tokens


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.lengths", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path(".data"), help="holds imdb/")
    parser.add_argument("--model", type=Path, default=newest("sentiment"))
    options = parser.parse_args(arguments)
    lengths = count_tokens(options.data_dir, options.model)
    lines = json.dumps(
        {
            "of": "IMDB test reviews, drawn without replacement",
            "tokenizer": "/".join(options.model.parts[-2:]),
            "seed": SEED,
            "cut": CUT,
            "mean": round(float(np.mean(lengths)), 1),
        },
        indent=1,
    )
    LENGTHS.write_text(f'{lines[:-2]},\n "lengths": {json.dumps(lengths)}\n}}\n')


def count_tokens(data_dir: Path, model: Path) -> list[int]:
    """Tokens of COUNT test reviews as `model` counts them, each at most CUT."""
    texts = read_reviews(data_dir / "imdb" / "test.csv.xz").texts
    chosen = np.random.default_rng(SEED).choice(len(texts), COUNT, replace=False)
    encoder = TextEncoder.load(model / "tokenizer.json", CUT)
    return [encoder.encode(texts[index]).tokens for index in chosen]


if __name__ == "__main__":
    main()
