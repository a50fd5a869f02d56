"""Short labelled sentences about things of many kinds, composed from phrases.toml.

A build of the wanted kind is drawn and its slots are filled again and again until none is left;
the mood of the whole is known from the start, and a slot marked with ! asks for the other one.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from training.datasets import Reviews
from training.informal import Spellings, informally, punctuated
from training.sentences import read_sentences

PHRASES = Path(__file__).with_name("phrases.toml")
# How often each kind of build is drawn.
KINDS = {
    "plain": 14,
    "negation": 17,
    "contrast": 14,
    "comparison": 9,
    "expectation": 8,
    "irony": 8,
    "statement": 15,
    "reaction": 6,
    "question": 3,
    "advice": 4,
    "combo": 9,
    "emoji": 5,
}
PAST = 0.4  # of the sentences say "was"
NAMED, NAMED_AGAIN = 0.7, 0.15  # of the mentions; the others say "it"
SHORT_FORM = 0.75  # of the negations: "isn't", not "is not"
WITH_EMOJI = 0.15
WORD = re.compile(r"\w+")
SLOT = re.compile(r"\{(!?)(\w+)\}")
ARTICLE = re.compile(r"\b([Aa]) (?=(?!one|us[ei]|uni(?![mn])|eu)[aeiou]|8|11|hour|honest)")

Lists = dict[str, dict[bool, list[str]]]  # by name, then by whether it praises


@dataclass(frozen=True)
class Trait:
    """Parts of a thing, and what is said of them."""

    parts: list[tuple[str, bool]]  # a name, and whether it is plural
    adjectives: dict[bool, list[str]]


@dataclass(frozen=True)
class Subject:
    """All lists that speak of one kind of thing, the general ones among them."""

    lists: Lists
    traits: list[Trait]


@dataclass(frozen=True)
class Phrases:
    """What phrases.toml holds."""

    subjects: dict[str, Subject]
    spellings: Spellings


@cache
def load_phrases() -> Phrases:
    """Read phrases.toml, once."""
    content = tomllib.loads(PHRASES.read_text(encoding="utf-8"))
    general = _lists(content["general"] | content["builds"])
    subjects = {}
    for name, own in content["subjects"].items():
        traits = [_trait(table) for table in own.pop("traits")]
        subjects[name] = Subject(general | _lists(own), traits)
    return Phrases(subjects, content["spellings"])


def made_sentences(count: int, seed: int) -> Reviews:
    """So many different sentences, positive and negative in turn; a longer draw begins alike.

    None has the words of a sentence that measures.
    """
    rng = Random(seed)  # noqa: S311 - chance, not secrecy
    measuring = measuring_words()
    texts: dict[str, None] = {}
    while len(texts) < count:
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        text = styled_sentence(kind, len(texts) % 2 == 0, rng)
        if words_of(text) not in measuring:
            texts.setdefault(text)
    return Reviews(list(texts), np.arange(1, count + 1, dtype=np.int64) % 2)


def measuring_words() -> set[str]:
    """The words of all sentences that measure."""
    return {
        words_of(text)
        for part in ("validation", "test")
        for sentences in read_sentences(part).values()
        for text in sentences.texts
    }


def words_of(text: str) -> str:
    """What is left of a sentence without its signs and capitals; all of it where nothing is."""
    return " ".join(WORD.findall(text.casefold())) or text


def styled_sentence(kind: str, positive: bool, rng: Random) -> str:
    """A sentence as somebody typed it: capitals, slips and emoji leave its mood as it is."""
    phrases = load_phrases()
    writer = Writer(rng.choice(list(phrases.subjects.values())), rng)
    text = informally(punctuated(writer.write(kind, positive), rng), phrases.spellings, rng)
    if kind != "emoji" and rng.random() < WITH_EMOJI:
        text += " " + writer.write("emojis", positive)
    return text


class Writer:
    """Fills slots for one sentence, which speaks of one thing throughout."""

    def __init__(self, subject: Subject, rng: Random) -> None:
        self._subject = subject
        self._rng = rng
        self._thing = rng.choice(subject.lists["thing"][True])
        self._past = rng.random() < PAST
        self._mentioned = False
        self._plural = False  # whether what was named last is
        self._trait = subject.traits[0]
        self._used: set[str] = set()

    def write(self, name: str, positive: bool) -> str:
        """An entry of the list with its slots filled; raises KeyError if there is no such list."""
        if name not in self._subject.lists or name == "thing":
            return self._agreeing(name, positive)
        filled = SLOT.sub(
            lambda slot: self.write(slot[2], positive != bool(slot[1])),
            self._entry(self._subject.lists[name][positive]),
        )
        return ARTICLE.sub(r"\1n ", filled)

    def _entry(self, entries: list[str]) -> str:
        """One that this sentence does not have yet, where that is easily found."""
        for _ in range(5):
            entry = self._rng.choice(entries)
            if entry not in self._used:
                break
        self._used.add(entry)
        return entry

    def _agreeing(self, name: str, positive: bool) -> str:
        """A slot whose filling depends on the words around it."""
        match name:
            case "thing":
                return self._thing
            case "topic":
                return self._topic()
            case "part":
                return self._part()
            case "trait":
                return self._entry(self._trait.adjectives[positive])
            case "described":
                part = self._agreeing("part", positive)
                return f"{self._agreeing('trait', positive)} {part}"
            case "is":
                return self._verb()
            case "isnt":
                short = self._rng.random() < SHORT_FORM
                return f"{self._verb()}n't" if short else f"{self._verb()} not"
        raise KeyError(name)

    def _topic(self) -> str:
        self._plural = False
        share = NAMED_AGAIN if self._mentioned else NAMED
        self._mentioned = True
        if self._rng.random() < share:
            return f"{self.write('determiners', True)} {self._thing}"
        return "it"

    def _part(self) -> str:
        """One that this sentence has not named yet, where that is easily found."""
        for _ in range(5):
            self._trait = self._rng.choice(self._subject.traits)
            part, self._plural = self._rng.choice(self._trait.parts)
            if part not in self._used:
                break
        self._used.add(part)
        return part

    def _verb(self) -> str:
        if self._past:
            return "were" if self._plural else "was"
        return "are" if self._plural else "is"


def _trait(table: dict[str, list[str]]) -> Trait:
    parts = [(part, plural == "many") for plural in ("one", "many") for part in table[plural]]
    return Trait(parts, _by_mood({mood: table[mood] for mood in ("good", "bad")}))


def _lists(tables: dict[str, Any]) -> Lists:
    return {name: _by_mood(entries) for name, entries in tables.items()}


def _by_mood(entries: Any) -> dict[bool, list[str]]:
    """The entries for a positive (True) and for a negative sentence."""
    if isinstance(entries, list):
        return {True: entries, False: entries}
    both = entries.get("both", [])
    return {True: both + entries.get("good", []), False: both + entries.get("bad", [])}
