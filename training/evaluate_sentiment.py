"""The task sentiment of python -m training.evaluate.

Without texts of one's own it asks for reviews of IMDB, and for the short sentences of
training/sentences.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from training.asking import answering
from training.datasets import Reviews, load_reviews
from training.labelled_table import Unlabelled, labelled_rows
from training.options import add_asked, at_least, require_data
from training.progress import progress
from training.refusals import Refusals
from training.sentences import CUT, read_sentences
from training.sentiment_figures import outcome_of
from training.sentiment_report import SentimentReport
from training.table import one_line

Groups = dict[str, dict[str, Reviews]]  # by group and kind

LABELS = {"neg": 0, "negative": 0, "0": 0, "pos": 1, "positive": 1, "1": 1}


def add_sentiment(parser: argparse.ArgumentParser) -> None:
    """The options of the task."""
    add_asked(
        parser,
        "of IMDB, and of the short sentences, all of which are asked for",
        "of the reviews, drawn at random",
        count=500,
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="texts to ask for instead: columns text and label, which is pos or neg, positive or "
        "negative, 1 or 0",
    )
    parser.add_argument(
        "--worst",
        type=at_least(0),
        default=5,
        metavar="N",
        help="mistakes to show, the most confident ones (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="gets the figures")
    parser.set_defaults(evaluate=_evaluate_sentiment, parser=parser)


def _evaluate_sentiment(options: argparse.Namespace) -> None:
    groups = _groups(options)
    report, refusals = SentimentReport(), Refusals()
    with answering(options.url) as client:
        for group, kinds in groups.items():
            for kind, texts in kinds.items():
                labelled = zip(texts.texts, texts.labels.tolist(), strict=True)
                asked = client.ask_all("/sentiment", labelled, _body, "application/json")
                for (text, label), reply in progress(asked, kind, len(texts)):
                    report.add(group, kind, outcome_of(text, label, reply))
                    refusals.add(kind, one_line(text), reply)
    print(*filter(None, [report.as_text(options.worst), refusals.as_text()]), sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")


def _body(labelled: tuple[str, int]) -> bytes:
    return json.dumps({"text": labelled[0]}).encode()


def _groups(options: argparse.Namespace) -> Groups:
    if options.csv is not None:
        return {"texts": {options.csv.stem: _labelled_texts(options.csv)}}
    require_data(options.parser, options.data_dir)
    data = load_reviews(options.data_dir)
    reviews = data.test if options.part == "test" else data.validation
    sentences = read_sentences(options.part)
    return {
        "reviews": {"IMDB reviews": reviews.sample(min(options.count, len(reviews)))},
        "cut sentences": {"cut sentences": sentences.pop(CUT)},
        "written sentences": sentences,
    }


def _labelled_texts(table: Path) -> Reviews:
    """Raises Unlabelled, or OSError where it cannot be opened."""
    texts, labels = [], []
    for where, row in labelled_rows(table, "text"):
        label = LABELS.get(row["label"].strip().lower())
        if label is None:
            raise Unlabelled(
                f"{where}: the label '{one_line(row['label'])}' is none of {', '.join(LABELS)}"
            )
        texts.append(row["text"])
        labels.append(label)
    if not texts:
        raise Unlabelled(f"there is no text in {table}")
    return Reviews(texts, np.array(labels, dtype=np.int64))
