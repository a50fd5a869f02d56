"""Shapes of load, arrivals that wait for nobody, and the end of a ramp."""

from __future__ import annotations

from argparse import Namespace
from random import Random
from statistics import fmean, pvariance

import pytest

from loadtest.running import Run
from loadtest.shapes import SHAPES, due_times, level
from loadtest.slo import Limits, Slo


@pytest.mark.parametrize(
    ("shape", "levels"),
    [
        ("steady", [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        ("ramp", [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]),
        ("spike", [0.1, 0.1, 0.1, 0.1, 1, 1, 0.1, 0.1, 0.1, 0.1]),
        ("soak", [0.2, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_a_shape_is_what_its_name_says(shape: str, levels: list[float]) -> None:
    assert [level(shape, second, 10) for second in range(10)] == pytest.approx(levels)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_reaches_the_top_and_ends_in_time(shape: str) -> None:
    levels = [level(shape, second / 10, 60) for second in range(600)]
    assert all(each is not None and 0 < each <= 1 for each in levels)
    assert 1 in levels
    assert level(shape, 60, 60) is None


def chance() -> Random:
    return Random(1)  # noqa: S311 - not for secrets


def test_arrivals_are_a_poisson_process_of_the_rate() -> None:
    due = list(due_times(lambda second: 50.0 if second < 200 else None, chance()))
    gaps = [b - a for a, b in zip([0.0, *due], due, strict=False)]
    assert len(due) == pytest.approx(200 * 50, rel=0.05)
    assert fmean(gaps) == pytest.approx(1 / 50, rel=0.05)
    assert pvariance(gaps) == pytest.approx(1 / 50**2, rel=0.1)  # as it is of no even arrivals


def test_arrivals_follow_the_shape() -> None:
    due = list(
        due_times(lambda second: 10.0 if second < 50 else 90.0 if second < 100 else None, chance())
    )
    early = sum(each < 50 for each in due)
    assert early == pytest.approx(500, rel=0.15)
    assert len(due) - early == pytest.approx(4500, rel=0.1)


class Clock:
    """Time that passes only when a test says so, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def new_run(clock: Clock, slo: Slo, shape: str = "ramp") -> Run:
    options = Namespace(shape=shape, num_users=40, arrivals=200.0, seconds=100.0)
    run = Run(options, slo, clock)
    run.begin()
    return run


def test_requests_are_due_whatever_the_time_is_now(clock: Clock) -> None:
    run = new_run(clock, Slo(), "steady")
    due = run.due_times(chance())
    first = next(due)
    clock.now += 60  # the generator was kept from running
    assert 1000 < first < next(due) < 1001


def test_a_ramp_ends_when_the_slo_was_broken_twice_in_a_row(clock: Clock) -> None:
    run = new_run(clock, Slo(every=Limits(p95_ms=50)))
    for second in range(30):
        for _ in range(40):
            run.count("/digits", "answered", 20 if second < 20 else 80)
        clock.now += 1
        if run.over():
            break
    assert clock.now < 1000 + 30
    assert run.timeline.broke is not None
    assert "at 10 users and 50 arrivals a second: /digits, p95 was 80 ms" in run.timeline.broke


def test_a_ramp_is_not_ended_by_times_of_a_few(clock: Clock) -> None:
    run = new_run(clock, Slo(every=Limits(p95_ms=50)))
    for _ in range(99):
        run.count("/digits", "answered", 20)
        run.count("/digits photo", "answered", 80)
        clock.now += 1
        assert not run.over()
    clock.now += 1
    assert run.over()
    assert run.timeline.broke is None


def test_other_shapes_go_on_when_the_slo_is_broken(clock: Clock) -> None:
    run = new_run(clock, Slo(every=Limits(refused_share=0)), "steady")
    for _ in range(20):
        run.count("/digits", "refused", 1)
        clock.now += 1
        assert not run.over()


def test_without_a_shape_arrivals_go_on_until_locust_ends_them(clock: Clock) -> None:
    due = new_run(clock, Slo(), "").due_times(chance())
    assert [next(due) for _ in range(100_000)][-1] > clock.now + 400


def test_no_arrivals_are_none() -> None:
    options = Namespace(shape="", num_users=1, arrivals=0.0, seconds=100.0)
    assert list(Run(options, Slo()).due_times(chance())) == []
