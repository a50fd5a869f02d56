"""The linear baseline, which also teaches: words, pairs and triples of words, weighed by NB-SVM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from service.contract.manifest import Accuracy
from training.batches import EncodedReviews, Ids
from training.datasets import Labels
from training.scores import Scored, fit_temperature

LogOdds = npt.NDArray[np.float64]

LONGEST = 3  # words of an n-gram
SEEN = 2  # reviews that have an n-gram, at least, for it to count
FOLDS = 5


class NgramModel:
    """Log-odds that a text is positive, a sum over the n-grams that it has.

    S. Wang and C. Manning, Baselines and Bigrams, ACL 2012: presence of an n-gram, scaled by its
    naive Bayes log-count ratio; with the logistic loss in place of the hinge, which gives log-odds.
    """

    def __init__(self, rows: Sequence[Ids], labels: Labels, vocabulary_size: int) -> None:
        """Fit to rows of word ids below `vocabulary_size`."""
        self._vocabulary_size = vocabulary_size
        ngrams = [self._ngrams(row) for row in rows]
        keys, counts = np.unique(np.concatenate(ngrams), return_counts=True)
        self._keys = keys[counts >= SEEN]
        present = self._present(ngrams)
        positive, negative = (1.0 + present[labels == side].sum(axis=0) for side in (1, 0))
        ratios = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
        linear = LogisticRegression(solver="liblinear", dual=True, max_iter=500, random_state=0)
        linear.fit(present.multiply(ratios).tocsr(), labels)
        self._weights = linear.coef_[0] * ratios
        self._bias = float(linear.intercept_[0])

    def log_odds(self, rows: Sequence[Ids]) -> LogOdds:
        """Of each row (n,)."""
        present = self._present([self._ngrams(row) for row in rows])
        odds: LogOdds = present @ self._weights + self._bias
        return odds

    def _ngrams(self, row: Ids) -> Ids:
        """A number for each different n-gram of a row, a larger one for a longer n-gram, since no
        word has the id 0."""
        keys, found = row, []
        for length in range(1, LONGEST + 1):
            found.append(keys)
            keys = keys[:-1] * self._vocabulary_size + row[length:]
        return np.unique(np.concatenate(found))

    def _present(self, ngrams: Sequence[Ids]) -> csr_array:
        """1 for each known n-gram of each row (rows, n-grams)."""
        keys = np.concatenate(ngrams)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[places] == keys
        owners = np.repeat(np.arange(len(ngrams)), [len(each) for each in ngrams])[known]
        ends = np.searchsorted(owners, np.arange(len(ngrams) + 1)).astype(np.int32)
        columns = places[known].astype(np.int32)  # liblinear takes no larger numbers
        return csr_array((np.ones(len(columns)), columns, ends), (len(ngrams), len(self._keys)))


def out_of_fold(rows: Sequence[Ids], labels: Labels, vocabulary_size: int, seed: int) -> LogOdds:
    """What models say (n,) of rows that they were not fitted to."""
    folds = np.random.default_rng(seed).integers(FOLDS, size=len(rows))
    odds = np.zeros(len(rows))
    for fold in range(FOLDS):
        inside = np.flatnonzero(folds != fold)
        outside = np.flatnonzero(folds == fold)
        model = NgramModel([rows[int(i)] for i in inside], labels[inside], vocabulary_size)
        odds[outside] = model.log_odds([rows[int(i)] for i in outside])
    return odds


class Hints:
    """What the n-grams of a text say of its mood, in calibrated log-odds."""

    def __init__(self, train: EncodedReviews, vocabulary_size: int, seed: int) -> None:
        """Fit to `train`; `of_train` (n,) is told by models that were not fitted to the review."""
        self._model = NgramModel(train.ids, train.labels, vocabulary_size)
        unseen = out_of_fold(train.ids, train.labels, vocabulary_size, seed)
        self._temperature = fit_temperature(_scored(unseen, train.labels))
        self.of_train: LogOdds = unseen / self._temperature

    def log_odds(self, rows: Sequence[Ids]) -> LogOdds:
        """Of each row (n,)."""
        return self._model.log_odds(rows) / self._temperature

    def accuracy(self, part: EncodedReviews) -> Accuracy:
        """How good they are by themselves."""
        return _scored(self.log_odds(part.ids), part.labels).accuracy()


def _scored(log_odds: LogOdds, labels: Labels) -> Scored:
    return Scored(log_odds[:, None].astype(np.float32), labels)
