"""Made sentences: their labels follow from how they are built, whatever they are built of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TypeVar

import numpy as np
import pytest

from training.informal import informally, punctuated
from training.made_sentences import (
    KINDS,
    SLOT,
    Subject,
    Writer,
    load_phrases,
    made_sentences,
    words_of,
)
from training.sentences import read_sentences
from training.sentiment_preparing import MADE

FILLED_BY_THE_GRAMMAR = {"thing", "topic", "part", "trait", "described", "is", "isnt"}
# Slots that judge a part or an appearance, not the whole.
ADVERSE = {"quibble", "trait_is", "described", "mild", "love", "trait", "special", "strong"}
SUBJECTS = load_phrases().subjects

Item = TypeVar("Item")


class Remembering(Random):
    """Chance that remembers what it chose from."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.seen: set[int] = set()

    def choice(self, seq: Sequence[Item]) -> Item:  # type: ignore[override]
        self.seen.add(id(seq))
        return super().choice(seq)


def written(kind: str, positive: bool, count: int, seed: int = 1) -> list[str]:
    """So many plain sentences of that kind about all subjects in turn."""
    rng = Remembering(seed)
    subjects = list(SUBJECTS.values())
    return [Writer(subjects[i % len(subjects)], rng).write(kind, positive) for i in range(count)]


def filled(template: str, positive: bool, subject: Subject, seed: int = 1) -> str:
    """One build of our own, filled."""
    alone = {"ours": {True: [template], False: [template]}}
    return Writer(Subject(subject.lists | alone, subject.traits), Remembering(seed)).write(
        "ours", positive
    )


def adjectives(subject: Subject, positive: bool) -> set[str]:
    return {each for name in ("mild", "special") for each in subject.lists[name][positive]}


def test_a_seed_gives_its_sentences_and_a_longer_draw_begins_with_them() -> None:
    few, more = made_sentences(100, seed=3), made_sentences(300, seed=3)
    assert more.texts[:100] == few.texts
    assert more.labels[:100].tolist() == few.labels.tolist()
    assert made_sentences(100, seed=4).texts != few.texts


def test_sentences_are_all_different_short_and_half_of_them_positive() -> None:
    made = made_sentences(5_000, seed=1)
    assert len(set(made.texts)) == len(made) == 5_000
    assert made.labels.mean() == 0.5
    assert np.mean([len(text.split()) for text in made.texts]) < 12
    assert max(len(text.split()) for text in made.texts) < 80


def test_no_sentence_that_measures_is_made() -> None:
    """As many as training takes."""
    measuring = [
        words_of(text)
        for part in ("validation", "test")
        for sentences in read_sentences(part).values()
        for text in sentences.texts
    ]
    assert not {*measuring} & {words_of(text) for text in made_sentences(MADE, seed=1).texts}


def test_labels_are_those_of_the_emoji_that_end_a_sentence() -> None:
    faces = SUBJECTS["film"].lists["face"]
    made = made_sentences(3_000, seed=2)
    for positive in (True, False):
        ending = tuple(set(faces[positive]) - {"⭐"})  # one star alone is a score
        labels = [
            label
            for text, label in zip(made.texts, made.labels, strict=True)
            if text.endswith(ending)
        ]
        assert len(labels) > 100
        assert set(labels) == {int(positive)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_both_moods_and_few_sentences_in_common(kind: str) -> None:
    good, bad = (set(written(kind, positive, 600)) for positive in (True, False))
    assert len(good) > 150
    assert len(bad) > 150
    assert not good & bad


def test_every_slot_names_a_list() -> None:
    for subject in SUBJECTS.values():
        for name, moods in subject.lists.items():
            for entry in moods[True] + moods[False]:
                for _, slot in SLOT.findall(entry):
                    assert slot in FILLED_BY_THE_GRAMMAR | subject.lists.keys(), (name, entry)


def test_every_list_is_drawn_from() -> None:
    rng = Remembering(1)
    subjects = list(SUBJECTS.values())
    for i in range(60_000):
        [kind] = rng.choices(list(KINDS), list(KINDS.values()))
        Writer(subjects[i % len(subjects)], rng).write(kind, i % 3 == 0)
    drawn = rng.seen
    for name, subject in SUBJECTS.items():
        for key, moods in subject.lists.items():
            for positive, entries in moods.items():
                assert not entries or id(entries) in drawn, (name, key, positive)
        for trait in subject.traits:
            assert id(trait.parts) in drawn, (name, trait.parts)
            assert all(id(entries) in drawn for entries in trait.adjectives.values()), name


def test_no_slot_and_no_doubled_space_is_left() -> None:
    for kind in KINDS:
        for positive in (True, False):
            for text in written(kind, positive, 300):
                assert not re.search(r"[{}]|  |^ | $| [,.;?]( |$)", text), text


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=list(SUBJECTS))
def test_a_marked_slot_has_the_other_mood(subject: Subject, positive: bool) -> None:
    for seed in range(20):
        text = filled("{special} and not {!special}", positive, subject, seed)
        said, denied = text.split(" and not ")
        assert said in subject.lists["special"][positive]
        assert denied in subject.lists["special"][not positive]


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize(
    "denial", [r"^not (\w+) at all$", r"anything but (\w+)$", r"far from (\w+)$", r"hardly (\w+)$"]
)
def test_what_is_denied_is_of_the_other_mood(denial: str, positive: bool) -> None:
    words = {True: set[str](), False: set[str]()}
    for subject in SUBJECTS.values():
        for mood in words:
            words[mood] |= adjectives(subject, mood)
            words[mood] |= {each for trait in subject.traits for each in trait.adjectives[mood]}
    denied = [
        found[1]
        for text in written("negation", positive, 6_000)
        if (found := re.search(denial, text))
    ]
    assert len(denied) > 20
    assert set(denied) <= words[not positive]


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("opening", ["although ", "despite the ", "even though ", "while "])
def test_what_is_conceded_has_the_other_mood_and_the_rest_decides(
    opening: str, positive: bool
) -> None:
    builds = [
        build
        for build in SUBJECTS["film"].lists["contrast"][positive]
        if build.startswith(opening) and ", " in build
    ]
    assert builds
    for build in builds:
        conceded, verdict = build.split(", ", 1)
        assert all(mark == "!" for mark, _ in SLOT.findall(conceded))
        assert all(mark == "" for mark, _ in SLOT.findall(verdict))


