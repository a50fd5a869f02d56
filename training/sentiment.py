"""Train the sentiment model: python -m training.sentiment [--recipe reference] [--help].

It goes step by step, and what is done is kept: texts are prepared, a teacher is taught, the network
is pretrained and fitted, and what became of it is measured and published. Where there are no data,
as on a GPU that is lent, what was prepared elsewhere is fitted.
"""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import onnx
import torch
from tokenizers import Tokenizer

from training.checkpoint import Checkpoint
from training.compute import pick_device, seed_everything
from training.datasets import data_hashes
from training.export import MODEL, Origin, publish
from training.graphs import sentiment_graph, trained_weights
from training.int8_lstm import quantize_lstm
from training.lessons import Lessons, Said
from training.lstm import SentimentLSTM, predict
from training.options import Options, parse_options, run
from training.pretraining import pretrain
from training.progress import Epoch
from training.sentiment_assessment import compared_with_torch, sentiment_release
from training.sentiment_fitting import fit
from training.sentiment_preparing import Prepared, Texts, hash_of, kept_prepared
from training.sentiment_recipes import RECIPES, Recipe
from training.vectors import Word2VecPlan, kept_word2vec, read_glove


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    if options.dry_run:
        recipe = short(recipe)
    seed_everything(options.seed)
    texts = Texts.gather(options) if options.data_dir.is_dir() else None
    if texts is None and recipe.word2vec_epochs:
        raise FileNotFoundError(errno.ENOENT, "", str(options.data_dir))
    prepared = kept_prepared(texts, recipe, options)
    if options.step == "prepare":
        return
    if recipe.teacher and prepared.lessons and options.step != "pretrain":
        prepared.lessons.heed(taught(recipe.teacher, prepared, prepared.lessons, options))
    if options.step == "teach":
        return
    seed_everything(options.seed)  # wherever making or reading the above has left it
    corpus = texts.to_learn_from(recipe) if texts else []
    model = start(prepared, corpus, recipe, options)
    if options.step == "pretrain":
        return
    history = fitted(model, prepared, recipe, options)
    if texts is None:
        print(f"Fitted. Where {options.data_dir} is, the same command measures and publishes it.")
    elif options.step != "fit":
        publish_fitted(model, history, prepared, texts, recipe, options)
        shutil.rmtree(options.work_dir("sentiment"))  # what is published is not resumed


def short(recipe: Recipe) -> Recipe:
    """With as little pretraining, and as small a teacher, as a dry run takes."""
    pretraining = recipe.pretraining and replace(recipe.pretraining, epochs=1)
    teacher = recipe.teacher and replace(short(recipe.teacher), epochs=1, hidden=16)
    return replace(recipe, pretraining=pretraining, teacher=teacher)


def taught(recipe: Recipe, prepared: Prepared, lessons: Lessons, options: Options) -> Said:
    """What a teacher says of the lessons, once it has learned from them by itself."""
    kept = Checkpoint(options.work_dir("sentiment") / "said.pt", recipe, texts=prepared.corpus)
    if (state := kept.load()) is None:
        print("the teacher:", flush=True)
        model = network(prepared.tokenizer, recipe)
        pretrained(model, prepared, recipe, options, "teacher-")
        fitted(model, prepared, recipe, options, "teacher-")
        tell = partial(predict, model, device=pick_device(options.device))
        state = {"said": lessons.ask(tell)}
        kept.save(**state)
    said: Said = state["said"]
    return said


def start(
    prepared: Prepared, corpus: Sequence[str], recipe: Recipe, options: Options
) -> SentimentLSTM:
    """The network before it is shown any label."""
    model = embedded(prepared.tokenizer, corpus, recipe, options)
    pretrained(model, prepared, recipe, options)
    return model


def network(tokenizer: Tokenizer, recipe: Recipe) -> SentimentLSTM:
    """One that knows nothing."""
    return SentimentLSTM(
        tokenizer.get_vocab_size(),
        recipe.embedding,
        recipe.hidden,
        dropout=recipe.dropout,
        embedding_dropout=recipe.embedding_dropout,
    )


