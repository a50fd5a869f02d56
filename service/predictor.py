"""The path of one input: decode, wait for a run, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from service.batching import Batcher, Outcome
from service.contract.manifest import GoldenCase, Manifest
from service.errors import ServiceError
from service.schemas import ModelCard
from service.session import Session

Raw = TypeVar("Raw")
Features = TypeVar("Features")
Answer = TypeVar("Answer")

Logits = npt.NDArray[np.float32]

GOLDEN_TOLERANCE = 1e-3  # other CPUs round otherwise


class Task(Protocol[Raw, Features, Answer]):
    """What one kind of input needs around the run; see `digits` and `sentiment`."""

    @property
    def limits(self) -> dict[str, int]: ...
    def is_light(self, raw: Raw, /) -> bool: ...
    def decode(self, raw: Raw, /) -> Features: ...
    def size(self, features: Features, /) -> int: ...
    def collate(self, rows: Sequence[Features], /) -> dict[str, npt.NDArray[np.generic]]: ...
    def postprocess(self, logits: Logits, features: Features, /) -> Answer: ...
    def golden_input(self, case: GoldenCase, /) -> Raw: ...
    def golden_output(self, answer: Answer, /) -> tuple[str, list[float]]: ...


@dataclass(slots=True)
class Timing:
    """Where the time of one request went, in seconds; of a bulk call the longest of its rows."""

    decode: float = 0.0
    queue: float = 0.0
    infer: float = 0.0
    batch: int = 0

    def add(self, outcome: Outcome[Logits]) -> None:
        """Take in what one row had to wait for."""
        self.queue = max(self.queue, outcome.queued)
        self.infer = max(self.infer, outcome.ran)
        self.batch = max(self.batch, outcome.batch)


class Predictor(Generic[Raw, Features, Answer]):
    """One served version of a model."""

    def __init__(
        self,
        manifest: Manifest,
        task: Task[Raw, Features, Answer],
        session: Session,
        *,
        max_batch: int,
        queue_limit: int,
        threads: int,
    ) -> None:
        self.manifest = manifest
        self.task = task
        self._session = session
        self._batcher: Batcher[Features, Logits] = Batcher(
            self._run,
            size=task.size,
            max_batch=max_batch,
            queue_limit=queue_limit,
            threads=threads,
        )
        self._decoding = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    async def predict(self, raw: Raw, deadline: float, timing: Timing) -> Answer:
        """The answer to one input; raises ServiceError. `deadline` is a time of the event loop."""
        features = await self._decode(raw, timing)
        [outcome] = await self._batcher.submit([features], deadline)
        return self._answer(features, outcome, timing)

    async def predict_many(
        self, raws: Sequence[Raw], deadline: float, timing: Timing
    ) -> list[Answer | ServiceError]:
        """An answer or an error for each input, in order; raises ServiceError where no input of the
        call can be run at all."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        decoded = await loop.run_in_executor(self._decoding, self._decode_all, raws)
        timing.decode = time.perf_counter() - started
        rows = [each for each in decoded if not isinstance(each, ServiceError)]
        outcomes = iter(await self._batcher.submit(rows, deadline) if rows else [])
        results: list[Answer | ServiceError] = []
        for features in decoded:
            if isinstance(features, ServiceError):
                results.append(features)
                continue
            try:
                results.append(self._answer(features, next(outcomes), timing))
            except ServiceError as error:
                results.append(error)
        return results

    def check_golden_cases(self) -> str | None:
        """Answer every golden case as a request would be; what differs, or None. Warms up, too."""
        for number, case in enumerate(self.manifest.golden, start=1):
            features = self.task.decode(self.task.golden_input(case))
            [logits] = self._run([features])
            answer = self.task.postprocess(logits, features)
            label, probabilities = self.task.golden_output(answer)
            off = np.abs(np.subtract(probabilities, case.probabilities)).max()
            if label != case.label or not off <= GOLDEN_TOLERANCE:
                return (
                    f"golden case {number} gives {label} where {case.label} was published "
                    f"(probabilities differ by up to {off:.1e})"
                )
        return None

    async def close(self) -> None:
        """Answer what was admitted, refuse the rest."""
        await self._batcher.close()
        self._decoding.shutdown()

    def card(self) -> dict[str, Any]:
        """The part of the model card that this version knows of itself."""
        fields = ModelCard.model_fields.keys() & Manifest.model_fields.keys()
        described = self.manifest.model_dump(include=set(fields))
        return {**described, "accuracy": self.manifest.test, "limits": self.task.limits}

    async def _decode(self, raw: Raw, timing: Timing) -> Features:
        started = time.perf_counter()
        if self.task.is_light(raw):
            features = self.task.decode(raw)
        else:
            loop = asyncio.get_running_loop()
            features = await loop.run_in_executor(self._decoding, self.task.decode, raw)
        timing.decode = time.perf_counter() - started
        return features

    def _decode_all(self, raws: Sequence[Raw]) -> list[Features | ServiceError]:
        decoded: list[Features | ServiceError] = []
        for raw in raws:
            try:
                decoded.append(self.task.decode(raw))
            except ServiceError as error:
                decoded.append(error)
        return decoded

    def _run(self, rows: Sequence[Features]) -> Sequence[Logits]:
        return list(self._session.run(self.task.collate(rows)))

    def _answer(
        self, features: Features, outcome: Outcome[Logits] | ServiceError, timing: Timing
    ) -> Answer:
        if isinstance(outcome, ServiceError):
            raise outcome
        timing.add(outcome)
        return self.task.postprocess(outcome.result, features)
