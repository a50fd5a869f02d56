"""Text to token ids: the one place where training and serving cut a text into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

VERSION = 1
"""Rises with every change here that can change an answer; a manifest names the one it needs."""

Item = TypeVar("Item")

PADDING, UNKNOWN = "[PAD]", "[UNK]"

CHARACTERS_PER_TOKEN = 32
"""A text is cut to this many characters per readable token before it is tokenised, which bounds
time and memory. English needs about 5.5, so only a text far beyond the limit is affected."""


# What the normalizer and the pattern of tokenizer.json come to for ASCII.
LINE_BREAK = re.compile(r"<br[\t-\r ]*/?>")
PLAIN_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*|[!?]")


@dataclass(frozen=True, slots=True)
class EncodedText:
    """What the model reads of one text. `offsets` are code points of the text as sent, one pair for
    each word read, where they were asked for."""

    ids: npt.NDArray[np.int64]  # (tokens,), at least one
    offsets: list[tuple[int, int]]
    tokens: int  # words read; 0 for a text without any
    truncated: bool
    unknown_fraction: float


class _Ids(dict[str, int]):
    """Ids of words; any other word has that of the unknown one."""

    def __init__(self, vocabulary: dict[str, int], unknown: int) -> None:
        super().__init__(vocabulary)
        self._unknown = unknown

    def __missing__(self, word: str) -> int:
        return self._unknown


class TextEncoder:
    """A tokenizer artifact and the limit of one model; ValueError where it is none of ours."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        tokenizer.encode_special_tokens = True  # "[PAD]" in a text is a word like any other
        self._tokenizer = tokenizer
        unknown = tokenizer.token_to_id(UNKNOWN)
        if unknown is None:
            raise ValueError(f"the tokenizer has no {UNKNOWN}")
        self._unknown = unknown
        self._ids = _Ids(tokenizer.get_vocab(), unknown)
        self.max_tokens = max_tokens

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> TextEncoder:
        """Read `tokenizer.json`; raises an Exception of the tokenizers library if it is not one."""
        return cls(Tokenizer.from_file(str(path)), max_tokens)

    @property
    def vocabulary_size(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str, *, with_offsets: bool = False) -> EncodedText:
        """Cut into words; beyond `max_tokens` keep as much of the head as of the tail.

        A text without a word becomes one unknown token, since no model reads nothing.
        """
        head, tail_start = _readable(text, self.max_tokens * CHARACTERS_PER_TOKEN)
        parts = [(0, head)] if tail_start == head else [(0, head), (tail_start, len(text))]
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for start, end in parts:
            part = text[start:end]
            if part.isascii() and not with_offsets:
                ids += self._plain_words(part)
                continue
            encoding = self._tokenizer.encode(part, add_special_tokens=False)
            ids += encoding.ids
            if with_offsets:
                whole = _with_marks(part, encoding.offsets)
                offsets += [(a + start, b + start) for a, b in whole]
        truncated = len(parts) > 1 or len(ids) > self.max_tokens
        if len(ids) > self.max_tokens:
            ids = _head_and_tail(ids, self.max_tokens)
            offsets = _head_and_tail(offsets, self.max_tokens) if with_offsets else offsets
        words = len(ids)
        unknown = ids.count(self._unknown)
        return EncodedText(
            ids=np.array(ids or [self._unknown], dtype=np.int64),
            offsets=offsets,
            tokens=words,
            truncated=truncated,
            unknown_fraction=unknown / words if words else 0.0,
        )

    def _plain_words(self, text: str) -> list[int]:
        """What the tokenizer gives for ASCII, in a tenth of its time."""
        if "<br" in text:
            text = LINE_BREAK.sub(" ", text)
        return list(map(self._ids.__getitem__, PLAIN_WORD.findall(text.lower())))


def pad(rows: Sequence[npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.integer]]:
    """Rows of ids as the graph takes them: `ids` int64 (b, t), `lengths` int32 (b,)."""
    lengths = np.array([len(row) for row in rows], dtype=np.int32)
    ids = np.zeros((len(rows), lengths.max()), dtype=np.int64)
    for row, target in zip(rows, ids, strict=True):
        target[: len(row)] = row
    return {"ids": ids, "lengths": lengths}


def _with_marks(text: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same words with the combining marks behind them, which normalisation has taken into
    their last letter."""
    whole, limit = [], len(text)
    for start, end in reversed(offsets):
        while end < limit and unicodedata.category(text[end]).startswith("M"):
            end += 1
        whole.append((start, end))
        limit = start
    return whole[::-1]


def _readable(text: str, limit: int) -> tuple[int, int]:
    """End of the head and start of the tail to read; equal where the whole text is read."""
    if len(text) <= limit:
        return len(text), len(text)
    return limit // 2, len(text) - limit // 2


def _head_and_tail(items: list[Item], limit: int) -> list[Item]:
    return items[: limit - limit // 2] + items[len(items) - limit // 2 :]
