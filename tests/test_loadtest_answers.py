"""The judge of the load test: passes answers that are right, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadtest.answers import Judge, Wrong, refusal_seconds
from loadtest.inputs import Picture, draw_digits, write_reviews

ALWAYS_THREE = {
    "label": 3,
    "confidence": 0.91,
    "probabilities": [0.01, 0.01, 0.01, 0.91, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
    "digit_score": 0.9,
    "abstained": False,
    "reason": None,
    "model": "digits/1",
}
POSITIVE = {
    "label": "positive",
    "confidence": 0.75,
    "probabilities": {"negative": 0.25, "positive": 0.75},
    "abstained": False,
    "reason": None,
    "tokens": 12,
    "truncated": False,
    "unknown_fraction": 0.0,
    "model": "sentiment/1",
}
OVERLOADED = {"status": 503, "code": "overloaded", "retry_after_ms": 300}

THREE = draw_digits(4)[3]
PRAISE = write_reviews(1, sentences=1)[0]


def test_right_answers_are_right() -> None:
    judge = Judge()
    judge.one(json.dumps(ALWAYS_THREE), THREE)
    judge.one(json.dumps(POSITIVE), PRAISE)
    judge.many(json.dumps({"results": [POSITIVE, POSITIVE]}), [PRAISE, PRAISE])


@pytest.mark.parametrize(
    "change",
    [
        {"label": 4},
        {"label": "3"},
        {"confidence": 0.9},
        {"probabilities": 10 * [0.1]},
        {"probabilities": [0.09, 0.91]},
        {"digit_score": 2},
        {"abstained": True, "reason": "uncertain"},
        {"reason": "uncertain"},
        {"model": None},
    ],
)
def test_a_digit_that_breaks_the_contract_is_wrong(change: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Judge().one(json.dumps({**ALWAYS_THREE, **change}), THREE)


@pytest.mark.parametrize(
    "change",
    [
        {"label": "negative"},
        {"probabilities": {"positive": 1.0}},
        {"probabilities": {"negative": 0.5, "positive": 0.75}},
        {"truncated": True},
        {"unknown_fraction": None},
    ],
)
def test_a_mood_that_breaks_the_contract_is_wrong(change: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        Judge().one(json.dumps({**POSITIVE, **change}), PRAISE)


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"results": []}', '{"results": [{"error": {}}]}']
)
def test_a_bulk_answer_without_an_answer_for_each_is_wrong(body: str) -> None:
    with pytest.raises(Wrong):
        Judge().many(body, [PRAISE])


def test_an_answer_that_changes_is_wrong() -> None:
    judge = Judge()
    judge.one(json.dumps(POSITIVE), PRAISE)
    later = {"probabilities": {"negative": 0.2500001, "positive": 0.7499999}}
    with pytest.raises(Wrong, match="another answer"):
        judge.one(json.dumps({**POSITIVE, **later, "confidence": 0.7499999}), PRAISE)


def test_a_refusal_says_when_to_come_again() -> None:
    assert refusal_seconds(json.dumps(OVERLOADED), "1") == 1
    for header in (None, "soon", "2"):
        with pytest.raises(Wrong):
            refusal_seconds(json.dumps(OVERLOADED), header)


def test_what_real_data_shows_is_counted_and_not_demanded() -> None:
    judge = Judge()
    for label in (3, 4):
        judge.one(json.dumps(ALWAYS_THREE), Picture(b"", label, real=True))
    abstained = {**ALWAYS_THREE, "abstained": True, "reason": "uncertain"}
    judge.one(json.dumps(abstained), Picture(b"", 3, real=True))
    assert judge.real == {("MNIST", True): 2, ("MNIST", False): 1}


def test_real_data_must_get_the_same_answer_again() -> None:
    judge, real = Judge(), Picture(b"", 4, real=True)
    judge.one(json.dumps(ALWAYS_THREE), real)
    probabilities = [0.02, 0.0, 0.01, 0.91, *6 * [0.01]]
    with pytest.raises(Wrong, match="another answer"):
        judge.one(json.dumps({**ALWAYS_THREE, "probabilities": probabilities}), real)
