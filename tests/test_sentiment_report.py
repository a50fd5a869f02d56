"""The figures of an evaluation on texts are what its table calls them."""

from __future__ import annotations

import pytest

from training.asking import NoService, Reply
from training.sentiment_figures import LEAST, Outcome, mood_figures, outcome_of
from training.sentiment_report import SentimentReport
from training.table import WIDTH, one_line

ANSWER = {
    "label": "positive",
    "confidence": 0.9,
    "probabilities": {"negative": 0.1, "positive": 0.9},
    "abstained": False,
    "reason": None,
}

RIGHT, WRONG = Outcome("fine", 1, 1, 0.9), Outcome("dull", 0, 1, 0.6)
DOUBTED = Outcome("so so", 1, 1, 0.5, "uncertain")
DOUBTED_WRONG = Outcome("xyzzy", 0, 1, 0.95, "mostly_unknown_words")
REFUSED = Outcome("long", 1, None)


def outcomes(*groups: tuple[int, Outcome]) -> list[Outcome]:
    return [outcome for count, outcome in groups for _ in range(count)]


def report(*groups: tuple[str, str, list[Outcome]]) -> SentimentReport:
    made = SentimentReport()
    for group, kind, results in groups:
        for outcome in results:
            made.add(group, kind, outcome)
    return made


def test_an_answer_is_taken_as_it_is_given() -> None:
    assert outcome_of("x", 0, Reply(200, ANSWER)) == Outcome("x", 0, 1, 0.9)
    told = {**ANSWER, "label": "negative", "abstained": True, "reason": "empty"}
    assert outcome_of("", 1, Reply(200, told)) == Outcome("", 1, 0, 0.9, "empty")
    assert outcome_of("x", 1, Reply(413, {"code": "too_large"})) == Outcome("x", 1, None)


@pytest.mark.parametrize("missing", ["label", "confidence", "abstained"])
def test_an_answer_that_lacks_a_field_is_not_guessed_at(missing: str) -> None:
    content = {name: value for name, value in ANSWER.items() if name != missing}
    with pytest.raises(NoService, match=missing):
        outcome_of("x", 1, Reply(200, content))


def test_an_answer_of_another_mood_is_none_of_this_service() -> None:
    with pytest.raises(NoService, match="not as promised"):
        outcome_of("x", 1, Reply(200, {**ANSWER, "label": "mixed"}))


def test_accuracy_counts_every_label_and_that_of_the_believed_those_not_abstained_from() -> None:
    row = mood_figures(outcomes((50, RIGHT), (20, WRONG), (20, DOUBTED), (10, DOUBTED_WRONG)))
    assert (row.samples, row.refused) == (100, 0)
    assert row.accuracy == pytest.approx(0.7)
    assert row.abstained == pytest.approx(0.3)
    assert row.believed_accuracy == pytest.approx(5 / 7)
    assert row.calibration_error == pytest.approx(0.5 * 0.1 + 0.1 * 0.95 + 0.2 * 0.6 + 0.2 * 0.5)
    assert row.accuracy_at_coverage == pytest.approx(50 / 80)
    assert row.interval == pytest.approx((0.60416, 0.78104), abs=1e-4)


def test_a_refused_text_is_wrong_but_neither_abstained_from_nor_believed() -> None:
    row = mood_figures(outcomes((LEAST, RIGHT), (LEAST, REFUSED)))
    assert (row.refused, row.accuracy, row.abstained) == (LEAST, 0.5, 0.0)
    assert row.believed_accuracy == 1.0
    assert row.calibration_error == pytest.approx(0.1)
    assert row.accuracy_at_coverage == pytest.approx(0.5 / 0.8)


def test_few_texts_have_neither_calibration_error_nor_accuracy_of_the_surest() -> None:
    few = mood_figures(outcomes((LEAST - 1, RIGHT), (1, REFUSED)))
    assert (few.calibration_error, few.accuracy_at_coverage) == (None, None)
    enough = mood_figures(outcomes((LEAST, RIGHT)))
    assert enough.calibration_error == pytest.approx(0.1)
    assert enough.accuracy_at_coverage == 1.0


