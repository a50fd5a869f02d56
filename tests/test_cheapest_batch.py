"""Who runs together: the neighbours in size whose run costs least."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from service.cost import WORTHWHILE, RunCost, cheapest_batch
from tests.doubling import Known
from tests.running import ROOT

LENGTHS = ROOT / "loadtest" / "bench" / "review_lengths.json"

LIMITS = {"max_batch": 16, "max_padded": 4096.0, "patience": 1e9}

padded = Known(lambda rows, largest: rows * largest)
network = Known(lambda rows, largest: 12 + 0.6 * rows * largest + 0.4 * largest)


def some_cost(chance: random.Random) -> RunCost:
    """A run with a fixed part, and one in which more rows are cheaper or dearer than few."""
    fixed, power = chance.choice([0, 10, 60, 1000]), chance.uniform(0, 1.2)
    return Known(lambda rows, largest: fixed + rows**power * largest)


def cases(seed: int) -> Iterator[tuple[list[float], int, RunCost, dict[str, float]]]:
    """Sizes, a leader, a cost and limits."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for _ in range(200):
        sizes = sorted(chance.choice([5.0, chance.uniform(1, 400)]) for _ in range(64))
        sizes = sizes[: chance.randint(1, 64)]
        limits = {
            "max_batch": chance.randint(1, 20),
            "max_padded": chance.choice([100.0, 1000.0, 1e9]),
            "patience": chance.choice([50.0, 2000.0, 1e9]),
        }
        yield sizes, chance.randrange(len(sizes)), some_cost(chance), limits


@pytest.mark.parametrize("seed", range(5))
def test_batch_holds_its_leader_and_keeps_to_its_limits(seed: int) -> None:
    for sizes, leader, cost, limits in cases(seed):
        start, end = cheapest_batch(sizes, leader, cost, **limits)  # type: ignore[arg-type]
        assert 0 <= start <= leader < end <= len(sizes)
        rows, largest = end - start, sizes[end - 1]
        assert rows <= limits["max_batch"]
        assert rows == 1 or rows * largest <= limits["max_padded"]
        assert rows == 1 or cost.seconds(rows, largest) <= limits["patience"]


@pytest.mark.parametrize("seed", range(5))
def test_no_other_neighbours_of_the_leader_would_be_worth_it(seed: int) -> None:
    for sizes, leader, cost, limits in cases(seed):
        start, end = cheapest_batch(sizes, leader, cost, **limits)  # type: ignore[arg-type]
        alone = [cost.seconds(1, size) for size in sizes]
        price = cost.seconds(end - start, sizes[end - 1]) / sum(alone[start:end])
        most = int(min(limits["max_batch"], len(sizes)))
        for rows in {1, 2, 4, 8, 16, most}:
            for first in range(max(0, leader - rows + 1), min(leader, len(sizes) - rows) + 1):
                largest = sizes[first + rows - 1]
                seconds = cost.seconds(rows, largest)
                if (
                    rows <= most
                    and rows * largest <= limits["max_padded"]
                    and seconds <= limits["patience"]
                ):
                    other = seconds / sum(alone[first : first + rows])
                    assert other >= price * WORTHWHILE * (1 - 1e-9)


def test_rows_run_together_only_where_that_costs_less_than_each_alone() -> None:
    for sizes, leader, cost, limits in (case for seed in range(5) for case in cases(seed)):
        start, end = cheapest_batch(sizes, leader, cost, **limits)  # type: ignore[arg-type]
        alone = sum(cost.seconds(1, size) for size in sizes[start:end])
        assert cost.seconds(end - start, sizes[end - 1]) <= alone * (1 + 1e-9)


def test_leader_alone_runs_whatever_it_takes() -> None:
    limits = {"max_batch": 16, "max_padded": 10.0, "patience": -1.0}
    assert cheapest_batch([100.0], 0, padded, **limits) == (0, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cost", "waste"), [(padded, 0.001), (network, 0.1)])
def test_padding_stays_small_on_real_reviews(cost: RunCost, waste: float) -> None:
    lengths: list[float] = json.loads(LENGTHS.read_text())["lengths"]
    waiting, coming = lengths[:64], lengths[64:]
    whole, own, batches = 0.0, 0.0, []
    while coming:
        leader, order = waiting[0], sorted(waiting)  # who waits longest is the most urgent
        start, end = cheapest_batch(order, order.index(leader), cost, **LIMITS)  # type: ignore[arg-type]
        batches.append(order[start:end])
        whole += len(batches[-1]) * batches[-1][-1]
        own += sum(batches[-1])
        for length in batches[-1]:
            waiting.remove(length)
        waiting += coming[: end - start]
        del coming[: end - start]
    assert own / whole > 1 - waste
    if cost is network:
        assert sum(map(len, batches)) / len(batches) > 4
