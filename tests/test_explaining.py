"""Every word of a text gets a weight, out of what the model says of it and of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service import explaining
from service.contract.text import EncodedText, TextEncoder
from service.explaining import PHRASES, merge, split
from service.sentiment import Sentiment
from training.vocabulary import build_tokenizer

ENCODER = TextEncoder(build_tokenizer(["a good bad not very film !"], 100), max_tokens=8)
TEMPERATURE = 2.0


def task() -> Sentiment:
    """What explaining asks of the task, with an answer that is only the logit."""
    fake = SimpleNamespace(
        temperature=TEMPERATURE,
        alone={},
        beside={},
        decode_with_offsets=lambda text: ENCODER.encode(text, with_offsets=True),
        postprocess=lambda logits, encoded: {"logit": logits[0], "tokens": encoded.tokens},
    )
    return cast(Sentiment, fake)


def run(rows: Sequence[EncodedText]) -> list[list[float]]:
    """A network whose log-odds are the mean over its words, but that reads "not bad" as good."""
    known = {word: ENCODER.encode(word).ids[0] for word in ("good", "bad", "not")}
    values = {known["good"]: 4.0, known["bad"]: -4.0, known["not"]: -1.0}

    def logit(ids: list[int]) -> float:
        values_of = [values.get(np.int64(i), 0.0) for i in ids]
        for i in range(len(ids) - 1):
            if ids[i : i + 2] == [known["not"], known["bad"]]:
                values_of[i : i + 2] = [2.0, 2.0]
        return float(np.mean(values_of)) if ids else 0.0

    return [[logit(row.ids.tolist())] for row in rows]


def explained(text: str) -> dict[str, Any]:
    weighed, rows = split(task(), run, text)
    return cast(dict[str, Any], merge(task(), weighed, run(rows)))


def weights(text: str) -> dict[str, float]:
    return {word["word"]: word["weight"] for word in explained(text)["words"]}


def weights_of(text: str) -> list[float]:
    return [word["weight"] for word in explained(text)["words"]]


def test_every_word_read_has_its_place_in_the_text() -> None:
    text = "A <br />gr\u00e9at, good 😀 film!"
    words = explained(text)["words"]
    assert [word["word"] for word in words] == ["A", "gr\u00e9at", "good", "😀", "film", "!"]
    assert all(text[word["start"] : word["end"]] == word["word"] for word in words)


def test_where_words_do_not_depend_on_each_other_weights_are_theirs() -> None:
    assert weights("a good film, very bad") == pytest.approx(
        {"a": 0, "good": 4 / TEMPERATURE, "film": 0, "very": 0, "bad": -4 / TEMPERATURE}
    )


def test_a_word_weighs_otherwise_beside_another() -> None:
    assert weights("bad")["bad"] == pytest.approx(-4 / TEMPERATURE)
    beside = weights("not bad")
    # alone -4; in the pair twice its log-odds of 2 less the -1 of "not"
    assert beside["bad"] == pytest.approx((-4 + 2 * 2 + 1) / 2 / TEMPERATURE)
    assert beside["not"] == pytest.approx((-1 + 2 * 2 + 4) / 2 / TEMPERATURE)


def test_no_phrase_is_run_twice_and_few_at_a_time() -> None:
    ran: list[list[tuple[int, ...]]] = []

    def noted(rows: Sequence[EncodedText]) -> list[list[float]]:
        ran.append([tuple(row.ids.tolist()) for row in rows])
        return run(rows)

    text = "good bad a film not very ! " * 5 + "very very not not a bad ! good film"
    _, [row] = split(task(), noted, text[:60])
    phrases = [phrase for block in ran for phrase in block]
    assert len(phrases) == len(set(phrases)) <= 2 * len(row.ids)
    assert {len(phrase) for phrase in phrases} == {1, 2}
    assert max(map(len, ran)) <= PHRASES


def test_a_word_is_run_alone_once_for_all_texts() -> None:
    one, ran = task(), list[int]()

    def noted(rows: Sequence[EncodedText]) -> list[list[float]]:
        ran.extend(len(row.ids) for row in rows)
        return run(rows)

    first, second = (split(one, noted, text)[0].words for text in ("not bad", "bad not"))
    assert ran == [1, 1, 2, 2]
    assert [word["weight"] for word in second] == weights_of("bad not")
    assert [word["weight"] for word in first] == weights_of("not bad")


def test_the_answer_is_that_of_the_whole_text() -> None:
    answer = explained("a good film")
    assert answer["logit"] == run([ENCODER.encode("a good film")])[0][0]
    assert answer["tokens"] == 3


@pytest.mark.parametrize("text", ["", " ... ", "<br />", "\u200b"])
def test_a_text_without_words_has_none_to_weigh(text: str) -> None:
    _, rows = split(task(), run, text)
    assert len(rows) == 1
    assert explained(text)["words"] == []


def test_of_a_text_that_is_too_long_the_words_that_were_read_are_weighed() -> None:
    text = "good " * 6 + "film " * 20 + "bad " * 6
    words = explained(text)["words"]
    assert [word["word"] for word in words] == ["good"] * 4 + ["bad"] * 4
    # what is left out lies between the last "good" and the first "bad", which so are no neighbours
    assert [word["weight"] * TEMPERATURE for word in words] == pytest.approx([4.0] * 4 + [-4.0] * 4)
    assert words[-1]["end"] == len(text.rstrip())


def test_what_was_said_of_words_and_pairs_is_not_asked_again() -> None:
    asked: list[int] = []

    def counted(rows: Sequence[EncodedText]) -> list[list[float]]:
        asked.append(len(rows))
        return run(rows)

    same = task()
    first, _ = split(same, counted, "a not bad film")
    assert sum(asked) == 4 + 3
    asked.clear()
    second, _ = split(same, counted, "a not bad film")
    assert not asked
    assert [word["weight"] for word in first.words] == [word["weight"] for word in second.words]
    split(same, counted, "a not bad good")
    assert sum(asked) == 1 + 1


def test_no_more_pairs_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "KEPT", 4)
    same = task()
    for text in ("a good film", "bad not very film", "film good bad", "a very very good !"):
        weighed, _ = split(same, run, text)
        assert [word["weight"] for word in weighed.words] == weights_of(text)
        assert len(same.beside) <= 4
