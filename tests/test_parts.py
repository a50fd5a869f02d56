"""One input that takes many rows of the model, and one answer out of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import Invalid, ServiceError
from service.predictor import Predictor
from service.sentiment import Sentiment
from service.settings import Settings
from service.timing import Timing
from tests.committed import committed
from tests.deadline import DEADLINE, within_deadline

WORDS = ["a", "good", "film", "and", "a", "terrible", "one"]


@asynccontextmanager
async def predicting(models_dir: Path) -> AsyncIterator[Predictor[str, Any, Any]]:
    """The committed model of texts, whose rows have many sizes."""
    found = committed(models_dir, "sentiment")
    task = Sentiment(found.manifest, found.files())
    predictor: Predictor[str, Any, Any] = Predictor(
        found.manifest, task, found.session(), Settings()
    )
    try:
        yield predictor
    finally:
        await predictor.close()


def soon() -> float:
    return asyncio.get_running_loop().time() + DEADLINE


@within_deadline
async def test_the_answer_is_made_of_all_rows_in_their_order(models_dir: Path) -> None:
    async with predicting(models_dir) as predictor:

        def split(text: str) -> tuple[str, list[Any]]:
            return text, [predictor.task.decode(word) for word in text.split()]

        def merge(text: str, logits: Sequence[list[float]]) -> tuple[str, list[float]]:
            return text, [row[0] for row in logits]

        timing = Timing()
        text, together = await predictor.predict_parts(
            " ".join(WORDS), split, merge, soon(), timing
        )
        alone = [
            (await predictor.predict_parts(word, split, merge, soon(), Timing()))[1][0]
            for word in WORDS
        ]
    assert text.split() == WORDS
    assert together == alone
    assert len(set(together)) > 3
    assert timing.decode > 0
    assert timing.infer > 0
    assert timing.batch > 1


@within_deadline
async def test_an_input_may_take_no_row_at_all(models_dir: Path) -> None:
    async with predicting(models_dir) as predictor:
        answer = await predictor.predict_parts(
            "nothing", lambda text: (text, []), lambda text, rows: (text, rows), soon(), Timing()
        )
    assert answer == ("nothing", [])


@within_deadline
async def test_an_input_that_cannot_be_split_is_refused_as_that_says(models_dir: Path) -> None:
    def split(text: str) -> tuple[None, list[Any]]:
        raise Invalid(f"{len(text)} letters")

    async with predicting(models_dir) as predictor:
        with pytest.raises(Invalid, match="3 letters"):
            await predictor.predict_parts("abc", split, lambda _, rows: rows, soon(), Timing())


@within_deadline
async def test_there_is_no_answer_if_one_row_fails(models_dir: Path) -> None:
    async with predicting(models_dir) as predictor:
        good = predictor.task.decode("a good film")
        bad = replace(good, ids=np.array([10**9]))  # the number of no word

        with pytest.raises(ServiceError) as failure:
            await predictor.predict_parts(
                "a",
                lambda text: (text, [good, bad, good]),
                lambda _, rows: rows,
                soon(),
                Timing(),
            )
        assert failure.value.code == "internal"
        again = await predictor.predict_parts(
            "a", lambda text: (text, [good]), lambda _, rows: rows, soon(), Timing()
        )
    assert len(again) == 1


@within_deadline
async def test_rows_that_cannot_be_done_in_time_are_refused(models_dir: Path) -> None:
    async with predicting(models_dir) as predictor:
        row = predictor.task.decode("a good film " * 50)
        past = asyncio.get_running_loop().time() - 1
        with pytest.raises(ServiceError) as refusal:
            await predictor.predict_parts(
                "a", lambda text: (text, [row] * 100), lambda _, rows: rows, past, Timing()
            )
    assert refusal.value.code in ("deadline_exceeded", "overloaded")