def embedded(
    tokenizer: Tokenizer, corpus: Sequence[str], recipe: Recipe, options: Options
) -> SentimentLSTM:
    """The network with the weights of a published version, or with word vectors of `corpus` or from
    the file that was named, where there are any."""
    model = network(tokenizer, recipe)
    if options.start_from is not None:
        model.load_state_dict(trained_weights(onnx.load(options.start_from / MODEL)))
        return model
    if options.vectors is not None:
        try:
            vectors = read_glove(options.vectors, tokenizer, recipe.embedding, options.seed)
        except ValueError as error:
            sys.exit(str(error))
    elif recipe.word2vec_epochs:
        plan = Word2VecPlan(recipe.word2vec_epochs, recipe.embedding, options.seed)
        path = options.work_dir("sentiment") / "word2vec.pt"
        kept = Checkpoint(path, plan, texts=hash_of(tokenizer, corpus))
        vectors = kept_word2vec(corpus, tokenizer, plan, kept)
    else:
        return model
    model.embedding.weight.data.copy_(torch.from_numpy(vectors))
    return model


def pretrained(
    model: SentimentLSTM, prepared: Prepared, recipe: Recipe, options: Options, who: str = ""
) -> None:
    """Teach it the language of the reviews, in place, where the recipe says so."""
    if recipe.pretraining and prepared.lessons:
        kept = Checkpoint(
            options.work_dir("sentiment") / f"{who}pretrained.pt",
            recipe.pretraining,
            widths=(recipe.embedding, recipe.hidden),
            dropout=(recipe.embedding_dropout, recipe.dropout),
            texts=prepared.corpus,
        )
        rows, device = prepared.lessons.reviews(), pick_device(options.device)
        pretrain(model, rows, recipe.pretraining, kept, device, options.seed)


def fitted(
    model: SentimentLSTM, prepared: Prepared, recipe: Recipe, options: Options, who: str = ""
) -> list[Epoch]:
    """Fit the network to its lessons, in place."""
    path = options.work_dir("sentiment") / f"{who}last.pt"
    kept = Checkpoint(path, recipe, texts=prepared.corpus)
    lesson_of, device = prepared.lesson_of(recipe), pick_device(options.device)
    return fit(model, lesson_of, prepared.validation, recipe, kept, device)


def publish_fitted(
    model: SentimentLSTM,
    history: list[Epoch],
    prepared: Prepared,
    texts: Texts,
    recipe: Recipe,
    options: Options,
) -> None:
    """Measure the network and make it the next version."""
    graph = sentiment_graph(model.cpu())
    origin = Origin(
        recipe={"name": options.recipe, **named(recipe, options)},
        seed=options.seed,
        data=data_hashes(options.data_dir / "imdb"),
        history=history,
        parity=compared_with_torch(graph, model, texts.data.test, prepared.encoder),
    )
    release = sentiment_release(
        graph,
        quantize_lstm(graph),
        prepared.tokenizer,
        recipe.max_tokens,
        texts.data,
        origin,
        prepared.baseline,
    )
    publish(release, options.models_dir)


def named(recipe: Recipe, options: Options) -> dict[str, str | int | float | bool]:
    """The recipe as the card has it."""
    flat = flattened(asdict(recipe))
    if options.vectors:
        flat["vectors"] = options.vectors.name
    if options.start_from:
        flat["start_from"] = f"sentiment/{options.start_from.name}"
    return flat


def flattened(parts: dict[str, Any]) -> dict[str, str | int | float | bool]:
    """With the parts of a part named after it; without parts that are not there."""
    flat: dict[str, str | int | float | bool] = {}
    for name, part in parts.items():
        if isinstance(part, dict):
            flat |= {f"{name}_{inner}": value for inner, value in flattened(part).items()}
        elif part is not None:
            flat[name] = part
    return flat


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES, starts=True))
