"""Texts made ready for the mood model: the words that it knows, and lessons made of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tokenizers import Tokenizer

from service.contract.manifest import Baseline, sha256
from service.contract.text import TextEncoder
from training.batches import EncodedReviews, encode
from training.checkpoint import Checkpoint
from training.datasets import Reviews, Splits, load_reviews, load_unlabelled
from training.export import TOKENIZER
from training.lessons import Lessons
from training.made_sentences import made_sentences
from training.nbsvm import Hints
from training.options import Options
from training.progress import progress
from training.sentiment_fitting import Lesson, only
from training.sentiment_recipes import Recipe
from training.vocabulary import build_tokenizer
from training.written_sentences import written_sentences

FEW = 200  # texts of each kind for a dry run
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

    def hash(self) -> str:
        """Of all texts and labels."""
        digest = hashlib.sha256()
        data = self.data
        for part in (data.train, data.validation, data.test, self.made, self.written):
            digest.update(json.dumps([part.texts, part.labels.tolist()]).encode())
        digest.update(json.dumps(self.unlabelled).encode())
        return digest.hexdigest()

    def to_learn_from(self, recipe: Recipe) -> Sequence[str]:
        """Labels left aside."""
        train = self.data.train.texts
        if not recipe.mix:
            return train
        return [*train, *self.unlabelled, *self.made.texts, *self.written.texts]


@dataclass(frozen=True)
class Plan:
    """What shapes it, beside the texts."""

    vocabulary: int
    max_tokens: int
    mixed: bool
    seed: int


@dataclass(frozen=True)
class Prepared:
    """Texts as ids of words; lessons, and what n-grams alone make of the data, where the recipe has
    a mix."""

    tokenizer: Tokenizer
    max_tokens: int
    train: EncodedReviews
    validation: EncodedReviews
    lessons: Lessons | None
    baseline: Baseline | None
    corpus: str  # hash of words and texts to learn from: others must not resume the run

    @property
    def encoder(self) -> TextEncoder:
        """Cuts texts into these words."""
        return TextEncoder(self.tokenizer, self.max_tokens)

    def lesson_of(self, recipe: Recipe) -> Lesson:
        """The texts of each epoch."""
        if self.lessons is None or recipe.mix is None:
            return only(self.train)
        return partial(self.lessons.of_epoch, recipe.mix)


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
    lessons = baseline = None
    if recipe.mix:
        print("n-grams: fitting the linear model, which teaches", flush=True)
        hints = Hints(train, tokenizer.get_vocab_size(), options.seed)
        lessons = Lessons(train, validation, hints, options.seed)
        lessons.add_unlabelled(texts.unlabelled, encoder, hints)
        lessons.add_cut(texts.data.train.texts + texts.unlabelled, encoder, hints)
        lessons.add_made(texts.made, encoder)
        lessons.add_written(texts.written, encoder)
        baseline = Baseline(
            method="a linear model of n-grams, NB-SVM",
            validation=hints.accuracy(validation),
            test=hints.accuracy(encode(texts.data.test, encoder)),
        )
    corpus_hash = hash_of(tokenizer, corpus)
    return Prepared(tokenizer, recipe.max_tokens, train, validation, lessons, baseline, corpus_hash)


def kept_prepared(texts: Texts, recipe: Recipe, options: Options) -> Prepared:
    """As `prepare`, or what was kept of it when it was made of the same."""
    plan = Plan(recipe.vocabulary, recipe.max_tokens, recipe.mix is not None, options.seed)
    words = options.start_from and sha256(options.start_from / TOKENIZER)
    path = options.work_dir("sentiment") / "prepared.pt"
    kept = Checkpoint(path, plan, texts=texts.hash(), words=words)
    if (state := kept.load()) is not None:
        prepared: Prepared = state["prepared"]
        return prepared
    prepared = prepare(texts, recipe, options)
    kept.save(prepared=prepared)
    return prepared


def hash_of(tokenizer: Tokenizer, corpus: Sequence[str]) -> str:
    """Of words and texts."""
    digest = hashlib.sha256(tokenizer.to_str().encode())
    for text in corpus:
        digest.update(text.encode())
    return digest.hexdigest()
