"""The service says so when a text is not to be told, and why."""

from __future__ import annotations

import numpy as np
import pytest

from service.contract.manifest import ALWAYS_ANSWERED, Abstention
from service.contract.text import EncodedText, TextEncoder
from service.sentiment import reason
from training.abstention import RISK, Judged, choose_confidence, judge_text
from training.scores import Scored
from training.sentiment_assessment import most_unknown
from training.vocabulary import build_tokenizer

ENCODER = TextEncoder(build_tokenizer(["a good bad film was ! ? !! 😀"], 100), max_tokens=64)
THRESHOLDS = Abstention(coverage=0.9, min_confidence=0.7, max_unknown_fraction=0.4)


def encoded(text: str) -> EncodedText:
    return ENCODER.encode(text)


@pytest.mark.parametrize("text", ["", " ", "...", "<br />", "!", "?!", "!!!!! ???", "\u200b"])
def test_a_text_without_a_word_is_empty_whatever_its_confidence(text: str) -> None:
    assert reason(encoded(text), 1.0, THRESHOLDS) == "empty"
    assert reason(encoded(text), 1.0, ALWAYS_ANSWERED) == "empty"


@pytest.mark.parametrize("text", ["good", "😀", "!!! bad !!!", "qzvxk"])
def test_one_word_or_emoji_is_enough_not_to_be_empty(text: str) -> None:
    assert reason(encoded(text), 1.0, ALWAYS_ANSWERED) is None


def test_more_unknown_words_than_the_threshold_are_too_many() -> None:
    assert reason(encoded("a good film qzvxk jqpw"), 1.0, THRESHOLDS) is None
    assert reason(encoded("a good qzvxk jqpw"), 1.0, THRESHOLDS) == "mostly_unknown_words"
    assert reason(encoded("a good qzvxk jqpw"), 0.5, THRESHOLDS) == "mostly_unknown_words"


def test_less_confidence_than_the_threshold_is_too_little() -> None:
    assert reason(encoded("a good film"), 0.7, THRESHOLDS) is None
    assert reason(encoded("a good film"), np.nextafter(0.7, 0), THRESHOLDS) == "uncertain"


def judged(count: int, skill: float, seed: int) -> Judged:
    """Answers whose confidence tells how often they are right, the more the higher the skill."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, count)
    right = rng.random(count) < 1 - skill * (1 - confidence)
    return Judged(f"made {seed}", confidence, np.ones(count), right, rng.uniform(0, 0.3, count))


def test_as_many_answers_are_believed_as_the_risk_allows_where_each_part_counts_alike() -> None:
    parts = [judged(count, skill, count) for count, skill in ((4_000, 0.5), (1_000, 0.9))]
    thresholds = choose_confidence(parts, max_unknown_fraction=1.0)
    believed = [part.believed(thresholds) for part in parts]
    coverages = [each.mean() for each in believed]
    wrong = [(each & ~part.right).mean() for each, part in zip(believed, parts, strict=True)]
    assert 0.95 * RISK < sum(wrong) / sum(coverages) <= RISK
    assert thresholds.coverage == pytest.approx(np.mean(coverages))


def test_where_confidence_tells_nothing_too_many_wrong_answers_leave_none() -> None:
    alike = np.full(10, 0.9)
    part = Judged("made", alike, np.ones(10), np.arange(10) > 0)
    assert choose_confidence([part], max_unknown_fraction=1.0).min_confidence == 1


def test_what_is_always_right_is_always_believed() -> None:
    part = judged(500, 0.0, 1)
    thresholds = choose_confidence([part], max_unknown_fraction=1.0)
    assert thresholds.coverage == 1
    assert thresholds.min_confidence == part.confidence.min()


def test_texts_of_unknown_words_are_not_believed() -> None:
    part = judged(500, 0.0, 1)
    thresholds = choose_confidence([part], max_unknown_fraction=0.2)
    np.testing.assert_array_equal(part.believed(thresholds), np.asarray(part.unknown) <= 0.2)


def test_a_text_is_judged_by_its_probabilities_at_the_temperature() -> None:
    logits = np.array([[2.0], [-4.0], [1.0]], np.float32)
    part = judge_text("made", Scored(logits, np.array([1, 1, 0])), 2.0, np.array([0, 0.5, 1]))
    np.testing.assert_allclose(part.confidence, 1 / (1 + np.exp([-1.0, -2.0, -0.5])), rtol=1e-6)
    assert part.right.tolist() == [True, False, False]


def test_hardly_an_english_sentence_has_more_unknown_words_than_the_threshold() -> None:
    known, foreign = "A good film was a bad film.", "Zx qv a."
    assert most_unknown([known] * 2_000, ENCODER) == 0
    assert most_unknown([known] * 2_000 + [foreign], ENCODER) == 0
    assert most_unknown([known] * 100 + [foreign], ENCODER) > 0.5
