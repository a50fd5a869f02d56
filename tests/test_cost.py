"""What runs cost is learned, and forgotten when it is no longer true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from service.cost import Line, RunCost, cheapest_batch

MAX_BATCH = 16

Truth = Callable[[int, float], float]


def row_by_row(rows: int, largest: float) -> float:
    """Larger batches save nothing."""
    return rows * largest


def all_at_once(rows: int, largest: float) -> float:
    """They save all but one of their rows."""
    return largest + 0 * rows


def worse_and_worse(rows: int, largest: float) -> float:
    """They cost more than their rows alone."""
    return rows**2 * largest


def network(count: float, size: float) -> float:
    return 0.001 * count + 0.00002 * size


def off(line: Line, truth: Callable[[float, float], float] = network) -> float:
    """The largest error, as a share of the truth, over sizes from short to long."""
    return max(abs(line.seconds(1, x) / truth(1, x) - 1) for x in (10, 50, 100, 200, 400))


def measured(line: Line, samples: int, noise: float = 0.0, pace: float = 1.0) -> Line:
    chance = random.Random(samples)  # noqa: S311 - not for secrets
    for _ in range(samples):
        count, size = chance.randint(1, 8), chance.uniform(10, 400)
        seconds = network(count, size) * pace * chance.uniform(1 - noise, 1 + noise)
        line.learn(count, size, seconds)
    return line


def test_line_knows_nothing_before_anything_was_measured() -> None:
    assert Line().seconds(5, 100) == 0


def test_line_knows_a_single_measurement() -> None:
    line = Line()
    line.learn(3, 40, 0.5)
    assert line.seconds(3, 40) == pytest.approx(0.5)


def test_line_learns_what_is_a_line() -> None:
    assert off(measured(Line(), 1000)) < 0.02


def test_line_learns_what_is_a_line_but_for_noise() -> None:
    assert off(measured(Line(), 1000, noise=0.3)) < 0.1


@pytest.mark.parametrize("pace", [0.2, 0.5, 2, 10])
def test_line_follows_a_machine_that_becomes_slower_or_faster(pace: float) -> None:
    line = measured(measured(Line(), 500), 300, pace=pace)
    assert off(line, lambda count, size: pace * network(count, size)) < 0.1


def test_one_outlier_does_not_spoil_the_line() -> None:
    line = measured(Line(), 1000)
    line.learn(1, 200, 3600)
    assert off(line) < 0.25
    assert off(measured(line, 100)) < 0.05


def test_line_never_predicts_less_than_nothing() -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets
    line = Line()
    for _ in range(1000):
        line.learn(chance.randint(1, 9), 10 ** chance.uniform(-3, 6), 10 ** chance.uniform(-6, 3))
        assert min(line.fixed, line.rate, line.seconds(1, 1)) >= 0


def learned(truth: Truth) -> RunCost:
    """What a service knows when it starts: a few runs of each size of batch."""
    cost = RunCost(MAX_BATCH)
    for rows in (1, 2, 4, 8, 16):
        for _ in range(2):
            cost.learn(rows, 1, truth(rows, 1))
    return cost


def chosen(cost: RunCost, truth: Truth, runs: int) -> list[int]:
    """Rows of so many runs under load, each put together by what the ones before it took."""
    rows = []
    for _ in range(runs):
        start, end = cheapest_batch(
            [1.0] * 64, 5, cost, max_batch=MAX_BATCH, max_padded=1e9, patience=1e9
        )
        rows.append(end - start)
        cost.learn(end - start, 1, truth(end - start, 1))
    return rows


@pytest.mark.parametrize("truth", [row_by_row, all_at_once, worse_and_worse])
def test_cost_of_each_size_of_batch_is_learned(truth: Truth) -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets
    cost = RunCost(MAX_BATCH)
    for _ in range(10_000):
        rows, largest = chance.choice([1, 2, 4, 8, 16]), chance.uniform(10, 400)
        cost.learn(rows, largest, truth(rows, largest))
    for rows in (1, 2, 4, 8, 16):
        for largest in (10, 100, 400):
            assert cost.seconds(rows, largest) == pytest.approx(truth(rows, largest), rel=0.1)


def test_batch_that_was_never_run_is_taken_to_be_like_a_smaller_one() -> None:
    cost = RunCost(MAX_BATCH)
    assert cost.seconds(4, 100) < 1e-6
    cost.learn(2, 100, 0.5)
    assert cost.seconds(8, 100) == pytest.approx(2.0, rel=0.5)
    assert cost.seconds(1, 100) == pytest.approx(0.5, rel=0.5)


def test_where_larger_batches_do_not_pay_rows_run_alone() -> None:
    assert Counter(chosen(learned(row_by_row), row_by_row, 1000))[1] > 650
    assert Counter(chosen(learned(worse_and_worse), worse_and_worse, 1000))[1] > 950


def test_where_larger_batches_pay_they_are_made_as_large_as_allowed() -> None:
    assert Counter(chosen(learned(all_at_once), all_at_once, 1000))[MAX_BATCH] > 950


@pytest.mark.parametrize("truth", [row_by_row, worse_and_worse])
def test_batches_that_no_longer_pay_are_given_up(truth: Truth) -> None:
    cost = learned(all_at_once)
    chosen(cost, all_at_once, 500)
    chosen(cost, truth, 500)
    assert Counter(chosen(cost, truth, 500))[1] > 300


@pytest.mark.parametrize("truth", [row_by_row, worse_and_worse])
def test_batches_that_have_come_to_pay_are_found_out(truth: Truth) -> None:
    cost = learned(truth)
    chosen(cost, truth, 500)
    chosen(cost, all_at_once, 5000)
    assert Counter(chosen(cost, all_at_once, 1000))[MAX_BATCH] > 500


def test_outliers_do_not_change_for_long_how_batches_are_made() -> None:
    for truth, usual in ((worse_and_worse, 1), (all_at_once, MAX_BATCH)):
        cost = learned(truth)
        chosen(cost, truth, 500)
        for rows in (1, 16):
            cost.learn(rows, 1, 3600)
        chosen(cost, truth, 500)
        assert Counter(chosen(cost, truth, 500))[usual] > 450


def test_outlier_as_the_service_starts_is_got_over() -> None:
    for rows in (1, 2, 4, 8, 16):
        cost = learned(all_at_once)
        cost.learn(rows, 1, 100)
        chosen(cost, all_at_once, 5000)
        assert Counter(chosen(cost, all_at_once, 500))[MAX_BATCH] > 450
