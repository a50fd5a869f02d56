"""Rows that run together, and the answer that each of their clients gets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import chain
from math import inf

import pytest

from service.batching import SIZE_RATIO, Batcher, Outcome
from service.errors import Internal
from tests.deadline import DEADLINE, within_deadline
from tests.doubling import ALL, BAD, Doubling, ask, batching, values


def itself(row: int) -> int:
    """The size of a row, where a test is about sizes."""
    return row


@within_deadline
async def test_lone_row_runs_at_once() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        client = await ask(batcher, 1)
        assert await run.begins() == [1]
        run.end()
        [answer] = await client
        assert isinstance(answer, Outcome)
        assert (answer.result, answer.batch) == (2, 1)


@within_deadline
async def test_rows_that_arrive_while_all_threads_are_busy_run_together() -> None:
    run = Doubling()
    async with batching(run, max_batch=3) as batcher:
        clients = [await ask(batcher, row) for row in range(1, 9)]
        run.end(ALL)
        assert [values(await client) for client in clients] == [[2 * row] for row in range(1, 9)]
    assert run.batches == [[1], [2, 3, 4], [5, 6, 7], [8]]


@within_deadline
async def test_rows_of_one_call_run_with_those_of_others() -> None:
    run = Doubling()
    async with batching(run, max_batch=4) as batcher:
        clients = [await ask(batcher, *rows) for rows in [(1,), (2, 3, 4), (5, 6, 7)]]
        run.end(ALL)
        assert [values(await client) for client in clients] == [[2], [4, 6, 8], [10, 12, 14]]
    assert run.batches == [[1], [2, 3, 4, 5], [6, 7]]


@within_deadline
async def test_two_threads_run_two_batches_at_a_time() -> None:
    run = Doubling()
    async with batching(run, threads=2) as batcher:
        clients = [await ask(batcher, row) for row in (1, 2, 3, 4)]
        assert sorted([await run.begins(), await run.begins()]) == [[1], [2]]
        run.end()
        assert await run.begins() == [3, 4]
        run.end(2)
        assert [values(await client) for client in clients] == [[2], [4], [6], [8]]


@pytest.mark.parametrize("seed", range(10))
@within_deadline
async def test_every_row_runs_once_and_its_client_gets_its_result(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    max_batch = chance.randint(1, 9)
    batches: list[Sequence[int]] = []

    def run(rows: Sequence[int]) -> list[int]:
        batches.append(rows)
        return [2 * row for row in rows]

    batcher = Batcher(
        run, size=itself, max_batch=max_batch, queue_limit=1000, threads=chance.randint(1, 4)
    )
    calls = [chance.choices(range(1, 100), k=chance.randint(1, 9)) for _ in range(100)]
    deadline = asyncio.get_running_loop().time() + DEADLINE
    answers = await asyncio.gather(*(batcher.submit(call, deadline) for call in calls))
    await batcher.close()

    assert [values(each) for each in answers] == [[2 * row for row in call] for call in calls]
    assert sorted(chain(*batches)) == sorted(chain(*calls))
    assert max(map(len, batches)) <= max_batch
    assert all(max(rows) <= SIZE_RATIO * min(rows) for rows in batches)


@within_deadline
async def test_rows_of_very_different_size_do_not_run_together() -> None:
    run = Doubling()
    async with batching(run, size=itself) as batcher:
        for row in (1, 100, 80, 126, 125, 101):
            client = await ask(batcher, row)
        run.end(ALL)
        await client
    assert run.batches == [[1], [100, 80], [126, 125, 101]]


@within_deadline
async def test_row_that_was_passed_over_goes_next_however_many_follow() -> None:
    run = Doubling()
    async with batching(run, size=itself, max_batch=2) as batcher:
        for row in (1, 10, 100, 10, 10, 10):
            await ask(batcher, row)
        assert await run.begins() == [1]
        run.end()
        assert await run.begins() == [10, 10]
        newest = await ask(batcher, 10, patience=inf)
        run.end(ALL)
        await newest
    assert run.batches[2:] == [[100], [10, 10], [10]]


@within_deadline
async def test_cancelled_client_does_not_disturb_its_batch_mates() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        first, *clients = [await ask(batcher, row) for row in (1, 2, 3, 4)]
        run.end()
        await first
        assert [await run.begins(), await run.begins()] == [[1], [2, 3, 4]]
        clients.pop(1).cancel()
        run.end()
        assert [values(await client) for client in clients] == [[4], [8]]


@within_deadline
async def test_row_of_a_client_that_went_away_is_never_run() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        _, gone, staying = [await ask(batcher, row) for row in (1, 2, 3)]
        gone.cancel()
        run.end(ALL)
        assert values(await staying) == [6]
        assert gone.cancelled()
    assert run.batches == [[1], [3]]


@within_deadline
async def test_thread_is_free_again_after_a_run_whose_client_went_away() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        gone = await ask(batcher, 1)
        assert await run.begins() == [1]
        gone.cancel()
        staying = await ask(batcher, 2)
        run.end(2)
        assert values(await staying) == [4]


@pytest.mark.parametrize("place", range(8))
@within_deadline
async def test_failing_row_fails_alone(place: int) -> None:
    rows = [1, 2, 3, 4, 5, 6, 7]
    rows.insert(place, BAD)
    run = Doubling()
    async with batching(run) as batcher:
        await ask(batcher, 0)
        client = await ask(batcher, *rows)
        run.end(ALL)
        answers = await client
        assert values(answers) == [Internal if row == BAD else 2 * row for row in rows]
        assert isinstance(failure := answers[place], Internal)
        assert str(BAD) not in failure.detail
        assert isinstance(failure.__cause__, ArithmeticError)  # for the log
        assert values(await (await ask(batcher, 8))) == [16]
    assert run.batches[1] == rows
    assert [BAD] in run.batches


@within_deadline
async def test_run_that_gives_too_few_results_is_a_failure() -> None:
    batcher: Batcher[int, int] = Batcher(
        lambda rows: [2 * row for row in rows[1:]],
        size=itself,
        max_batch=8,
        queue_limit=1000,
        threads=1,
    )
    client = await ask(batcher, 1, 1, 1)
    assert values(await client) == [Internal] * 3
    await batcher.close()
