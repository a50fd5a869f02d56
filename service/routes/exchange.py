"""What the prediction routes share: answering while the client is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from service.errors import Invalid, ServiceError
from service.predictor import Predictor, Timing
from service.problems import problem_json
from service.registry import Model
from service.settings import Settings

Result = TypeVar("Result")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


NO_SUCH_MODEL = _problem("There is no such model")
NOT_READY = _problem("Overloaded or shutting down; Retry-After says when to come again")
ANY_OTHER = _problem("Any other error")

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("The request cannot be read"),
    413: _problem("Body or image too large"),
    415: _problem("Not a picture that can be read"),
    422: _problem("The request does not fit, or the picture is damaged"),
    503: NOT_READY,
    504: _problem("Not ready within the deadline"),
}


async def answer_one(request: Request, name: str, raw: object) -> Response:
    """Predict, as long as the client waits."""
    timing = Timing()
    predictor = _predictor(request, name)
    answer = await _while_connected(request, predictor.predict(raw, _deadline(request), timing))
    started = time.perf_counter()
    body = answer.model_dump_json().encode()
    return _response(body, timing, started)


async def answer_many(request: Request, name: str, raws: Sequence[object]) -> Response:
    """Predict all, as long as the client waits; an error takes the place of its answer only."""
    timing = Timing()
    predictor = _predictor(request, name)
    work = predictor.predict_many(raws, _deadline(request), timing)
    answers = await _while_connected(request, work)
    started = time.perf_counter()
    request_id = request.state.request_id
    entries = (
        b'{"error":%b}' % problem_json(answer, request_id)
        if isinstance(answer, ServiceError)
        else answer.model_dump_json().encode()
        for answer in answers
    )
    return _response(b'{"results":[%b]}' % b",".join(entries), timing, started)


def _predictor(request: Request, name: str) -> Predictor[Any, Any, Any]:
    models: Mapping[str, Model] = request.app.state.models
    return models[name].predictor


def _deadline(request: Request) -> float:
    """As a time of the event loop: the server's, or what X-Request-Timeout-Ms asks for if less."""
    settings: Settings = request.app.state.settings
    asked = request.headers.get("x-request-timeout-ms")
    if asked is not None and not (asked.isascii() and asked.isdecimal() and float(asked) > 0):
        raise Invalid("X-Request-Timeout-Ms must be a whole number of milliseconds above 0.")
    patience_ms = min(settings.deadline_ms, float(asked or settings.deadline_ms))
    return asyncio.get_running_loop().time() + patience_ms / 1000


async def _while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled as soon as the client has gone."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(body: bytes, timing: Timing, encoding_started: float) -> Response:
    encode = time.perf_counter() - encoding_started
    timings = ", ".join(
        f"{name};dur={seconds * 1000:.3f}"
        for name, seconds in (
            ("decode", timing.decode),
            ("queue", timing.queue),
            ("infer", timing.infer),
            ("encode", encode),
        )
    )
    headers = {"Server-Timing": f'{timings}, batch;desc="{timing.batch}"'}
    return Response(body, headers=headers, media_type="application/json")
