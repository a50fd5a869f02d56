"""Rows that are refused: by predicted time, with a word on when to come again."""

from __future__ import annotations

import asyncio
import random
from math import inf

import pytest

from service.batching import Batcher
from service.errors import Overloaded
from tests.clock import Clock
from tests.deadline import within_deadline
from tests.doubling import (
    ALL,
    Doubling,
    a_second_each,
    always,
    ask,
    ask_many,
    batching,
    counted,
    itself,
    values,
)


async def refusal(client: asyncio.Task[int]) -> Overloaded:
    with pytest.raises(Overloaded) as refused:
        await client
    return refused.value


def told(batcher: Batcher[int, int], patience: float) -> int | None:
    """Milliseconds to wait before coming again, or None where there is room."""
    try:
        batcher.refuse_if_full(asyncio.get_running_loop().time() + patience)
    except Overloaded as refused:
        return refused.retry_after_ms
    return None


@pytest.mark.parametrize("limit", [1, 3, 10])
@within_deadline
async def test_queue_is_full_when_its_work_takes_longer_than_the_limit(limit: int) -> None:
    before = counted("refused_total", reason="queue_full")
    async with a_second_each(Clock(), queue_limit=limit) as (run, batcher):
        queued = [await ask(batcher, row, patience=1000) for row in range(limit)]
        assert not any(client.done() for client in queued)
        await refusal(await ask(batcher, 99, patience=1000))
        assert counted("refused_total", reason="queue_full") - before == 1
        run.end(ALL)
        assert [await client for client in queued] == [2 * row for row in range(limit)]
    assert [99] not in run.batches


@pytest.mark.parametrize("limit", [1, 3, 10])
@within_deadline
async def test_refused_client_is_told_how_long_the_queue_takes(limit: int) -> None:
    clock = Clock()
    async with a_second_each(clock, queue_limit=limit) as (_, batcher):
        for row in range(limit):
            await ask(batcher, row, patience=1000)
        refused = await refusal(await ask(batcher, 99, patience=1000))
        assert refused.retry_after_ms == 1000 * (limit + 1)
        clock.jump(0.25)  # of the run that takes a second
        later = await refusal(await ask(batcher, 99, patience=1000))
        assert later.retry_after_ms == 1000 * (limit + 1) - 250


@within_deadline
async def test_how_fast_the_queue_gets_shorter_is_learned_from_whole_batches() -> None:
    clock = Clock()
    run = Doubling(clock, takes=len)
    async with batching(run, max_batch=4, queue_limit=7, cost=always(4)) as batcher:
        run.end()
        await (await ask_many(batcher, 1, 2, 3, 4))  # in 4 seconds
        for row in range(4):  # the first is running, and 4 seconds are predicted for it
            await ask(batcher, row, patience=1000)
        assert told(batcher, patience=1000) is None
        await ask(batcher, 4, patience=1000)
        assert told(batcher, patience=1000) == 8000


@within_deadline
async def test_client_that_would_miss_its_deadline_is_told_how_long_the_queue_takes() -> None:
    async with a_second_each(Clock()) as (_, batcher):
        for row in range(7):
            await ask(batcher, row, patience=8.5)
        refused = await refusal(await ask(batcher, 99, patience=8.5))
        assert refused.retry_after_ms == 8000


@within_deadline
async def test_client_refused_for_the_sake_of_others_is_told_how_long_they_take() -> None:
    async with a_second_each(Clock()) as (_, batcher):
        for row in range(7):
            await ask(batcher, row, patience=8.5)
        refused = await refusal(await ask(batcher, 99, patience=3))
        assert refused.retry_after_ms == 8000


@pytest.mark.parametrize("seed", range(10))
@within_deadline
async def test_refusal_before_the_work_is_the_one_that_would_come_after_it(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    seen = set()
    async with a_second_each(Clock(), queue_limit=8) as (run, batcher):
        for row in range(100):
            patience = chance.randint(1, 20)
            expected = told(batcher, patience)
            client = await ask(batcher, row, patience)
            assert client.done() == (expected is not None)
            if expected is not None:
                assert (await refusal(client)).retry_after_ms == expected
            seen.add(expected is None)
            if chance.random() < 0.3:
                run.end()
                await run.begins()
    assert seen == {True, False}


@within_deadline
async def test_idle_batcher_tries_whatever_comes() -> None:
    clock = Clock()
    run = Doubling(clock)
    run.end(ALL)
    async with batching(run, size=itself, queue_limit=1, max_held=10) as batcher:
        assert await (await ask(batcher, 5)) == 10  # it learns that 5 take 5 seconds
        assert told(batcher, 0.001) is None
        assert await (await ask(batcher, 1000, patience=2000)) == 2000
        many = await ask_many(batcher, *[2] * 50, patience=1000)
        assert values(await many) == [4] * 50


@within_deadline
async def test_row_that_alone_would_take_too_long_is_not_tried_behind_others() -> None:
    clock = Clock()
    run = Doubling(clock)
    async with batching(run, size=itself) as batcher:
        run.end()
        await (await ask(batcher, 1))
        tried = await ask(batcher, 500, patience=300)
        await refusal(await ask(batcher, 400, patience=100))
        run.end(ALL)
        assert not tried.done()
    assert run.batches == [[1], [500]]


@within_deadline
async def test_no_more_is_held_at_a_time_than_was_allowed() -> None:
    before = counted("refused_total", reason="memory")
    run = Doubling()
    async with batching(run, size=itself, max_batch=1, max_held=100) as batcher:
        running, queued = await ask(batcher, 50, inf), await ask(batcher, 30, inf)
        await refusal(await ask(batcher, 21, inf))
        assert counted("refused_total", reason="memory") - before == 1
        fitting = await ask(batcher, 20, inf)
        await refusal(await ask(batcher, 1, inf))
        run.end()
        assert await running == 100
        fitting_too = await ask(batcher, 50, inf)
        run.end(ALL)
        assert [await each for each in (queued, fitting, fitting_too)] == [60, 40, 100]
    assert run.batches == [[50], [30], [20], [50]]


@within_deadline
async def test_cancelled_rows_give_their_places_back() -> None:
    async with a_second_each(Clock(), queue_limit=3) as (run, batcher):
        gone = [await ask(batcher, row, patience=1000) for row in (1, 2, 3)]
        await refusal(await ask(batcher, 4, patience=1000))
        for client in gone:
            client.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        assert told(batcher, 2) is None
        clients = [await ask(batcher, row, patience=1000) for row in (5, 6, 7)]
        run.end(ALL)
        assert [await client for client in clients] == [10, 12, 14]
    assert run.batches == [[5], [6], [7]]
