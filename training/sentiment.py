"""Train the sentiment model: python -m training.sentiment [--recipe reference] [--help]."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

import onnx
import torch
from tokenizers import Tokenizer

from training.checkpoint import Checkpoint
from training.compute import pick_device, seed_everything
from training.datasets import data_hashes
from training.export import MODEL, Origin, publish
from training.graphs import sentiment_graph, trained_weights
from training.int8_lstm import quantize_lstm
from training.lstm import SentimentLSTM
from training.options import Options, parse_options, run
from training.pretraining import pretrain
from training.progress import Epoch
from training.sentiment_assessment import compared_with_torch, sentiment_release
from training.sentiment_fitting import fit
from training.sentiment_preparing import Prepared, Texts, hash_of, kept_prepared
from training.sentiment_recipes import RECIPES, Recipe
from training.vectors import Word2VecPlan, kept_word2vec, read_glove

FEW_READ = 64  # reviews that an epoch of a dry run reads: the network takes its time


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    if options.dry_run:
        recipe = short(recipe)
    seed_everything(options.seed)
    texts = Texts.gather(options)
    prepared = kept_prepared(texts, recipe, options)
    seed_everything(options.seed)  # wherever making or reading the above has left it
    model = start(prepared, texts.to_learn_from(recipe), recipe, options)
    kept = Checkpoint(options.work_dir("sentiment") / "last.pt", recipe, texts=prepared.corpus)
    lesson_of, device = prepared.lesson_of(recipe), pick_device(options.device)
    history = fit(model, lesson_of, prepared.validation, recipe, kept, device)
    publish_model(model, history, prepared, texts, recipe, options)
    shutil.rmtree(options.work_dir("sentiment"))  # what is published is not resumed


def short(recipe: Recipe) -> Recipe:
    """With epochs of as few long texts as a dry run takes."""
    mix, plan = recipe.mix, recipe.pretraining
    return replace(
        recipe,
        pretraining=plan and replace(plan, epochs=1, reviews=FEW_READ),
        mix=mix
        and replace(
            mix,
            labelled=min(mix.labelled, FEW_READ),
            unlabelled=min(mix.unlabelled, FEW_READ),
        ),
    )


def start(
    prepared: Prepared, corpus: Sequence[str], recipe: Recipe, options: Options
) -> SentimentLSTM:
    """The network before it is shown any label, though it has read all reviews where the recipe
    says so."""
    model = embedded(prepared.tokenizer, corpus, recipe, options)
    if recipe.pretraining:
        path = options.work_dir("sentiment") / "pretrained.pt"
        kept = Checkpoint(path, recipe.pretraining, dropout=recipe.dropout, texts=prepared.corpus)
        lessons, device = prepared.lessons, pick_device(options.device)
        rows = lessons.reviews() if lessons else prepared.train.ids
        pretrain(model, rows, recipe.pretraining, kept, device, options.seed)
    return model


def embedded(
    tokenizer: Tokenizer, corpus: Sequence[str], recipe: Recipe, options: Options
) -> SentimentLSTM:
    """The network with the weights of a published version, or with word vectors of `corpus` or from
    the file that was named, where there are any."""
    model = SentimentLSTM(
        tokenizer.get_vocab_size(),
        recipe.embedding,
        dropout=recipe.dropout,
        embedding_dropout=recipe.embedding_dropout,
    )
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


def publish_model(
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
    flat = asdict(recipe)
    for part in ("pretraining", "mix"):
        flat |= {f"{part}_{name}": value for name, value in (flat.pop(part) or {}).items()}
    if options.vectors:
        flat["vectors"] = options.vectors.name
    if options.start_from:
        flat["start_from"] = f"sentiment/{options.start_from.name}"
    return flat


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES, starts=True))