def test_where_nothing_is_believed_there_is_no_accuracy_of_that() -> None:
    assert mood_figures([DOUBTED]).believed_accuracy is None
    assert mood_figures([REFUSED]).believed_accuracy is None


def test_a_group_of_several_kinds_is_summed_and_one_kind_needs_no_sum() -> None:
    made = report(
        ("reviews", "IMDB reviews", [RIGHT] * 4),
        ("written sentences", "plain", [RIGHT, WRONG]),
        ("written sentences", "irony", [WRONG, WRONG]),
    )
    assert [(name, row.samples, row.accuracy) for name, row in made.figures().items()] == [
        ("IMDB reviews", 4, 1.0),
        ("plain", 2, 0.5),
        ("irony", 2, 0.0),
        ("all written sentences", 4, 0.25),
    ]


def test_reasons_are_counted_over_all_texts_the_most_frequent_first() -> None:
    made = report(("a", "a", [DOUBTED_WRONG, DOUBTED, RIGHT]), ("b", "b", [DOUBTED, REFUSED]))
    assert [*made.reasons().items()] == [("uncertain", 2), ("mostly_unknown_words", 1)]
    assert "\n\nAbstained: 2 uncertain, 1 mostly_unknown_words." in made.as_text(5)
    assert "\n\nAbstained: never." in report(("a", "a", [RIGHT])).as_text(5)


def test_table_is_aligned_and_has_a_dash_for_what_there_is_not() -> None:
    text = report(("a", "mine", [RIGHT, DOUBTED_WRONG])).as_text(5)
    table = text.split("\n\n")[0].splitlines()
    assert len({len(line) for line in table}) == 1
    cells = [cell.strip() for cell in table[-1].strip("|").split("|")]
    assert cells == [
        "mine", "2", "50.00%", "9.45 to 90.55%", "-", "-", "50.00%", "100.00%", "0",
    ]  # fmt: skip


def test_figures_are_the_same_in_json() -> None:
    made = report(("a", "mine", [RIGHT, WRONG, DOUBTED]))
    written = made.as_json()
    assert written["texts"]["mine"]["accuracy"] == made.figures()["mine"].accuracy
    assert written["texts"]["mine"]["calibration_error"] is None
    assert written["reasons"] == {"uncertain": 1}


def mistakes(made: SentimentReport, worst: int) -> list[str]:
    return made.as_text(worst).split("\n\n")[3:]


def test_the_most_confident_of_the_believed_mistakes_are_shown_whatever_their_kind() -> None:
    made = report(
        ("a", "first", [RIGHT, WRONG, DOUBTED_WRONG, REFUSED]),
        ("b", "second", [Outcome("not bad", 1, 0, 0.987), Outcome("meh", 0, 1, 0.55)]),
    )
    assert mistakes(made, 2) == [
        "The worst of 3 mistakes:\n"
        "98.70% negative, is positive (second): not bad\n"
        "60.00% positive, is negative (first): dull"
    ]
    assert "meh" in mistakes(made, 3)[0]


def test_without_mistakes_that_is_said_and_none_are_shown_where_none_are_wanted() -> None:
    assert mistakes(report(("a", "a", [RIGHT, DOUBTED_WRONG])), 5) == ["No mistakes."]
    assert mistakes(report(("a", "a", [WRONG])), 0) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\r\nlines\u2028and\ttabs", "two lines and tabs"),
        ("\x1b[31mred\x1b[0m \x07bell\0\x9b2J", "[31mred[0m bell2J"),
        ("\u202eleft to right\u202c\u200b", "left to right"),
        ("café 😀", "café 😀"),
        ("\n", ""),
        ("x" * WIDTH, "x" * WIDTH),
        ("x" * (WIDTH + 1), "x" * (WIDTH - 1) + "…"),
    ],
)
def test_a_text_is_shown_on_one_line_without_what_a_terminal_would_obey(
    text: str, shown: str
) -> None:
    assert one_line(text) == shown
