"""Sentences as people type them: capitals or none, missing stops, slips of the finger."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

Spellings = dict[str, list[str]]  # a word or phrase, and how else people write it

EXCLAIMED, UNENDED = 0.25, 0.08  # of the sentences; the others end in a full stop
# Shares of the sentences that are so, each independent of the others.
MISSPELT = 0.15
SLIPPED = 0.08
STRETCHED = 0.07
WITHOUT_APOSTROPHES = 0.08
UNPUNCTUATED = 0.12
ALL_CAPITALS, NO_CAPITALS, ONE_WORD_LOUD = 0.08, 0.2, 0.04
REPEATED_MARK = 0.3  # of those that end in an exclamation or question mark

LONG_WORD = re.compile(r"[A-Za-z]{6,}")
STRESSED = re.compile(
    r"\b(so|no|not|love|loved|hate|hated|bad|good|great|really|very|never|way|best|worst|amazing"
    r"|awful|boring|perfect|terrible|awesome|nice|slow|fun|please|yes|ugh|meh|wow|lovely|cool)\b"
)
SENTENCE_START = re.compile(r'(^|[.!?] )("?)([a-z])')
MARKS = re.compile(r"(?<=\w)[.,;:!?]+(?=\s|$)")
VOWELS = re.compile(r"[aeiouy]")


def punctuated(text: str, rng: Random) -> str:
    """With a capital at the start of each sentence, and mostly a mark at the end."""
    text = SENTENCE_START.sub(lambda start: start[1] + start[2] + start[3].upper(), text)
    chance = rng.random()
    if not (text[-1].isalnum() or text[-1] == '"') or chance < UNENDED:
        return text
    return text + ("!" if chance < UNENDED + EXCLAIMED else ".")


def informally(text: str, spellings: Spellings, rng: Random) -> str:
    """The same words, often typed with less care."""
    if rng.random() < MISSPELT:
        text = _misspelt(text, spellings, rng)
    if rng.random() < SLIPPED:
        text = _one_changed(LONG_WORD, text, _slip, rng)
    if rng.random() < STRETCHED:
        text = _one_changed(STRESSED, text, _stretch, rng)
    if rng.random() < WITHOUT_APOSTROPHES:
        text = text.replace("'", "")
    if rng.random() < UNPUNCTUATED:
        text = MARKS.sub("", text)
    elif text[-1] in "!?" and rng.random() < REPEATED_MARK:
        text += text[-1] * rng.randint(1, 4)
    chance = rng.random()
    if chance < ALL_CAPITALS:
        return text.upper()
    if chance < ALL_CAPITALS + NO_CAPITALS:
        return text.lower()
    if chance < ALL_CAPITALS + NO_CAPITALS + ONE_WORD_LOUD:
        return _one_changed(STRESSED, text, lambda word, _: word.upper(), rng)
    return text


def _misspelt(text: str, spellings: Spellings, rng: Random) -> str:
    words = "|".join(map(re.escape, spellings))
    return re.sub(rf"\b({words})\b", lambda word: rng.choice(spellings[word[0]]), text)


def _one_changed(
    words: re.Pattern[str], text: str, change: Callable[[str, Random], str], rng: Random
) -> str:
    """With one of the words that match changed, if any does."""
    found = list(words.finditer(text))
    if not found:
        return text
    word = rng.choice(found)
    return text[: word.start()] + change(word[0], rng) + text[word.end() :]


def _slip(word: str, rng: Random) -> str:
    """Two inner letters swapped, one dropped or one doubled."""
    at = rng.randrange(1, len(word) - 2)
    middle = rng.choice([word[at + 1] + word[at], word[at + 1], word[at] * 2 + word[at + 1]])
    return word[:at] + middle + word[at + 2 :]


def _stretch(word: str, rng: Random) -> str:
    """Its first vowel held: sooo, loooove."""
    return VOWELS.sub(lambda vowel: vowel[0] * rng.randint(3, 6), word, count=1)
