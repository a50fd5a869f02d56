"""Word vectors to start a sentiment model from: trained by word2vec, or read from a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from gensim.models import Word2Vec
from tokenizers import Tokenizer

from training.checkpoint import Checkpoint

Vectors = npt.NDArray[np.float32]  # (vocabulary, dimensions)


@dataclass(frozen=True)
class Word2VecPlan:
    """How long, how large, and by what chance."""

    epochs: int
    dimensions: int
    seed: int


def kept_word2vec(
    texts: Sequence[str], tokenizer: Tokenizer, plan: Word2VecPlan, checkpoint: Checkpoint
) -> Vectors:
    """As `train_word2vec`, or what the checkpoint has of it."""
    if (state := checkpoint.load()) is None:
        print(f"word2vec: {plan.epochs} epochs over {len(texts):,} texts", flush=True)
        learnt = train_word2vec(texts, tokenizer, plan.dimensions, plan.epochs, plan.seed)
        checkpoint.save(vectors=torch.from_numpy(learnt))
        return learnt
    vectors: Vectors = state["vectors"].numpy()
    return vectors


def train_word2vec(
    texts: Iterable[str], tokenizer: Tokenizer, dimensions: int, epochs: int, seed: int
) -> Vectors:
    """Vectors of every word of `tokenizer`, learnt from `texts` (skip-gram with negative sampling,
    Mikolov et al., arXiv:1310.4546). One thread, so that a seed gives the same vectors again.
    """
    words = [tokenizer.encode(text, add_special_tokens=False).tokens for text in texts]
    model = Word2Vec(
        words,
        vector_size=dimensions,
        window=5,
        min_count=1,
        sg=1,
        negative=5,
        sample=1e-4,
        epochs=epochs,
        seed=seed,
        workers=1,
    )
    vectors = np.zeros((tokenizer.get_vocab_size(), dimensions), dtype=np.float32)
    for word, index in tokenizer.get_vocab().items():
        if word in model.wv:
            vectors[index] = model.wv[word]
    return _rescaled(vectors)


def read_glove(path: Path, tokenizer: Tokenizer, dimensions: int, seed: int) -> Vectors:
    """Vectors from a file in GloVe text format: a word and its numbers on each line.

    Words that the file lacks get small random vectors. Raises ValueError where a line has another
    number of dimensions.
    """
    vocabulary = tokenizer.get_vocab()
    shape = (tokenizer.get_vocab_size(), dimensions)
    vectors = np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            word, *values = line.rstrip("\n").split(" ")
            if word not in vocabulary:
                continue
            if len(values) != dimensions:
                raise ValueError(
                    f"{path}, line {number}: {len(values)} numbers where {dimensions} are needed"
                )
            vectors[vocabulary[word]] = np.array(values, dtype=np.float32)
    return _rescaled(vectors)


def _rescaled(vectors: Vectors) -> Vectors:
    """The same vectors with a standard deviation of 0.3: a common start whatever their source."""
    rescaled: Vectors = (vectors / vectors.std() * 0.3).astype(np.float32)
    return rescaled
