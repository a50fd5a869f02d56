"""The SLO of the load test: what it may say, and when it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.kinds import KINDS
from loadtest.slo import DEFAULT, Limits, Slo, UnreadableSlo, Verdict, judge, read_slo
from loadtest.timeline import Cell, Outcome, Timeline, percentile


def cell(*times: float, outcome: Outcome = "answered") -> Cell:
    found = Cell()
    for each in times:
        found.add(outcome, each)
    return found


def broken(slo: Slo, **kinds: Cell) -> list[tuple[str, str]]:
    return [(each.kind, each.what) for each in judge(slo, kinds) if not each.kept]


def test_the_committed_slo_asks_something_of_every_kind() -> None:
    slo = read_slo(DEFAULT, KINDS)
    for kind in KINDS:
        assert slo.of(kind).wrong_share == 0
        assert slo.of(kind).p99_ms is not None


def test_what_a_kind_says_goes_before_what_is_said_of_every_kind() -> None:
    slo = Slo(every=Limits(p50_ms=1, p95_ms=5), kind={"a": Limits(p50_ms=3)})
    assert (slo.of("a").p50_ms, slo.of("a").p95_ms, slo.of("a").p99_ms) == (3, 5, None)
    assert slo.of("b").p50_ms == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[every", "not TOML"),
        ("[every]\np95_ms = 0", "every > p95_ms: Input should be greater than 0"),
        ("[every]\nfailed_share = 2", "every > failed_share"),
        ("[every]\np98_ms = 1", "every > p98_ms"),
        ("[kinds.a]\np95_ms = 1", "kinds"),
        ('[kind."/cats"]\np95_ms = 1', "no such kind of request: /cats; there are /digits"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "slo.toml").write_text(text)
    with pytest.raises(UnreadableSlo, match=r"slo\.toml: ") as raised:
        read_slo(tmp_path / "slo.toml", KINDS)
    assert said in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSlo, match="No such file"):
        read_slo(tmp_path / "slo.toml", KINDS)


def test_each_percentile_is_judged_by_itself() -> None:
    times = cell(*range(1, 101))
    assert broken(Slo(every=Limits(p50_ms=51, p95_ms=96, p99_ms=100)), a=times) == []
    assert broken(Slo(every=Limits(p50_ms=49, p95_ms=96, p99_ms=97)), a=times) == [
        ("a", "p50_ms"),
        ("a", "p99_ms"),
    ]


@pytest.mark.parametrize("outcome", ["wrong", "failed", "refused"])
def test_each_share_is_judged_by_itself(outcome: Outcome) -> None:
    all_ = cell(1, 1, 1)
    all_.merge(cell(1, outcome=outcome))
    what = f"{outcome}_share"
    assert broken(Slo(every=Limits.model_validate({what: 0.25})), a=all_) == []
    assert broken(Slo(every=Limits.model_validate({what: 0.24})), a=all_) == [("a", what)]


def test_a_run_without_an_answer_is_broken_whatever_is_asked() -> None:
    assert broken(Slo()) == [("all requests", "answered")]
    assert broken(Slo(), a=cell(1, outcome="refused")) == [("all requests", "answered")]
    assert broken(Slo(every=Limits(p50_ms=1)), a=cell(1, outcome="failed")) == [
        ("all requests", "answered")
    ]


def test_a_broken_line_says_what_was_asked_and_what_was_measured() -> None:
    assert str(Verdict("/digits", "p95_ms", 150, 177.4, False)) == (
        "BROKEN: /digits, p95: at most 150 ms asked, 177 ms measured"
    )
    assert str(Verdict("/digits", "failed_share", 0, 0.125, False)) == (
        "BROKEN: /digits, failed share: at most 0% asked, 12.50% measured"
    )


def test_times_are_kept_within_half_a_percent() -> None:
    for milliseconds in (0.05, 0.7, 1, 33.3, 999, 123_456):
        assert percentile(cell(milliseconds).times, 50) == pytest.approx(milliseconds, rel=0.005)
    assert percentile(Cell().times, 50) is None


def test_a_timeline_survives_being_written() -> None:
    timeline = Timeline(began=1.5, accuracy={"MNIST": (1, 2)}, broke="here")
    timeline.add(0, "a", "answered", 10)
    timeline.add(3, "b", "wrong", 20)
    timeline.failures["b: wrong"] += 1
    again = Timeline.model_validate_json(timeline.model_dump_json())
    assert again == timeline
    assert again.whole().total == 2
    assert again.kinds(range(1)) == {"a": cell(10)}
