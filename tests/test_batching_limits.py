"""Rows that run out of time, or are still there when the batcher closes."""

from __future__ import annotations

import asyncio

import pytest

from service.errors import DeadlineExceeded, Draining, Internal
from tests.clock import Clock
from tests.deadline import within_deadline
from tests.doubling import ALL, BAD, Doubling, always, ask, ask_many, batching, counted, values


async def is_out_of_time(client: asyncio.Task[int]) -> bool:
    with pytest.raises(DeadlineExceeded):
        await client
    return True


@within_deadline
async def test_row_whose_deadline_passes_in_the_queue_is_never_run() -> None:
    clock, run = Clock(), Doubling()
    before = counted("expired_total")
    async with batching(run) as batcher:
        await ask(batcher, 1)
        late = await ask_many(batcher, 2, 3, patience=5)
        also_late = await ask(batcher, 4, patience=5)
        patient = await ask(batcher, 5)
        clock.jump(6)
        assert values(await late) == [DeadlineExceeded] * 2
        assert await is_out_of_time(also_late)
        run.end(ALL)
        assert await patient == 10
    assert run.batches == [[1], [5]]
    assert counted("expired_total") - before == 3


@within_deadline
async def test_row_that_can_no_longer_make_it_is_answered_at_once_and_never_run() -> None:
    clock, run = Clock(), Doubling()
    before = counted("expired_total")
    async with batching(run, cost=always(2)) as batcher:
        await ask(batcher, 1)
        late = await ask(batcher, 2, patience=5)
        patient = await ask(batcher, 3)
        clock.jump(4)
        run.end()
        assert await is_out_of_time(late)
        assert [await run.begins(), await run.begins()] == [[1], [3]]
        run.end()
        assert await patient == 6
    assert run.batches == [[1], [3]]
    assert counted("expired_total") - before == 1


@within_deadline
async def test_however_many_rows_have_run_out_of_time_the_others_run() -> None:
    clock, run = Clock(), Doubling()
    async with batching(run, cost=always(2)) as batcher:
        await ask(batcher, 1)
        late = [await ask(batcher, 2, patience=5) for _ in range(200)]
        patient = await ask(batcher, 3)
        clock.jump(4)
        run.end(ALL)
        assert await patient == 6
        assert all([await is_out_of_time(each) for each in late])
    assert run.batches == [[1], [3]]


@pytest.mark.parametrize("threads", [0, 1])
@within_deadline
async def test_row_whose_deadline_has_passed_before_it_is_queued_is_never_run(
    threads: int,
) -> None:
    Clock()
    run = Doubling()
    run.end(ALL)
    async with batching(run, threads=threads) as batcher:
        assert await is_out_of_time(await ask(batcher, 1, patience=-1))
    assert run.batches == []


@within_deadline
async def test_row_whose_deadline_passes_in_its_run_does_not_disturb_its_batch_mates() -> None:
    clock, run = Clock(), Doubling()
    async with batching(run) as batcher:
        await ask(batcher, 1)
        late = await ask(batcher, 2, patience=5)
        patient = await ask(batcher, 3)
        run.end()
        assert [await run.begins(), await run.begins()] == [[1], [2, 3]]
        clock.jump(6)
        assert await is_out_of_time(late)
        run.end()
        assert await patient == 6


@within_deadline
async def test_call_keeps_the_results_that_are_there_when_its_deadline_passes() -> None:
    clock, run = Clock(), Doubling()
    async with batching(run, max_batch=2) as batcher:
        late = await ask_many(batcher, 1, 2, 3, patience=5)
        run.end()
        assert [await run.begins(), await run.begins()] == [[1, 2], [3]]
        clock.jump(6)
        assert values(await late) == [2, 4, DeadlineExceeded]


@pytest.mark.parametrize("threads", [1, 2])
@within_deadline
async def test_close_answers_all_that_was_admitted_and_refuses_the_rest(threads: int) -> None:
    run = Doubling()
    async with batching(run, max_batch=2, threads=threads) as batcher:
        clients = [await ask(batcher, row) for row in (1, 2, 3, 4)]
        bulk = await ask_many(batcher, 5, 6, 7)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        for refused in (await ask(batcher, 8), await ask_many(batcher, 8, 9)):
            with pytest.raises(Draining) as refusal:
                await refused
            assert refusal.value.retry_after_ms
        assert not closing.done()
        run.end(ALL)
        await closing
        assert [client.done() for client in (*clients, bulk)] == [True] * 5
        assert [await client for client in clients] == [2, 4, 6, 8]
        assert values(await bulk) == [10, 12, 14]


@within_deadline
async def test_close_answers_all_that_was_admitted_on_the_event_loop() -> None:
    run = Doubling()
    run.end(ALL)
    async with batching(run, max_batch=2, threads=0) as batcher:
        deadline = asyncio.get_running_loop().time() + 5
        clients = [asyncio.ensure_future(batcher.submit(row, deadline)) for row in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(Draining):
            await batcher.submit(8, deadline)
        await closing
        assert run.batches == [[0, 1], [2, 3], [4]]
        assert values(await asyncio.gather(*clients)) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("max_batch", [2, 8])
@pytest.mark.parametrize("threads", [0, 1])
@within_deadline
async def test_close_waits_for_bulk_calls_and_for_what_is_run_again(
    threads: int, max_batch: int
) -> None:
    run = Doubling()
    run.end(ALL)
    async with batching(run, max_batch=max_batch, threads=threads) as batcher:
        client = await ask_many(batcher, 1, BAD, BAD, 2, BAD)
        await batcher.close()
        assert run.batches.count([BAD]) == 3
        assert values(await client) == [2, Internal, Internal, 4, Internal]


@within_deadline
async def test_close_waits_for_nobody_who_has_left() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        first, *gone = [await ask(batcher, row) for row in (1, 2, 3)]
        closing = asyncio.create_task(batcher.close())
        for client in gone:
            client.cancel()
        run.end()
        await closing
        assert await first == 2
    assert run.batches == [[1]]


@pytest.mark.parametrize("threads", [0, 1])
@within_deadline
async def test_idle_batcher_closes_at_once_and_more_than_once(threads: int) -> None:
    async with batching(Doubling(), threads=threads) as batcher:
        await batcher.close()
        with pytest.raises(Draining):
            await (await ask(batcher, 1))
        with pytest.raises(Draining):
            batcher.refuse_if_full(asyncio.get_running_loop().time() + 5)
