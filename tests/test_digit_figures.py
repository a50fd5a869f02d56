"""The figures of an evaluation are what its tables call them."""

from __future__ import annotations

import pytest

from training.asking import NoService, Reply
from training.digit_figures import Outcome, digit_figures, non_digit_figures, outcome_of
from training.digit_report import DigitReport
from training.picture_kinds import NO_DIGIT, Kind

ANSWER = {
    "label": 7,
    "confidence": 0.9,
    "digit_score": None,
    "abstained": False,
    "reason": None,
}


def outcomes(*groups: tuple[int, Outcome]) -> list[Outcome]:
    return [outcome for count, outcome in groups for _ in range(count)]


RIGHT, WRONG = Outcome(7, 7, 0.9, 0.8), Outcome(7, 1, 0.6, 0.7)
DOUBTED = Outcome(7, 7, 0.4, 0.6, "uncertain")
DOUBTED_WRONG = Outcome(7, 1, 0.3, 0.5, "not_a_digit")
REFUSED = Outcome(7, None)


def test_an_answer_is_taken_as_it_is_given() -> None:
    assert outcome_of(3, Reply(200, ANSWER)) == Outcome(3, 7, 0.9)
    told = {**ANSWER, "digit_score": 0.2, "abstained": True, "reason": "blank"}
    assert outcome_of(None, Reply(200, told)) == Outcome(None, 7, 0.9, 0.2, "blank")
    assert outcome_of(3, Reply(422, {"code": "cannot_decode"})) == Outcome(3, None)


@pytest.mark.parametrize("missing", ["label", "confidence", "digit_score", "abstained"])
def test_an_answer_that_lacks_a_field_is_not_guessed_at(missing: str) -> None:
    content = {name: value for name, value in ANSWER.items() if name != missing}
    with pytest.raises(NoService, match=missing):
        outcome_of(3, Reply(200, content))


def test_accuracy_counts_every_label_and_risk_only_those_to_be_believed() -> None:
    row = digit_figures(outcomes((5, RIGHT), (2, WRONG), (2, DOUBTED), (1, DOUBTED_WRONG)))
    assert (row.samples, row.refused) == (10, 0)
    assert row.accuracy == pytest.approx(0.7)
    assert row.coverage == pytest.approx(0.7)
    assert row.risk == pytest.approx(2 / 7)
    assert row.confidence == pytest.approx((5 * 0.9 + 2 * 0.6 + 2 * 0.4 + 0.3) / 10)
    assert row.accuracy_at_coverage == pytest.approx({0.8: 6 / 8, 0.9: 7 / 9, 0.95: 0.7, 0.99: 0.7})
    low, high = row.interval
    assert low < 0.7 < high


def test_a_refused_picture_is_wrong_and_not_covered_but_says_nothing_of_confidence() -> None:
    row = digit_figures(outcomes((3, RIGHT), (1, REFUSED)))
    assert (row.refused, row.accuracy, row.coverage, row.risk) == (1, 0.75, 0.75, 0.0)
    assert row.confidence == pytest.approx(0.9)
    assert row.calibration_error == pytest.approx(0.1)


def test_where_nothing_is_answered_there_is_no_figure_of_answers() -> None:
    row = digit_figures([REFUSED])
    assert (row.accuracy, row.coverage) == (0, 0)
    assert (row.risk, row.confidence, row.calibration_error) == (None, None, None)


def non_digits() -> list[Outcome]:
    return outcomes(
        (4, Outcome(None, 1, 0.9, 0.1, "not_a_digit")),
        (2, Outcome(None, 1, 0.9, 0.05, "blank")),
        (3, Outcome(None, 1, 0.9, 0.75)),
        (1, Outcome(None, None)),
    )


def test_reasons_are_shares_of_all_pictures_of_no_digit() -> None:
    row = non_digit_figures(non_digits(), [RIGHT, WRONG])
    assert (row.samples, row.refused) == (10, 1)
    assert row.abstained == pytest.approx(0.6)
    assert row.reasons == pytest.approx({"not_a_digit": 0.4, "blank": 0.2})
    assert row.digit_score == pytest.approx((0.4 + 0.1 + 2.25) / 9)
    assert row.auroc == pytest.approx((9 + 6) / 18)  # 0.8 is above all, 0.7 above six of nine


def test_one_missing_digit_score_is_enough_for_there_to_be_no_auroc() -> None:
    without = Outcome(None, 1, 0.9)
    assert non_digit_figures([*non_digits(), without], [RIGHT]).auroc is None
    assert non_digit_figures(non_digits(), [RIGHT, Outcome(7, 7, 0.9)]).auroc is None
    assert non_digit_figures(non_digits(), []).auroc is None


def report(*groups: tuple[str, str, list[Outcome]]) -> DigitReport:
    made = DigitReport()
    for group, name, results in groups:
        for outcome in results:
            made.add(Kind(name, group, len(results), iter(())), outcome)
    return made


def test_rows_are_summed_by_group_and_over_all() -> None:
    made = report(
        ("MNIST", "MNIST", [RIGHT] * 4),
        ("corrupted", "noisy", [RIGHT, WRONG]),
        ("corrupted", "striped", [WRONG, WRONG]),
        (NO_DIGIT, "letters", non_digits()),
    )
    assert {name: (row.samples, row.accuracy) for name, row in made.digits().items()} == {
        "MNIST": (4, 1.0),
        "noisy": (2, 0.5),
        "striped": (2, 0.0),
        "all corrupted": (4, 0.25),
        "all digits": (8, 0.625),
    }
    assert [*made.digits()][-1] == "all digits"
    assert [*made.non_digits()] == ["letters"]


def test_one_kind_needs_no_sum() -> None:
    assert [*report(("digits", "mine", [RIGHT])).digits()] == ["mine"]


def test_text_has_every_row_in_aligned_columns_and_says_when_there_is_no_auroc() -> None:
    lacking = [Outcome(7, 7, 0.9)]
    text = report(("digits", "mine", lacking), (NO_DIGIT, "letters", non_digits())).as_text()
    first, _, second, remark = text.split("\n\n")
    assert [line.split(" |")[0] for line in first.splitlines()[2:]] == ["| mine               "]
    assert "letters" in second
    assert "not every answer has a digit_score" in remark
    for table in (first, second):
        assert len({len(line) for line in table.splitlines()}) == 1
    assert (
        "0.8333 over all"
        in report(("digits", "mine", [RIGHT, WRONG]), (NO_DIGIT, "letters", non_digits())).as_text()
    )
