"""The task explanations of python -m training.evaluate: a deletion curve.

If the weights of words are faithful, a text without those that weigh most for its mood is told
otherwise than one that lacks as many words at random (Samek et al., arXiv:1509.06321, for pictures;
DeYoung et al., arXiv:1911.03429, for texts).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.asking import Client, NoService, answering
from training.datasets import load_reviews
from training.options import WORK_DIR, add_asked, require_data
from training.plots import plot_deletion
from training.progress import progress
from training.table import as_table, percent

REMOVED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)  # shares of the words of a text
ORDERS = ("heaviest words", "words at random")
SEED = 1


@dataclass(frozen=True)
class Removal:
    """What becomes of a mood: the probability that is left of it, and whether it is still told."""

    order: str
    share: float
    probability: float
    same: bool


def add_explanations(parser: argparse.ArgumentParser) -> None:
    """The options of the task."""
    add_asked(parser, "of IMDB", "of the reviews, drawn at random", count=100)
    parser.add_argument(
        "--out",
        type=Path,
        default=WORK_DIR / "deletion.png",
        help="gets the curve (default: %(default)s)",
    )
    parser.set_defaults(evaluate=_evaluate_explanations, parser=parser)


def _evaluate_explanations(options: argparse.Namespace) -> None:
    require_data(options.parser, options.data_dir)
    data = load_reviews(options.data_dir)
    reviews = data.test if options.part == "test" else data.validation
    texts = reviews.sample(min(options.count, len(reviews))).texts
    rng = np.random.default_rng(SEED)
    removals: list[Removal] = []
    with answering(options.url) as client:
        for text in progress(texts, "explain"):
            removals += _removals(text, client, rng)
    curves = deletion_curves(removals)
    header = ["words removed", *(f"{of}, {order}" for order in ORDERS for of in ("left", "same"))]
    rows = [
        [percent(share, 0), *(percent(value) for order in ORDERS for value in curves[order][i])]
        for i, share in enumerate(REMOVED)
    ]
    print(as_table(header, rows))
    print(
        f"\nleft: the mean probability of the mood told first; same: it is still told, of "
        f"{len(texts)} texts."
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    plot_deletion(REMOVED, curves, options.out)
    print(f"The curve: {options.out}")


def deletion_curves(removals: Sequence[Removal]) -> dict[str, list[tuple[float, float]]]:
    """By order, for each share of REMOVED: the mean probability and the share of moods that are
    still told."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for order in ORDERS:
        curves[order] = []
        for share in REMOVED:
            chosen = [r for r in removals if (r.order, r.share) == (order, share)]
            probability = float(np.mean([r.probability for r in chosen]))
            curves[order].append((probability, float(np.mean([r.same for r in chosen]))))
    return curves


def without(text: str, words: Sequence[dict[str, Any]]) -> str:
    """The text without some of its words."""
    for word in sorted(words, key=lambda word: -word["start"]):
        text = text[: word["start"]] + text[word["end"] :]
    return text


def _removals(text: str, client: Client, rng: np.random.Generator) -> Iterator[Removal]:
    explained = _asked(client, "/sentiment?explain=true", {"text": text})
    told, words = explained["label"], explained["words"]
    sign = 1 if told == "positive" else -1
    orders = {
        ORDERS[0]: sorted(words, key=lambda word: -sign * word["weight"]),
        ORDERS[1]: [words[i] for i in rng.permutation(len(words))],
    }
    asked = [(order, share) for order in ORDERS for share in REMOVED]
    texts = [without(text, orders[order][: round(share * len(words))]) for order, share in asked]
    answers = _asked(client, "/sentiment/batch", {"texts": texts})["results"]
    for (order, share), answer in zip(asked, answers, strict=True):
        if "error" in answer:
            raise NoService(f"a text of a bulk call is refused: {answer['error']}")
        yield Removal(order, share, answer["probabilities"][told], answer["label"] == told)


def _asked(client: Client, target: str, content: dict[str, Any]) -> dict[str, Any]:
    reply = client.ask(target, json.dumps(content).encode(), "application/json")
    if reply.status != 200:
        raise NoService(f"{target} answers with status {reply.status}: {reply.content}")
    return reply.content
