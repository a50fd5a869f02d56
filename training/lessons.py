"""What the mood model learns from: reviews with labels, reviews without that teachers label, and
short sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from service.contract.manifest import Accuracy, Baseline
from service.contract.text import TextEncoder
from training.batches import EncodedReviews, Ids, encode_texts, in_turn, joined
from training.cut_sentences import cut_sentences
from training.datasets import Labels, Reviews
from training.nbsvm import NgramModel, out_of_fold
from training.scores import Scored, fit_temperature

CLEAR = 0.8  # log-odds of a sentence that tells its mood
SURE = 0.3  # distance from even chances of the review that it is cut from
SENTENCE_ODDS = 3.0  # of the label of a sentence, which can be wrong

Odds = npt.NDArray[np.floating]
Teacher = Callable[[Sequence[Ids]], Odds]  # rows of ids -> log-odds of positive (n,)
Targets = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mix:
    """How many texts of each kind an epoch has, and how far to believe labels."""

    labelled: int
    unlabelled: int
    cut: int
    made: int
    true_label: float  # its weight beside what n-grams say of a review they were not fitted to
    written: int = 0


class Lessons:
    """The texts of every epoch. Those of a kind come in turns, so that none comes twice before all
    have come once.

    Labels are probabilities. Those of unlabelled reviews come from an ensemble: the n-gram model
    and, after the first epoch, the network itself as it has become (for what such an ensemble
    gains, see Mesnil et al., arXiv:1412.5335).
    """

    def __init__(
        self,
        train: EncodedReviews,
        validation: EncodedReviews,
        vocabulary_size: int,
        seed: int,
    ) -> None:
        self._train, self._validation, self._seed = train, validation, seed
        self._ngrams = NgramModel(train.ids, train.labels, vocabulary_size)
        unseen = out_of_fold(train.ids, train.labels, vocabulary_size, seed)
        self._temperature = fit_temperature(_scored(unseen, train.labels))
        self._hints = probabilities(unseen / self._temperature)
        self._unlabelled: list[Ids] = []
        self._cut = self._made = EncodedReviews([], np.zeros(0, np.float32))

    def add_unlabelled(self, texts: Sequence[str], encoder: TextEncoder) -> None:
        """Reviews without labels."""
        self._unlabelled += encode_texts(texts, encoder)

    def add_cut(self, texts: Sequence[str], encoder: TextEncoder) -> None:
        """Sentences of `texts`, which are the labelled and then the unlabelled reviews: those that
        the n-gram model finds as clearly of the same mood as their review, half of them positive.
        """
        sentences, owners = cut_sentences(texts, self._seed)
        rows = encode_texts(sentences, encoder)
        hints = self._hinted(self._unlabelled)
        reviews = np.concatenate([self._train.labels, hints])[owners]
        odds = self._ngrams.log_odds(rows) / self._temperature
        agree = (odds > 0) == (reviews > 0.5)
        clear = agree & (abs(odds) > CLEAR) & (abs(reviews - 0.5) > SURE)
        rng = np.random.default_rng(self._seed)
        sides = [rng.permutation(np.flatnonzero(clear & side)) for side in (odds > 0, odds < 0)]
        chosen = np.concatenate([side[: min(map(len, sides))] for side in sides])
        self._cut = _sentences([rows[i] for i in chosen], odds[chosen] > 0)

    def add_made(self, sentences: Reviews, encoder: TextEncoder) -> None:
        """Sentences that have labels."""
        self._made = _sentences(encode_texts(sentences.texts, encoder), sentences.labels > 0)

    def add_written(self, sentences: Reviews, encoder: TextEncoder) -> None:
        """As `add_made`; these were written one by one."""
        self._written = _sentences(encode_texts(sentences.texts, encoder), sentences.labels > 0)

    def of_epoch(self, mix: Mix, number: int, teacher: Teacher | None) -> EncodedReviews:
        """The texts of epoch `number`, from 1; `teacher` is the network so far."""

        def turn(reviews: EncodedReviews, count: int) -> EncodedReviews:
            size = len(reviews.ids)
            return reviews.take(in_turn(size, min(count, size), number, self._seed))

        targets = mix.true_label * self._train.labels + (1 - mix.true_label) * self._hints
        rows = self._unlabelled
        unlabelled = turn(EncodedReviews(rows, np.zeros(len(rows))), mix.unlabelled).ids
        return joined(
            turn(EncodedReviews(self._train.ids, targets), mix.labelled),
            EncodedReviews(unlabelled, self._told(unlabelled, teacher)),
            turn(self._cut, mix.cut),
            turn(self._made, mix.made),
            turn(self._written, mix.written),
        )

    def baseline(self, test: EncodedReviews) -> Baseline:
        """How good the n-gram model is by itself."""

        def accuracy(part: EncodedReviews) -> Accuracy:
            return _scored(self._ngrams.log_odds(part.ids), part.labels).accuracy()

        return Baseline(
            method="a linear model of n-grams, NB-SVM",
            validation=accuracy(self._validation),
            test=accuracy(test),
        )

    def _told(self, rows: Sequence[Ids], teacher: Teacher | None) -> Targets:
        if not rows:
            return np.zeros(0, np.float32)
        return self._taught(rows, teacher) if teacher else self._hinted(rows)

    def _hinted(self, rows: Sequence[Ids]) -> Targets:
        return probabilities(self._ngrams.log_odds(rows) / self._temperature)

    def _taught(self, rows: Sequence[Ids], teacher: Teacher) -> Targets:
        """What both teachers say together, weighed as suits validation."""

        def odds(rows: Sequence[Ids]) -> Odds:
            return np.stack([self._ngrams.log_odds(rows), teacher(rows)], axis=1)

        ensemble = LogisticRegression(C=np.inf)
        ensemble.fit(odds(self._validation.ids), self._validation.labels)
        taught: Targets = ensemble.predict_proba(odds(rows))[:, 1].astype(np.float32)
        return taught


def probabilities(log_odds: Odds) -> Targets:
    """Of positive."""
    positive: Targets = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return positive


def _sentences(rows: list[Ids], positive: npt.NDArray[np.bool_]) -> EncodedReviews:
    return EncodedReviews(rows, probabilities(np.where(positive, SENTENCE_ODDS, -SENTENCE_ODDS)))


def _scored(log_odds: Odds, labels: Labels) -> Scored:
    return Scored(log_odds[:, None].astype(np.float32), labels)
