"""Text to token ids: the one place where training and serving cut a text into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product, repeat
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

VERSION = 2
"""Rises with every change here that can change an answer; a manifest names the one it needs."""

Items = TypeVar("Items", list[int], list[tuple[int, int]], npt.NDArray[np.int64])

PADDING, UNKNOWN = "[PAD]", "[UNK]"

CHARACTERS_PER_TOKEN = 32
"""A text is cut to this many characters per readable token before it is tokenised, which bounds
time and memory. English needs about 5.5, so only a text far beyond the limit is affected."""


# What the normalizer and the pattern of tokenizer.json come to for ASCII.
INVISIBLE = dict.fromkeys([*range(0x09), *range(0x0E, 0x1C), 0x7F])
TAG = re.compile(
    r"</?(?:br|p|div|span|i|b|u|em|strong|ul|ol|li|a|h[1-6]|hr)"
    r"(?:[\t-\r ]+[a-z:-]+[\t-\r ]*=[^<>]{0,200})?[\t-\r ]*/?>",
    re.IGNORECASE,
)
APOSTROPHE = re.compile(r"&(?:#39|#x27|apos);|`", re.IGNORECASE)
ENTITY = re.compile(r"&(?:amp|quot|nbsp|lt|gt|#\d{1,6});", re.IGNORECASE)
PLAIN_WORD = re.compile(
    r"[a-z0-9]+(?:'[a-z]+)*|!+|\?+|[:;=]['-]?(?:[()\[\]]|[dp/|*](?![a-z0-9/]))|</?3(?![0-9])"
)

DRAWN_OUT = re.compile(r"([^\W\d_]|[!?])\1\1+")  # a letter or sign three times and more
RUNS = 3  # of drawn out letters in a word, which are read twice or once; any further ones once


@dataclass(frozen=True, slots=True)
class EncodedText:
    """What the model reads of one text. `offsets` are code points of the text as sent, one pair for
    each word read, where they were asked for."""

    ids: npt.NDArray[np.int64]  # (tokens,), at least one
    offsets: list[tuple[int, int]]
    tokens: int  # words and signs read
    truncated: bool
    unknown_fraction: float
    wordless: bool  # whether it holds nothing, or only ! and ?


def drawn_out(word: str) -> bool:
    """Whether a letter or sign stands three times in a row, as in "sooo" and "!!!"."""
    return DRAWN_OUT.search(word) is not None


class _Ids(dict[str, int]):
    """Ids of words. One that is drawn out is read with each such letter twice, or once; any other
    word has the id of the unknown one."""

    def __init__(self, vocabulary: dict[str, int], unknown: int) -> None:
        super().__init__(vocabulary)
        self._unknown = unknown

    def __missing__(self, word: str) -> int:
        runs = len(DRAWN_OUT.findall(word))
        for times in product((2, 1), repeat=min(runs, RUNS)) if runs else ():
            if (shorter := _shortened(word, chain(times, repeat(1)))) in self:
                return self[shorter]
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
        self._signs = {number for word, number in self._ids.items() if set(word) <= {"!", "?"}}
        self.max_tokens = max_tokens

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> TextEncoder:
        """Read `tokenizer.json`; raises an Exception of the tokenizers library if it is not one."""
        return cls.parse(path.read_bytes(), max_tokens)

    @classmethod
    def parse(cls, content: bytes, max_tokens: int) -> TextEncoder:
        """As `load`, for what the file holds."""
        return cls(Tokenizer.from_buffer(content), max_tokens)

    @property
    def vocabulary_size(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str, *, with_offsets: bool = False) -> EncodedText:
        """Cut into words; beyond `max_tokens` keep as much of the head as of the tail.

        A text without a word becomes one unknown token, since no model reads nothing.
        """
        head_end, tail_start = _readable(text, self.max_tokens * CHARACTERS_PER_TOKEN)
        parts = [(0, head_end)]
        if tail_start > head_end:
            parts.append((tail_start, len(text)))
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        plain = text.isascii() and (not with_offsets or _stays_in_place(text))
        for start, end in parts:
            part = text[start:end]
            if plain and with_offsets:
                found = [word.span() for word in PLAIN_WORD.finditer(part.lower())]
                ids += [self._ids[part[a:b].lower()] for a, b in found]
                offsets += [(a + start, b + start) for a, b in found]
            elif plain:
                ids += self._plain_words(part)
            else:
                encoding = self._tokenizer.encode(part, add_special_tokens=False)
                ids += encoding.ids
                found = _with_marks(part, encoding.offsets)
                offsets += [(a + start, b + start) for a, b in found]
        truncated = len(parts) > 1 or len(ids) > self.max_tokens
        if len(ids) > self.max_tokens:
            head, tail = ends(ids, self.max_tokens)
            first, last = ends(offsets, self.max_tokens)
            ids, offsets = head + tail, first + last
        if not plain:
            ids = [
                self._ids[self._normalized(text[start:end])] if number == self._unknown else number
                for number, (start, end) in zip(ids, offsets, strict=True)
            ]
        words = len(ids)
        unknown = ids.count(self._unknown)
        return EncodedText(
            ids=np.array(ids or [self._unknown], dtype=np.int64),
            offsets=offsets if with_offsets else [],
            tokens=words,
            truncated=truncated,
            unknown_fraction=unknown / words if words else 0.0,
            wordless=self._signs.issuperset(ids),
        )

    def _plain_words(self, text: str) -> list[int]:
        """What the tokenizer gives for ASCII, in a tenth of its time."""
        if not text.isprintable():
            text = text.translate(INVISIBLE)
        if "<" in text:
            text = TAG.sub(" ", text)
        if "&" in text or "`" in text:
            text = ENTITY.sub(" ", APOSTROPHE.sub("'", text))
        return list(map(self._ids.__getitem__, PLAIN_WORD.findall(text.lower())))

    def _normalized(self, word: str) -> str:
        normalized: str = self._tokenizer.normalizer.normalize_str(word)
        return normalized


def phrase(ids: Sequence[int]) -> EncodedText:
    """Words that have been read, as a text of their own."""
    return EncodedText(
        ids=np.array(ids, dtype=np.int64),
        offsets=[],
        tokens=len(ids),
        truncated=False,
        unknown_fraction=0.0,
        wordless=False,
    )


def pad(rows: Sequence[npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.integer]]:
    """Rows of ids as the graph takes them: `ids` int64 (b, t), `lengths` int32 (b,)."""
    lengths = np.array([len(row) for row in rows], dtype=np.int32)
    ids = np.zeros((len(rows), lengths.max()), dtype=np.int64)
    for row, target in zip(rows, ids, strict=True):
        target[: len(row)] = row
    return {"ids": ids, "lengths": lengths}


def _stays_in_place(text: str) -> bool:
    """Whether `_plain_words` would take nothing out of the text before it looks for words."""
    return not any(sign in text for sign in "<&`") and text.translate(INVISIBLE) == text


def _shortened(word: str, times: Iterator[int]) -> str:
    """A word with each drawn out letter so many times."""
    return DRAWN_OUT.sub(lambda run: run[1] * next(times), word)


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


def ends(items: Items, limit: int) -> tuple[Items, Items]:
    """As much of the head as of the tail, `limit` items together; everything and nothing where
    there are no more than that."""
    if len(items) <= limit:
        return items, items[:0]
    return items[: limit - limit // 2], items[len(items) - limit // 2 :]
