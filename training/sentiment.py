"""Train the sentiment model: python -m training.sentiment [--recipe reference] [--help]."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer

from service.contract.text import TextEncoder
from training.batches import EncodedReviews, encode, encode_texts
from training.checkpoint import Checkpoint
from training.compute import pick_device, seed_everything
from training.datasets import Reviews, Splits, data_hashes, load_reviews, load_unlabelled
from training.export import MODEL, TOKENIZER, Origin, publish
from training.graphs import sentiment_graph, trained_weights
from training.int8_lstm import quantize_lstm
from training.lessons import Lessons
from training.lstm import SentimentLSTM
from training.made_sentences import made_sentences
from training.options import Options, parse_options, run
from training.pretraining import pretrain
from training.progress import progress
from training.sentiment_assessment import compared_with_torch, sentiment_release
from training.sentiment_fitting import Lesson, fit, only
from training.sentiment_recipes import RECIPES, Recipe
from training.vectors import Word2VecPlan, kept_word2vec, read_glove
from training.vocabulary import build_tokenizer
from training.written_sentences import written_sentences

FEW = 200  # texts of each kind for a dry run
FEW_READ = 64  # of which so many reviews are read in an epoch: the network takes its time
MADE = 96_000  # sentences made out of phrases, of which an epoch takes its share


@dataclass(frozen=True)
class Texts:
    """What a run may read."""

    data: Splits[Reviews]
    unlabelled: list[str]
    made: Reviews
    written: Reviews

    @classmethod
    def gather(cls, options: Options) -> Texts:
        """All of them, or a few for a dry run."""
        data = load_reviews(options.data_dir)
        unlabelled = load_unlabelled(options.data_dir, data)
        if not options.dry_run:
            made, written = made_sentences(MADE, options.seed), written_sentences(options.seed)
            return cls(data, unlabelled, made, written)
        data = Splits(*(part.sample(FEW) for part in (data.train, data.validation, data.test)))
        made, written = made_sentences(FEW, options.seed), written_sentences(options.seed)
        return cls(data, unlabelled[:FEW], made, written.take(np.arange(FEW)))

    def to_learn_from(self, recipe: Recipe) -> Sequence[str]:
        """Labels left aside."""
        train = self.data.train.texts
        if not recipe.mix:
            return train
        return [*train, *self.unlabelled, *self.made.texts, *self.written.texts]


@dataclass(frozen=True)
class Prepared:
    """Texts as ids of words; lessons where the recipe has a mix."""

    tokenizer: Tokenizer
    encoder: TextEncoder
    train: EncodedReviews
    validation: EncodedReviews
    lessons: Lessons | None
    texts: str  # hash of all that the run learns from: other texts must not resume it

    def lesson_of(self, recipe: Recipe) -> Lesson:
        """The texts of each epoch."""
        if self.lessons is None or recipe.mix is None:
            return only(self.train)
        return partial(self.lessons.of_epoch, recipe.mix)


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    if options.dry_run:
        recipe = short(recipe)
    seed_everything(options.seed)
    texts = Texts.gather(options)
    prepared = prepare(texts, recipe, options)
    folder, device = options.work_dir("sentiment"), pick_device(options.device)
    model = start(prepared, texts, recipe, options)
    kept = Checkpoint(folder / "last.pt", recipe, texts=prepared.texts)
    lesson_of = prepared.lesson_of(recipe)
    history = fit(model, lesson_of, prepared.validation, recipe, kept, device)
    graph, test = sentiment_graph(model.cpu()), texts.data.test
    origin = Origin(
        recipe={"name": options.recipe, **named(recipe, options)},
        seed=options.seed,
        data=data_hashes(options.data_dir / "imdb"),
        history=history,
        parity=compared_with_torch(graph, model, test, prepared.encoder),
    )
    lessons = prepared.lessons
    baseline = lessons.baseline(encode(test, prepared.encoder)) if lessons else None
    release = sentiment_release(
        graph,
        quantize_lstm(graph),
        prepared.tokenizer,
        recipe.max_tokens,
        texts.data,
        origin,
        baseline,
    )
    publish(release, options.models_dir)
    shutil.rmtree(folder)  # what is published is not resumed


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


def prepare(texts: Texts, recipe: Recipe, options: Options) -> Prepared:
    """Build the vocabulary or take that of the version to start from, and cut all texts into words
    of it."""
    corpus = texts.to_learn_from(recipe)
    if options.start_from:
        tokenizer = Tokenizer.from_file(str(options.start_from / TOKENIZER))
    else:
        tokenizer = build_tokenizer(progress(corpus, "vocabulary"), recipe.vocabulary)
    encoder = TextEncoder(tokenizer, recipe.max_tokens)
    train, validation = (
        encode(part, encoder) for part in (texts.data.train, texts.data.validation)
    )
    lessons = None
    if recipe.mix:
        print("n-grams: fitting the linear model, which teaches", flush=True)
        lessons = Lessons(train, validation, tokenizer.get_vocab_size(), options.seed)
        lessons.add_unlabelled(texts.unlabelled, encoder)
        lessons.add_cut(texts.data.train.texts + texts.unlabelled, encoder)
        lessons.add_made(texts.made, encoder)
        lessons.add_written(texts.written, encoder)
    return Prepared(tokenizer, encoder, train, validation, lessons, hash_of(tokenizer, corpus))


def start(prepared: Prepared, texts: Texts, recipe: Recipe, options: Options) -> SentimentLSTM:
    """The network before it is shown any label."""
    model = embedded(prepared.tokenizer, texts.to_learn_from(recipe), recipe, options)
    if recipe.pretraining:
        rows = prepared.train.ids + encode_texts(texts.unlabelled, prepared.encoder)
        path = options.work_dir("sentiment") / "pretrained.pt"
        kept = Checkpoint(path, recipe.pretraining, dropout=recipe.dropout, texts=prepared.texts)
        device = pick_device(options.device)
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


def hash_of(tokenizer: Tokenizer, corpus: Sequence[str]) -> str:
    """Of words and texts."""
    digest = hashlib.sha256(tokenizer.to_str().encode())
    for text in corpus:
        digest.update(text.encode())
    return digest.hexdigest()


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES, starts=True))
