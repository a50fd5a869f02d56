"""Bulk calls: behind all others, but not for ever."""

from __future__ import annotations

import asyncio

import pytest

from service.errors import Overloaded
from tests.clock import Clock
from tests.deadline import within_deadline
from tests.doubling import ALL, a_second_each, ask, ask_many, counted, values


@within_deadline
async def test_rows_of_bulk_calls_come_behind_single_ones() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        bulk = await ask_many(batcher, 1, 2, 3, patience=50)
        single = [await ask(batcher, row, patience=100) for row in (8, 9)]
        run.end(ALL)
        assert [await client for client in single] == [16, 18]
        assert values(await bulk) == [2, 4, 6]
    assert run.batches == [[8], [9], [1], [2], [3]]


@within_deadline
async def test_row_of_a_bulk_call_goes_by_its_deadline_when_half_of_its_time_has_passed() -> None:
    before = counted("dispatches_total", reason="deadline")
    async with a_second_each(Clock()) as (run, batcher):
        bulk = await ask_many(batcher, 1, 2, patience=20)
        for row in range(10, 40):
            await ask(batcher, row, patience=1000)
        run.end(ALL)
        assert values(await bulk) == [2, 4]
    order = [row for [row] in run.batches]
    assert order == [*range(10, 20), 1, 2, *range(20, 40)]
    assert counted("dispatches_total", reason="deadline") - before == 1


@within_deadline
async def test_bulk_call_may_itself_take_longer_than_what_may_wait_but_not_wait_longer() -> None:
    async with a_second_each(Clock(), queue_limit=3) as (run, batcher):
        bulk = await ask_many(batcher, *range(256), patience=300)
        with pytest.raises(Overloaded):
            await (await ask_many(batcher, 1, 2, patience=600))
        single = await ask(batcher, 999, patience=10)  # not held up by it
        run.end(ALL)
        assert await single == 1998
        assert values(await bulk) == [2 * row for row in range(256)]


@pytest.mark.parametrize("behind_single_rows", [False, True])
@within_deadline
async def test_bulk_call_is_admitted_as_a_whole_or_not_at_all(behind_single_rows: bool) -> None:
    async with a_second_each(Clock()) as (run, batcher):
        ahead = [await ask(batcher, 50 + i, 1000) for i in range(4 * behind_single_rows)]
        patience = len(ahead) + 4
        refused = await ask_many(batcher, 1, 2, 3, 4, patience=patience)
        with pytest.raises(Overloaded) as refusal:
            await refused
        assert refusal.value.retry_after_ms == 1000 * (1 + len(ahead))
        fitting = await ask_many(batcher, 5, 6, 7, patience=patience)
        run.end(ALL)
        assert values(await fitting) == [10, 12, 14]
    assert {1, 2, 3, 4}.isdisjoint(row for [row] in run.batches)


@within_deadline
async def test_bulk_call_does_not_push_another_beyond_its_deadline() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        first = await ask_many(batcher, 1, 2, 3, patience=5)
        with pytest.raises(Overloaded):
            await (await ask_many(batcher, 4, 5, patience=4))
        run.end(ALL)
        assert values(await first) == [2, 4, 6]


@within_deadline
async def test_whoever_leaves_a_bulk_call_frees_the_way_for_the_next() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        gone = await ask_many(batcher, 1, 2, 3, 4, patience=6)
        with pytest.raises(Overloaded):
            await (await ask_many(batcher, 5, 6, 7, patience=6))
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        staying = await ask_many(batcher, 5, 6, 7, patience=6)
        run.end(ALL)
        assert values(await staying) == [10, 12, 14]
    assert run.batches == [[5], [6], [7]]