@pytest.mark.parametrize("positive", [True, False])
def test_what_follows_but_has_the_mood_of_the_whole(positive: bool) -> None:
    for kind in ("contrast", "expectation"):
        for build in SUBJECTS["film"].lists[kind][positive]:
            before, but, after = build.rpartition(", but ")
            if but and "overall" not in after and "all in all" not in after:
                assert "!" not in {mark for mark, _ in SLOT.findall(after)}, build
                moods = [mark for mark, slot in SLOT.findall(before) if slot in ADVERSE]
                assert all(mark == "!" for mark in moods), build


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=list(SUBJECTS))
def test_a_sentence_names_one_thing_and_later_says_it(subject: Subject) -> None:
    first, later = [], []
    for seed in range(40):
        thing, topic, again = filled("{thing}|{topic}|{topic}", True, subject, seed).split("|")
        assert all(named == "it" or named.endswith(f" {thing}") for named in (topic, again))
        first.append(topic != "it")
        later.append(again != "it")
    assert sum(first) > sum(later) > 0


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=list(SUBJECTS))
def test_verbs_agree_with_the_part_named_last(subject: Subject) -> None:
    number = {part: plural for trait in subject.traits for part, plural in trait.parts}
    for seed in range(30):
        text = filled("{part}|{is}|{topic}|{is}|{isnt}", True, subject, seed)
        part, verb, _, of_topic, denied = text.split("|")
        assert verb in (("are", "were") if number[part] else ("is", "was"))
        assert of_topic in ("is", "was")
        assert denied in (f"{of_topic}n't", f"{of_topic} not")


@pytest.mark.parametrize(
    ("written_as", "expected"),
    [
        ("a awful film", "an awful film"),
        ("a useless film", "a useless film"),
        ("a uninspired film", "an uninspired film"),
        ("a unique film", "a unique film"),
        ("a honest film", "an honest film"),
        ("what a dull film", "what a dull film"),
    ],
)
def test_articles_fit_the_sound_that_follows(written_as: str, expected: str) -> None:
    assert filled(written_as, True, SUBJECTS["film"]) == expected


def test_emoji_have_the_mood_of_the_sentence() -> None:
    lists = SUBJECTS["film"].lists
    faces = {mood: set(lists["face"][mood] + lists["emoticon"][mood]) for mood in (True, False)}
    assert not faces[True] & faces[False]
    for positive in (True, False):
        for text in written("emojis", positive, 300):
            left = text
            for face in sorted(faces[positive], key=len, reverse=True):
                left = left.replace(face, "")
            assert not left.strip()


def test_typing_changes_neither_the_words_nor_their_order_by_much() -> None:
    rng = Remembering(1)
    plain = "the battery isn't bad at all, it lasts so long."
    squeezed = ["the", "batery", "isnt", "bad", "at", "al", "it", "lasts", "so", "long"]
    typed = {informally(plain, {"lasting": ["lastin"]}, rng) for _ in range(600)}
    assert plain.upper() in typed
    assert plain.lower() in typed
    assert plain.replace(",", "").replace(".", "") in typed
    assert plain.replace("'", "") in typed
    assert any(re.search(r"\bsooo+\b", text) for text in typed)
    for text in typed:
        letters = re.sub(r"[^a-z ]", "", text.lower())
        words = re.sub(r"(.)\1+", r"\1", letters).split()
        assert sum(a != b for a, b in zip(words, squeezed, strict=True)) <= 1, text


def test_misspellings_are_those_of_the_list() -> None:
    rng = Remembering(2)
    typed = {informally("Definitely great.", {"great": ["gr8"]}, rng) for _ in range(200)}
    assert "Definitely gr8." in typed
    assert "Definitely great." in typed


def test_sentences_begin_with_a_capital_and_mostly_end_in_a_mark() -> None:
    rng = Remembering(3)
    ends = [punctuated("it is dull. nobody laughed", rng) for _ in range(300)]
    assert {end.rstrip(".!") for end in ends} == {"It is dull. Nobody laughed"}
    assert {end[-1] for end in ends} == {".", "!", "d"}
    assert punctuated("why?", rng) == "Why?"
