"""The path of one input: decode, wait for a run, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from service.batching import Answered, Batcher
from service.contract.manifest import GoldenCase, Manifest
from service.errors import ServiceError
from service.schemas import ModelCard
from service.session import Session
from service.settings import Settings
from service.telemetry import QueueMetrics
from service.timing import Timing

Raw = TypeVar("Raw")
Features = TypeVar("Features")
Answer = TypeVar("Answer")
Whole = TypeVar("Whole")
Merged = TypeVar("Merged")

GOLDEN_TOLERANCE = 1e-3  # other CPUs round otherwise

DECODED_TOGETHER = 16
"""Inputs of bulk calls that are decoded in one go, since each alone takes next to nothing."""


LOOP_QUEUE_LIMIT = 0.1
"""Seconds of work that may wait for runs on the event loop, where it holds up everything else."""


class Task(Protocol[Raw, Features, Answer]):
    """What one kind of input needs around the run; see `digits` and `sentiment`."""

    runs_on_loop: bool
    """Whether a run is so short that a thread would cost more than it saves."""
    max_padded: float
    """Rows of a run times the size of its largest: bounds what others wait for, and memory."""
    large: float
    """Weight from which inputs are decoded apart, so that they hold up no others."""
    max_large: float
    """Weight of the large inputs that are held at a time."""

    @property
    def limits(self) -> dict[str, int]: ...
    def is_light(self, raw: Raw, /) -> bool: ...
    def weight(self, raw: Raw, /) -> float: ...
    def decode(self, raw: Raw, /) -> Features: ...
    def size(self, features: Features, /) -> float: ...
    def collate(self, rows: Sequence[Features], /) -> dict[str, npt.NDArray[np.generic]]: ...
    def postprocess(self, logits: list[float], features: Features, /) -> Answer: ...
    def typical(self) -> Sequence[Raw]: ...
    def golden_input(self, case: GoldenCase, /) -> Raw: ...
    def golden_output(self, answer: Answer, /) -> tuple[str, list[float]]: ...


@dataclass(frozen=True, slots=True)
class _Upload(Generic[Raw]):
    raw: Raw
    weight: float
    decode: Callable[[Raw], Any]


class Predictor(Generic[Raw, Features, Answer]):
    """One served version of a model."""

    def __init__(
        self,
        manifest: Manifest,
        task: Task[Raw, Features, Answer],
        session: Session,
        settings: Settings,
    ) -> None:
        self.manifest = manifest
        self.task = task
        self.version = f"{manifest.name}/{manifest.version}"  # as in answers: digits/1
        self._session = session
        self._max_batch = settings.max_batch
        name, limit = manifest.name, settings.queue_limit_ms / 1000
        self._infer: Batcher[Features, list[float]] = Batcher(
            self.run,
            size=task.size,
            threads=0 if task.runs_on_loop else settings.threads,
            max_batch=settings.max_batch,
            max_padded=task.max_padded,
            queue_limit=min(limit, LOOP_QUEUE_LIMIT) if task.runs_on_loop else limit,
            metrics=QueueMetrics(name, "infer"),
        )

        def decoder(stage: str, **bounds: Any) -> Batcher[_Upload[Raw], Any]:
            return Batcher(
                self._decode_all,
                size=lambda upload: upload.weight,
                queue_limit=limit,
                metrics=QueueMetrics(name, stage),
                **bounds,
            )

        apart: dict[str, Any] = {"threads": 1, "max_batch": 1, "max_held": task.max_large}
        self._decode = decoder(
            "decode",
            threads=settings.threads,
            max_batch=DECODED_TOGETHER,
            max_padded=task.large,
        )
        self._split = decoder("split", **apart)
        self._decode_large = decoder("decode_large", **apart)

    def is_quick(self, raw: Raw) -> bool:
        """Whether the answer is there so soon that a client can hardly leave before it."""
        return self.task.runs_on_loop and self.task.is_light(raw)

    def refuse_if_full(self, deadline: float) -> None:
        """Raise Overloaded or Draining where `predict` would, before anyone works on the input."""
        self._infer.refuse_if_full(deadline)

    async def predict(
        self,
        raw: Raw,
        deadline: float,
        timing: Timing,
        explain: Callable[[Answer, Features], Answer] | None = None,
    ) -> Answer:
        """The answer to one input, or what `explain` makes of it; raises ServiceError.

        `deadline` is a time of the event loop.
        """
        timing.began = time.perf_counter()
        if self.task.is_light(raw):
            features = self.task.decode(raw)
        else:
            upload = await asyncio.to_thread(self._weighed, raw, self.task.decode)
            features = await _decoded(self._decoder(upload), upload, deadline)
        timing.decode = time.perf_counter() - timing.began
        outcome = await self._infer.submit(features, deadline)
        timing.add(outcome.queued, outcome.ran, outcome.batch)
        answer = self.task.postprocess(outcome.result, features)
        return explain(answer, features) if explain else answer

    async def predict_many(
        self, raws: Sequence[Raw], deadline: float, timing: Timing
    ) -> list[Answer | ServiceError]:
        """An answer or an error for each input, in order; raises ServiceError where no input of the
        call can be run at all."""
        timing.began = time.perf_counter()
        decoded = await self._decode_many(raws, deadline)
        timing.decode = time.perf_counter() - timing.began
        rows = [each for each in decoded if not isinstance(each, ServiceError)]
        outcomes = iter(await self._infer.submit_many(rows, deadline) if rows else [])
        answers: list[Answer | ServiceError] = []
        for features in decoded:
            if isinstance(features, ServiceError):
                answers.append(features)
            elif isinstance(outcome := next(outcomes), ServiceError):
                answers.append(outcome)
            else:
                timing.add(outcome.queued, outcome.ran, outcome.batch)
                answers.append(self.task.postprocess(outcome.result, features))
        return answers

    async def predict_parts(
        self,
        raw: Raw,
        split: Callable[[Raw], tuple[Whole, Sequence[Features]]],
        merge: Callable[[Whole, Sequence[list[float]]], Merged],
        deadline: float,
        timing: Timing,
    ) -> Merged:
        """The answer to one input that takes many rows, or none: `split` makes them, in a thread,
        and `merge` the answer out of their logits, in order; raises ServiceError if any row fails.
        """
        timing.began = time.perf_counter()
        self.refuse_if_full(deadline)
        upload = await asyncio.to_thread(self._weighed, raw, split)
        whole, rows = await _decoded(self._split, upload, deadline)
        timing.decode = time.perf_counter() - timing.began
        logits: list[list[float]] = []
        for outcome in await self._infer.submit_many(rows, deadline) if rows else []:
            if isinstance(outcome, ServiceError):
                raise outcome
            timing.add(outcome.queued, outcome.ran, outcome.batch)
            logits.append(outcome.result)
        return merge(whole, logits)

    def check_golden_cases(self) -> str | None:
        """Answer every golden case as a request would be; what differs, or None."""
        for number, case in enumerate(self.manifest.golden, start=1):
            features = self.task.decode(self.task.golden_input(case))
            [logits] = self.run([features])
            answer = self.task.postprocess(logits, features)
            label, probabilities = self.task.golden_output(answer)
            off = np.abs(np.subtract(probabilities, case.probabilities)).max()
            if label != case.label or not off <= GOLDEN_TOLERANCE:
                return (
                    f"golden case {number} gives {label} where {case.label} was published "
                    f"(probabilities differ by up to {off:.1e})"
                )
        return None

    def learn_costs(self) -> None:
        """Run batches of all sizes, so that the first requests are already predicted right."""
        for raw in self.task.typical():
            features = self.task.decode(raw)
            rows = 1
            while rows <= self._max_batch:
                if rows * self.task.size(features) <= self.task.max_padded:
                    self._infer.measure([features] * rows)
                rows *= 2

    async def close(self) -> None:
        """Answer what was admitted, refuse the rest."""
        async with AsyncExitStack() as stack:  # closes the last first: inputs come to an end
            for stage in (self._infer, self._decode, self._decode_large, self._split):
                stack.push_async_callback(stage.close)

    def card(self) -> dict[str, Any]:
        """The part of the model card that this version knows of itself."""
        fields = ModelCard.model_fields.keys() & Manifest.model_fields.keys()
        described = self.manifest.model_dump(include=set(fields))
        return {**described, "accuracy": self.manifest.test, "limits": self.task.limits}

    def _weighed(self, raw: Raw, decode: Callable[[Raw], Any]) -> _Upload[Raw]:
        """In a thread: what stands before the pixels of an upload can be long."""
        return _Upload(raw, self.task.weight(raw), decode)

    def _decoder(self, upload: _Upload[Raw]) -> Batcher[_Upload[Raw], Any]:
        return self._decode_large if upload.weight >= self.task.large else self._decode

    async def _decode_many(
        self, raws: Sequence[Raw], deadline: float
    ) -> list[Features | ServiceError]:
        """Large ones beside the others, each as itself or its error, in order."""
        uploads = await asyncio.to_thread(
            lambda: [self._weighed(raw, self.task.decode) for raw in raws]
        )
        places: dict[Batcher[_Upload[Raw], Any], list[int]] = {}
        for place, upload in enumerate(uploads):
            places.setdefault(self._decoder(upload), []).append(place)
        calls = [
            asyncio.ensure_future(
                decoder.submit_many([uploads[place] for place in chosen], deadline)
            )
            for decoder, chosen in places.items()
        ]
        try:
            answers = await asyncio.gather(*calls)
        except BaseException:  # one is refused, or the client has gone: nobody wants the others
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            raise
        decoded: dict[int, Features | ServiceError] = {}
        for chosen, outcomes in zip(places.values(), answers, strict=True):
            for place, outcome in zip(chosen, outcomes, strict=True):
                decoded[place] = _result(outcome)
        return [decoded[place] for place in range(len(raws))]

    def _decode_all(self, uploads: Sequence[_Upload[Raw]]) -> list[Any]:
        decoded: list[Any] = []
        for upload in uploads:
            try:
                decoded.append(upload.decode(upload.raw))
            except ServiceError as error:
                decoded.append(error)
        return decoded

    def run(self, rows: Sequence[Features]) -> list[list[float]]:
        """Logits of each row, out of one run, here and now."""
        logits: list[list[float]] = self._session.run(self.task.collate(rows)).tolist()
        return logits


async def _decoded(
    decoder: Batcher[_Upload[Raw], Any], upload: _Upload[Raw], deadline: float
) -> Any:
    """What becomes of an upload, in a thread; raises its ServiceError."""
    decoded = (await decoder.submit(upload, deadline)).result
    if isinstance(decoded, ServiceError):
        raise decoded
    return decoded


def _result(outcome: Answered[Features | ServiceError]) -> Features | ServiceError:
    return outcome if isinstance(outcome, ServiceError) else outcome.result
