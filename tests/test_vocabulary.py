"""The vocabulary is the most frequent words of the texts that it is given, and nothing else."""

from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer

from service.contract.text import PADDING, UNKNOWN
from training.vocabulary import UNKNOWN_ID, build_tokenizer

# word0 once, word1 twice, ...; shuffled, so that order of appearance tells nothing.
COUNTED = [f"word{i}" for i in range(40) for _ in range(i + 1)]
random.Random(1).shuffle(COUNTED)  # noqa: S311
TEXTS = [" ".join(COUNTED[i : i + 50]) for i in range(0, len(COUNTED), 50)]


def by_id(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=lambda word: vocabulary[word])


def test_the_most_frequent_words_come_first_behind_padding_and_unknown() -> None:
    tokenizer = build_tokenizer(TEXTS, 1_000)
    assert by_id(tokenizer) == [PADDING, UNKNOWN, *(f"word{i}" for i in reversed(range(40)))]
    assert tokenizer.token_to_id(UNKNOWN) == UNKNOWN_ID


@pytest.mark.parametrize("size", [1, 10, 39, 40])
def test_the_size_asked_for_counts_words_only(size: int) -> None:
    tokenizer = build_tokenizer(TEXTS, size)
    assert tokenizer.get_vocab_size() == size + 2
    assert by_id(tokenizer)[2:] == [f"word{i}" for i in reversed(range(40 - size, 40))]


def test_the_same_texts_give_the_same_vocabulary_even_among_ties() -> None:
    tied = [" ".join(f"tied{i}" for i in range(500)), *TEXTS]
    first, second = (build_tokenizer(tied, 200).to_str() for _ in range(2))
    assert first == second


def test_the_order_of_the_texts_does_not_matter() -> None:
    assert build_tokenizer(TEXTS, 30).to_str() == build_tokenizer(reversed(TEXTS), 30).to_str()


def test_spellings_of_a_word_are_counted_together() -> None:
    tokenizer = build_tokenizer(["Don’t DON'T don't café CAFE\u0301 rare<br />rare-rare rare"], 10)
    assert by_id(tokenizer)[2:] == ["rare", "don't", "cafe"]


def test_of_the_signs_only_those_that_carry_mood_are_words() -> None:
    tokenizer = build_tokenizer(["good! really?? (yes) - no. 😀 #tag $5 ... :) =/ </3 <3 ©"], 100)
    assert tokenizer.get_vocab().keys() - {PADDING, UNKNOWN} == {
        *("good", "really", "yes", "no", "tag", "5"),
        *("!", "??", "😀", ":)", "=/", "</3", "<3"),
    }


def test_words_with_a_letter_drawn_out_take_no_place() -> None:
    tokenizer = build_tokenizer(["sooo sooo sooo good!!! good!! so 1000 ???"], 3)
    assert by_id(tokenizer)[2:] == ["good", "!!", "1000"]
