"""Rows that are refused, run out of time, or are still there when the batcher closes."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from service.batching import Batcher
from service.errors import DeadlineExceeded, Draining, Overloaded
from tests.deadline import within_deadline
from tests.doubling import ALL, Answers, Doubling, ask, batching, values

HUGE = 10**9  # a size that takes hours, whatever a unit of it takes


def jump(seconds: float) -> None:
    """Put the clock of the event loop forward; what was due by then happens next."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds  # type: ignore[method-assign]


async def refusal(client: asyncio.Task[Answers]) -> Overloaded:
    with pytest.raises(Overloaded) as refused:
        await client
    return refused.value


@within_deadline
async def test_row_whose_deadline_passes_in_the_queue_is_never_run() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        await ask(batcher, 1)
        late = await ask(batcher, 2, 3, patience=5)
        patient = await ask(batcher, 4)
        jump(6)
        assert values(await late) == [DeadlineExceeded] * 2
        run.end(ALL)
        assert values(await patient) == [8]
    assert run.batches == [[1], [4]]


@within_deadline
async def test_row_whose_deadline_has_passed_before_it_is_queued_is_never_run() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        assert values(await (await ask(batcher, 1, patience=-1))) == [DeadlineExceeded]
    assert run.batches == []


@within_deadline
async def test_row_whose_deadline_passes_in_its_run_does_not_disturb_its_batch_mates() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        await ask(batcher, 1)
        late = await ask(batcher, 2, patience=5)
        patient = await ask(batcher, 3)
        run.end()
        assert [await run.begins(), await run.begins()] == [[1], [2, 3]]
        jump(6)
        assert values(await late) == [DeadlineExceeded]
        run.end()
        assert values(await patient) == [6]


@within_deadline
async def test_call_keeps_the_results_that_are_there_when_its_deadline_passes() -> None:
    run = Doubling()
    async with batching(run, max_batch=2) as batcher:
        late = await ask(batcher, 1, 2, 3, patience=5)
        run.end()
        assert [await run.begins(), await run.begins()] == [[1, 2], [3]]
        jump(6)
        assert values(await late) == [2, 4, DeadlineExceeded]


@within_deadline
async def test_full_queue_admits_all_rows_of_a_call_or_none() -> None:
    run = Doubling()
    async with batching(run, queue_limit=3) as batcher:
        running = await ask(batcher, 1)
        queued = await ask(batcher, 2)
        refused = await ask(batcher, 3, 4, 5)
        fitting = await ask(batcher, 6, 7)
        assert (await refusal(refused)).retry_after_ms is not None
        await refusal(await ask(batcher, 8))
        run.end(ALL)
        assert [values(await each) for each in (running, queued, fitting)] == [[2], [4], [12, 14]]
        assert values(await (await ask(batcher, 9))) == [18]
    assert run.batches == [[1], [2, 6, 7], [9]]


@within_deadline
async def test_cancelled_rows_give_their_places_back() -> None:
    run = Doubling()
    async with batching(run, queue_limit=3) as batcher:
        await ask(batcher, 1)
        gone = await ask(batcher, 2, 3, 4)
        await refusal(await ask(batcher, 5))
        gone.cancel()
        client = await ask(batcher, 5, 6, 7)
        run.end(ALL)
        assert values(await client) == [10, 12, 14]
    assert run.batches == [[1], [5, 6, 7]]


async def measured(run: Doubling, batcher: Batcher[int, int]) -> None:
    """Let the batcher learn that a unit of size takes time, then keep its only thread busy."""
    run.end()
    await (await ask(batcher, 1))
    await ask(batcher, 1)
    assert [await run.begins(), await run.begins()] == [[1], [1]]


@within_deadline
async def test_wait_that_is_predicted_to_exceed_the_deadline_is_refused_at_once() -> None:
    run = Doubling()
    async with batching(run, size=lambda row: row) as batcher:
        await measured(run, batcher)
        huge = await ask(batcher, HUGE, patience=inf)
        await refusal(await ask(batcher, 2))
        assert not (await ask(batcher, 2, patience=inf)).done()
        run.end(ALL)
        assert values(await huge) == [2 * HUGE]
        assert values(await (await ask(batcher, 2))) == [4]


@within_deadline
async def test_row_that_alone_would_take_too_long_is_tried_by_an_idle_batcher_only() -> None:
    run = Doubling()
    async with batching(run, size=lambda row: row) as batcher:
        run.end()
        await (await ask(batcher, 1))
        tried = await ask(batcher, HUGE)
        await refusal(await ask(batcher, HUGE))
        run.end(ALL)
        assert values(await tried) == [2 * HUGE]


@within_deadline
async def test_refused_client_is_told_how_long_the_queue_takes() -> None:
    run = Doubling()
    async with batching(run, size=lambda row: row) as batcher:
        await measured(run, batcher)
        await ask(batcher, HUGE, patience=inf)
        one = (await refusal(await ask(batcher, 2))).retry_after_ms
        await ask(batcher, HUGE, HUGE, patience=inf)
        three = (await refusal(await ask(batcher, 2))).retry_after_ms
        assert one is not None
        assert three is not None
        assert one == pytest.approx(three / 3)


@within_deadline
async def test_cancelled_rows_do_not_count_in_the_predicted_wait() -> None:
    run = Doubling()
    async with batching(run, size=lambda row: row) as batcher:
        await measured(run, batcher)
        gone = await ask(batcher, HUGE, patience=inf)
        await refusal(await ask(batcher, 2))
        gone.cancel()
        client = await ask(batcher, 2)
        run.end(ALL)
        assert values(await client) == [4]


@within_deadline
async def test_close_answers_all_that_was_admitted_and_refuses_the_rest() -> None:
    run = Doubling()
    async with batching(run, max_batch=2) as batcher:
        clients = [await ask(batcher, row) for row in (1, 2, 3, 4)]
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(Draining) as refused:
            await (await ask(batcher, 5))
        assert refused.value.retry_after_ms
        assert not closing.done()
        run.end(ALL)
        await closing
        assert [client.done() for client in clients] == [True] * 4
        assert [values(await client) for client in clients] == [[2], [4], [6], [8]]
    assert run.batches == [[1], [2, 3], [4]]


@within_deadline
async def test_idle_batcher_closes_at_once_and_more_than_once() -> None:
    async with batching(Doubling()) as batcher:
        await batcher.close()
        with pytest.raises(Draining):
            await (await ask(batcher, 1))
