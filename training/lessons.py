"""What the mood model learns from: reviews with labels, reviews without that teachers label, and
short sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from service.contract.text import TextEncoder
from training.batches import EncodedReviews, Ids, encode_texts, in_turn, joined
from training.cut_sentences import cut_sentences
from training.datasets import Reviews
from training.nbsvm import Hints

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

    Labels are probabilities. Those of unlabelled reviews come from an ensemble: the n-grams and,
    after the first epoch, the network itself as it has become (for what such an ensemble gains, see
    Mesnil et al., arXiv:1412.5335).
    """

    def __init__(
        self, train: EncodedReviews, validation: EncodedReviews, hints: Hints, seed: int
    ) -> None:
        self._train, self._validation, self._seed = train, validation, seed
        self._hints = probabilities(hints.of_train)
        self._validation_odds = hints.log_odds(validation.ids)
        self._unlabelled_odds: Odds = np.zeros(0)
        nothing = EncodedReviews([], np.zeros(0, np.float32))
        self._unlabelled = self._cut = self._made = self._written = nothing

    def add_unlabelled(self, texts: Sequence[str], encoder: TextEncoder, hints: Hints) -> None:
        """Reviews without labels."""
        rows = encode_texts(texts, encoder)
        self._unlabelled_odds = hints.log_odds(rows)
        self._unlabelled = EncodedReviews(rows, probabilities(self._unlabelled_odds))

    def add_cut(self, texts: Sequence[str], encoder: TextEncoder, hints: Hints) -> None:
        """Sentences of `texts`, which are the labelled and then the unlabelled reviews: those that
        the n-grams find as clearly of the same mood as their review, half of them positive.
        """
        sentences, owners = cut_sentences(texts, self._seed)
        rows = encode_texts(sentences, encoder)
        reviews = np.concatenate([self._train.labels, self._unlabelled.labels])[owners]
        odds = hints.log_odds(rows)
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

    def reviews(self) -> list[Ids]:
        """All of them, to learn the language from."""
        return self._train.ids + self._unlabelled.ids

    def of_epoch(self, mix: Mix, number: int, teacher: Teacher | None) -> EncodedReviews:
        """The texts of epoch `number`, from 1; `teacher` is the network so far."""

        def turn(reviews: EncodedReviews, count: int) -> Ids:
            size = len(reviews.ids)
            return in_turn(size, min(count, size), number, self._seed)

        targets = mix.true_label * self._train.labels + (1 - mix.true_label) * self._hints
        return joined(
            EncodedReviews(self._train.ids, targets).take(turn(self._train, mix.labelled)),
            self._told(turn(self._unlabelled, mix.unlabelled), teacher),
            self._cut.take(turn(self._cut, mix.cut)),
            self._made.take(turn(self._made, mix.made)),
            self._written.take(turn(self._written, mix.written)),
        )

    def _told(self, index: Ids, teacher: Teacher | None) -> EncodedReviews:
        """Unlabelled reviews as both teachers label them together, weighed as suits validation."""
        chosen = self._unlabelled.take(index)
        if teacher is None or not len(index):
            return chosen
        ensemble = LogisticRegression(C=np.inf)
        both = [self._validation_odds, teacher(self._validation.ids)]
        ensemble.fit(np.stack(both, axis=1), self._validation.labels)
        both = [self._unlabelled_odds[index], teacher(chosen.ids)]
        told = ensemble.predict_proba(np.stack(both, axis=1))[:, 1]
        return EncodedReviews(chosen.ids, told.astype(np.float32))


def probabilities(log_odds: Odds) -> Targets:
    """Of positive."""
    positive: Targets = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return positive


def _sentences(rows: list[Ids], positive: npt.NDArray[np.bool_]) -> EncodedReviews:
    return EncodedReviews(rows, probabilities(np.where(positive, SENTENCE_ODDS, -SENTENCE_ODDS)))
