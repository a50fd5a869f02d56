"""Who goes first: the earliest deadline, as long as nobody pays for it with his own."""

from __future__ import annotations

import asyncio
import random

import pytest

from service.errors import DeadlineExceeded, Overloaded
from tests.clock import Clock
from tests.deadline import within_deadline
from tests.doubling import ALL, Doubling, Known, a_second_each, always, ask, batching, counted


@within_deadline
async def test_row_with_the_earliest_deadline_goes_first() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        for row, patience in [(1, 30), (2, 20), (3, 40), (4, 10)]:
            await ask(batcher, row, patience)
    assert run.batches == [[4], [2], [1], [3]]


@within_deadline
async def test_rows_with_the_same_deadline_go_in_the_order_of_their_arrival() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        for row in (3, 1, 2, 5, 4):
            await ask(batcher, row, patience=30)
    assert run.batches == [[3], [1], [2], [5], [4]]


@within_deadline
async def test_row_that_leads_takes_along_less_urgent_ones_but_leaves_nobody_before_them() -> None:
    run = Doubling()
    async with batching(run, max_batch=3, cost=always(1e-6)) as batcher:
        await ask(batcher, 0)
        for row, patience in [(1, 30), (2, 20), (3, 40), (4, 10), (5, 50)]:
            await ask(batcher, row, patience)
        run.end(ALL)
    assert [sorted(batch) for batch in run.batches] == [[0], [1, 2, 4], [3, 5]]


@within_deadline
async def test_row_that_leads_takes_along_no_more_than_its_deadline_allows() -> None:
    Clock()
    run = Doubling()
    cost = Known(lambda rows, largest: 2 + rows)  # noqa: ARG005
    async with batching(run, cost=cost) as batcher:
        await ask(batcher, 0)
        await ask(batcher, 1, patience=4)
        for row in (2, 3, 4, 5, 6):
            await ask(batcher, row, patience=1000)
        run.end(ALL)
    assert run.batches == [[0], [1, 2], [3, 4, 5, 6]]


@within_deadline
async def test_tight_newcomer_overtakes_lax_ones_if_they_still_make_theirs() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        lax = [await ask(batcher, row, patience=5) for row in (1, 2, 3)]
        tight = await ask(batcher, 9, patience=2)
        run.end(ALL)
        assert await tight == 18
        assert [await client for client in lax] == [2, 4, 6]
    assert run.batches == [[9], [1], [2], [3]]


@within_deadline
async def test_those_who_go_last_do_not_count_against_those_before_them() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        soon = await ask(batcher, 1, patience=4)
        lax = [await ask(batcher, row, patience=9) for row in (2, 3, 4)]
        tight = await ask(batcher, 9, patience=3)
        run.end(ALL)
        assert [await client for client in (tight, soon, *lax)] == [18, 2, 4, 6, 8]
    assert run.batches == [[9], [1], [2], [3], [4]]


@within_deadline
async def test_tight_newcomer_is_refused_at_once_where_another_would_miss_his() -> None:
    before = counted("refused_total", reason="deadline")
    async with a_second_each(Clock()) as (run, batcher):
        others = [await ask(batcher, row, patience=4) for row in (1, 2, 3)]
        with pytest.raises(Overloaded):
            await (await ask(batcher, 99, patience=3))
        assert counted("refused_total", reason="deadline") - before == 1
        run.end(ALL)
        assert [await client for client in others] == [2, 4, 6]
    assert [99] not in run.batches


@within_deadline
async def test_two_threads_have_room_for_twice_the_rows_but_no_more() -> None:
    async with a_second_each(Clock(), threads=2) as (_, batcher):
        queued = [await ask(batcher, row, patience=4) for row in range(6)]
        with pytest.raises(Overloaded):
            await (await ask(batcher, 99, patience=4))
        assert not any(client.done() for client in queued)


@within_deadline
async def test_two_threads_have_room_for_a_tight_newcomer_before_others() -> None:
    async with a_second_each(Clock(), threads=2) as (_, batcher):
        for row in range(6):
            await ask(batcher, row, patience=5)  # done after 4 seconds
        assert not (await ask(batcher, 99, patience=3)).done()


@within_deadline
async def test_row_that_cannot_make_it_is_refused_at_once_and_not_queued_to_die() -> None:
    async with a_second_each(Clock()) as (run, batcher):
        queued = [await ask(batcher, row, patience=4) for row in (1, 2, 3)]
        with pytest.raises(Overloaded):
            await (await ask(batcher, 4, patience=4))
        run.end(ALL)
        assert [await client for client in queued] == [2, 4, 6]
    assert run.batches == [[1], [2], [3]]


@pytest.mark.parametrize("seed", range(10))
@within_deadline
async def test_who_is_admitted_makes_it_when_runs_take_what_was_predicted(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    clients: list[asyncio.Task[int]] = []
    async with a_second_each(Clock()) as (run, batcher):
        run.end()
        for _ in range(100):
            for _ in range(chance.choice([0, 0, 1, 2, 3])):
                clients.append(await ask(batcher, len(clients), patience=chance.randint(1, 12)))
            await asyncio.sleep(0)
            if waiting := [client for client in clients if not client.done()]:
                [row] = await run.begins()
                assert clients[row] in waiting
                run.end()
                await asyncio.wait([clients[row]])
        run.end(ALL)
        answers = await asyncio.gather(*clients, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert not any(isinstance(answer, DeadlineExceeded) for answer in answers)
    answered = [row for row, answer in enumerate(answers) if answer == 2 * row]
    assert len(answered) + len(refused) == len(clients)
    assert sorted(row for [row] in run.batches) == answered
    assert refused
    assert len(answered) > 50
