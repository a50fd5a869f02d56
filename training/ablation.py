"""What each ingredient of the mood model's recipe brings: python -m training.ablation [--help].

The default recipe is shortened to one small epoch after pretraining, and run again without one
ingredient at a time. Only validation is looked at. A run that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from statistics import fmean
from typing import Any

from training.batches import EncodedReviews, encode
from training.checkpoint import Checkpoint
from training.compute import pick_device, seed_everything
from training.lessons import Mix
from training.lstm import SentimentLSTM, predict
from training.options import WORK_DIR, Options, add_run, require_data, run
from training.sentences import CUT, read_sentences
from training.sentiment import short, start
from training.sentiment_fitting import fit
from training.sentiment_preparing import Prepared, Texts, prepare
from training.sentiment_recipes import RECIPES, Recipe
from training.table import as_table, percent

MIX = Mix(labelled=5_600, unlabelled=6_200, cut=6_000, made=6_000, true_label=0.7)
ALL = "everything"


def mixed(**parts: Any) -> Callable[[Recipe], Recipe]:
    """A change of the mix."""
    return lambda recipe: replace(recipe, mix=replace(MIX, **parts))


VARIANTS: dict[str, Callable[[Recipe], Recipe]] = {
    ALL: lambda recipe: recipe,
    "no pretraining": lambda recipe: replace(recipe, pretraining=None),
    "no pretraining, no word vectors": lambda recipe: replace(
        recipe, pretraining=None, word2vec_epochs=0
    ),
    "labelled reviews instead of unlabelled ones": mixed(labelled=11_800, unlabelled=0),
    "hard labels": mixed(true_label=1.0),
    "no short sentences": mixed(cut=0, made=0),
    "no sentences about other things": mixed(cut=12_000, made=0),
    "no average of the weights": lambda recipe: replace(recipe, averaging=0.0),
    "no dropout of words, no weight decay": lambda recipe: replace(
        recipe, word_dropout=0.0, weight_decay=0.0
    ),
}


def main(options: Options) -> None:
    recipe = replace(RECIPES["default"], epochs=1, mix=MIX)
    if options.dry_run:
        recipe = short(recipe)
    texts = Texts.gather(options)
    prepared = prepare(texts, recipe, options)
    rows = []
    for name, change in VARIANTS.items():
        print(f"{name}:", flush=True)
        model = trained(name, change(recipe), texts, prepared, options)
        rows.append([name, *map(percent, accuracies(model, prepared))])
    print(as_table(["", "reviews", "cut sentences", "written sentences"], rows))


def trained(
    name: str, recipe: Recipe, texts: Texts, prepared: Prepared, options: Options
) -> SentimentLSTM:
    """A model of one recipe, from the same seed as all others."""
    seed_everything(options.seed)
    model = start(prepared, texts.to_learn_from(recipe), recipe, options)
    seed_everything(options.seed)  # wherever making or reading the start has left it
    path = options.work_dir("sentiment") / f"{name.replace(' ', '-')}.pt"
    kept = Checkpoint(path, recipe, texts=prepared.corpus)
    device = pick_device(options.device)
    fit(model, prepared.lesson_of(recipe), prepared.validation, recipe, kept, device)
    return model


def accuracies(model: SentimentLSTM, prepared: Prepared) -> list[float]:
    """On the reviews, the cut and the written sentences of validation."""

    def right(texts: EncodedReviews) -> list[bool]:
        odds = predict(model, texts.ids, next(model.parameters()).device)
        return [*((odds > 0) == (texts.labels > 0))]

    kinds = {
        kind: right(encode(sentences, prepared.encoder))
        for kind, sentences in read_sentences("validation").items()
    }
    cut = kinds.pop(CUT)
    return [fmean(each) for each in (right(prepared.validation), cut, chain(*kinds.values()))]


def ablation_options() -> Options:
    """From the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add_run(parser)
    options = parser.parse_args()
    require_data(parser, options.data_dir)
    return Options(recipe="ablation", models_dir=WORK_DIR, epochs=None, **vars(options))


if __name__ == "__main__":
    run(main, ablation_options())
