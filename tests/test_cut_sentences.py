"""Sentences are cut out of reviews where those who wrote them ended one."""

from __future__ import annotations

import random

import pytest

from training.cut_sentences import FEWEST_WORDS, MOST_WORDS, OF_A_REVIEW, cut_sentences


def sentences_of(text: str) -> set[str]:
    return set(cut_sentences([text], seed=1)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I liked it. She did not! Did you?", ["I liked it.", "She did not!"]),
        ("It was good<br /><br />It was bad", ["It was good", "It was bad"]),
        ("It was<br>good enough<br/>I guess so", ["I guess so"]),
        ("It was good... It was bad?! 10 of 10.", ["It was good...", "It was bad?!", "10 of 10."]),
        ('"It was good." (It was bad.)', ['"It was good.', "(It was bad.)"]),
        ("It cost 3.5 dollars, e.g. there.", ["It cost 3.5 dollars, e.g. there."]),
        ("it was so good. so very good", ["it was so good. so very good"]),
        ("Good film. Yes. No!", []),
        ("", []),
        ("<br /><br />", []),
    ],
)
def test_a_text_is_cut_at_breaks_and_behind_sentences(text: str, expected: list[str]) -> None:
    assert sentences_of(text) == set(expected)


def test_every_sentence_stands_in_its_text_and_is_neither_too_short_nor_too_long() -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets
    pieces = ["Good", "bad", "film", "It's", "so", "3.5", ". ", "! ", "? ", '." ', "<br />", "... "]
    texts = [" ".join(chance.choices(pieces, k=chance.randint(0, 300))) for _ in range(200)]
    sentences, owners = cut_sentences(texts, seed=1)
    assert len(sentences) == len(owners) > 200
    assert (owners[1:] >= owners[:-1]).all()
    for sentence, owner in zip(sentences, owners, strict=True):
        assert sentence in texts[owner]
        assert FEWEST_WORDS <= len(sentence.split()) <= MOST_WORDS
    assert max(owners.tolist().count(owner) for owner in set(owners)) == OF_A_REVIEW


@pytest.mark.parametrize("words", [FEWEST_WORDS - 1, FEWEST_WORDS, MOST_WORDS, MOST_WORDS + 1])
def test_the_limits_count_words(words: int) -> None:
    found = sentences_of(" ".join(["word"] * words) + ".")
    assert len(found) == (FEWEST_WORDS <= words <= MOST_WORDS)


def test_of_a_long_text_a_few_sentences_are_chosen_by_chance_each_once() -> None:
    whole = [f"This is sentence {i}." for i in range(10)]
    text = " ".join(whole)
    chosen = [cut_sentences([text], seed)[0] for seed in range(30)]
    assert all(len(set(sentences)) == OF_A_REVIEW for sentences in chosen)
    assert {sentence for sentences in chosen for sentence in sentences} == set(whole)
    assert cut_sentences([text], 3)[0] == chosen[3]


def test_owners_are_the_places_of_the_texts() -> None:
    sentences, owners = cut_sentences(["", "It was good.", "No.", "It was bad. I left."], seed=1)
    assert sentences == ["It was good.", "It was bad."]
    assert owners.tolist() == [1, 3]


def test_of_no_text_there_is_none() -> None:
    sentences, owners = cut_sentences([], seed=1)
    assert (sentences, owners.tolist()) == ([], [])
