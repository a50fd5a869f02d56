"""The recipes of the mood model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from training.lessons import Mix
from training.pretraining import Pretraining


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the result, besides data and seed."""

    epochs: int
    learning_rate: float
    annealed: bool  # one cycle of the learning rate, ending at zero; else constant
    averaging: float  # decay of the moving average of the weights; 0 keeps the last ones
    weight_decay: float
    word_dropout: float  # share of words read as unknown while training
    embedding_dropout: float
    dropout: float
    word2vec_epochs: int  # over all texts to learn from; 0 starts from random vectors
    pretraining: Pretraining | None
    mix: Mix | None  # of an epoch; None for all labelled reviews and nothing else
    vocabulary: int
    train_tokens: int  # longer reviews keep head and tail while training
    batch_size: int = 64
    embedding: int = 100
    max_tokens: int = 1024  # what the served model reads


DEFAULT = Recipe(
    epochs=6,
    learning_rate=1e-3,
    annealed=True,
    averaging=0.998,
    weight_decay=1e-2,
    word_dropout=0.1,
    embedding_dropout=0.2,
    dropout=0.3,
    word2vec_epochs=3,
    pretraining=Pretraining(epochs=6, reviews=24_000, tokens=256, learning_rate=2e-3),
    mix=Mix(labelled=11_200, unlabelled=12_400, cut=12_000, made=12_000, true_label=0.7),
    vocabulary=30_000,
    train_tokens=256,
)

RECIPES = {
    "default": DEFAULT,
    # What goes on from a published version, with --start-from.
    "refined": replace(
        DEFAULT,
        epochs=4,
        learning_rate=5e-4,
        word2vec_epochs=0,
        pretraining=None,
        mix=Mix(
            labelled=5_000,
            unlabelled=5_000,
            cut=4_000,
            made=4_000,
            written=20_000,
            true_label=0.7,
        ),
    ),
    "reference": Recipe(
        epochs=5,
        learning_rate=1e-3,
        annealed=False,
        averaging=0.0,
        weight_decay=0.0,
        word_dropout=0.0,
        embedding_dropout=0.5,
        dropout=0.5,
        word2vec_epochs=0,
        pretraining=None,
        mix=None,
        vocabulary=10_000,
        train_tokens=320,
    ),
}
