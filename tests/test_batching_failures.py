"""Bad rows, bad runs and clients that leave: none of them harms anybody else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from service.errors import Internal
from tests.deadline import within_deadline
from tests.doubling import ALL, BAD, Doubling, ask, ask_many, batching, counted, values


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
        assert [await client for client in clients] == [4, 8]


@within_deadline
async def test_row_of_a_client_that_went_away_is_never_run() -> None:
    run = Doubling()
    before = counted("cancelled_before_run_total")
    async with batching(run) as batcher:
        _, gone, staying = [await ask(batcher, row) for row in (1, 2, 3)]
        gone.cancel()
        run.end(ALL)
        assert await staying == 6
        assert gone.cancelled()
    assert run.batches == [[1], [3]]
    assert counted("cancelled_before_run_total") - before == 1


@within_deadline
async def test_rows_of_a_bulk_call_go_with_their_client() -> None:
    run = Doubling()
    before = counted("cancelled_before_run_total")
    async with batching(run, max_batch=2) as batcher:
        gone = await ask_many(batcher, 1, 2, 3, 4, 5)
        assert await run.begins() == [1, 2]
        staying = await ask_many(batcher, 6)
        gone.cancel()
        run.end(ALL)
        assert values(await staying) == [12]
    assert run.batches == [[1, 2], [6]]
    assert counted("cancelled_before_run_total") - before == 3


@within_deadline
async def test_of_1000_clients_that_disconnect_while_queued_none_is_run() -> None:
    run = Doubling()
    before = counted("cancelled_before_run_total")
    async with batching(run) as batcher:
        first = await ask(batcher, 1)
        clients = [await ask(batcher, 2) for _ in range(1000)]
        for client in clients:
            client.cancel()
        run.end(ALL)
        assert await first == 2
        assert await (await ask(batcher, 3)) == 6
    assert run.batches == [[1], [3]]
    assert counted("cancelled_before_run_total") - before == 1000


@within_deadline
async def test_thread_is_free_again_after_a_run_whose_client_went_away() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        gone = await ask(batcher, 1)
        assert await run.begins() == [1]
        gone.cancel()
        staying = await ask(batcher, 2)
        run.end(2)
        assert await staying == 4


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("threads", [0, 1, 2])
@within_deadline
async def test_failing_row_fails_alone(place: int, threads: int) -> None:
    rows = [1, 2, 3, 4, 5, 6, 7]
    rows.insert(place, BAD)
    run = Doubling()
    run.end(ALL)
    async with batching(run, threads=threads) as batcher:
        answers = await (await ask_many(batcher, *rows))
        assert values(answers) == [Internal if row == BAD else 2 * row for row in rows]
        assert isinstance(failure := answers[place], Internal)
        assert str(BAD) not in failure.detail
        assert isinstance(failure.__cause__, ArithmeticError)  # for the log
        assert await (await ask(batcher, 8)) == 16
    assert run.batches[0] == rows
    assert [BAD] in run.batches


@within_deadline
async def test_rows_of_other_clients_survive_a_failing_one() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        first, *clients = [await ask(batcher, row) for row in (1, 2, BAD, 3, 4)]
        bad = clients.pop(1)
        run.end(ALL)
        assert [await client for client in (first, *clients)] == [2, 4, 6, 8]
        with pytest.raises(Internal):
            await bad
    assert run.batches[:2] == [[1], [2, BAD, 3, 4]]


@within_deadline
async def test_halves_of_a_failed_run_leave_out_whose_client_has_left() -> None:
    run = Doubling()
    async with batching(run) as batcher:
        first, gone, also_gone, bad, staying = [
            await ask(batcher, row) for row in (1, 2, 3, BAD, 4)
        ]
        run.end()
        await first
        assert [await run.begins(), await run.begins()] == [[1], [2, 3, BAD, 4]]
        gone.cancel()
        also_gone.cancel()
        run.end(ALL)
        assert await staying == 8
        with pytest.raises(Internal):
            await bad
    assert run.batches[2:] == [[BAD, 4], [BAD], [4]]


@pytest.mark.parametrize("threads", [0, 1])
@within_deadline
async def test_run_that_gives_too_few_results_is_a_failure(threads: int) -> None:
    async with batching(lambda rows: [2 * row for row in rows[1:]], threads=threads) as batcher:
        answers = await (await ask_many(batcher, 1, 1, 1))
        assert values(answers) == [Internal] * 3


@pytest.mark.parametrize("fatal", [SystemExit, KeyboardInterrupt, GeneratorExit])
@within_deadline
async def test_run_that_would_end_its_thread_fails_only_the_row_that_did_it(
    fatal: type[BaseException],
) -> None:
    def run(rows: Sequence[int]) -> list[int]:
        if BAD in rows:
            raise fatal
        return [2 * row for row in rows]

    async with batching(run) as batcher:
        for _ in range(3):
            answers = await (await ask_many(batcher, 1, BAD, 2))
            assert values(answers) == [2, Internal, 4]
