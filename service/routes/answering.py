"""What the prediction routes share: answering while the client is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Security
from fastapi.security import HTTPBearer
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from service.errors import Invalid, ServiceError
from service.exchange import Exchange, deadline
from service.predictor import Predictor
from service.problems import problem_json
from service.registry import Model
from service.settings import Settings
from service.timing import Timing

Result = TypeVar("Result")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


NO_SUCH_MODEL = _problem("There is no such model")
NOT_READY = _problem("Overloaded or shutting down; Retry-After says when to come again")
NOT_RELOADED = _problem("Nothing was taken up: what served before goes on, the log says why")
RELOADING = _problem("Not loaded within the deadline, but still on the way")
ANY_OTHER = _problem("Any other error")

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _problem("The request cannot be read"),
    413: _problem("Body or image too large"),
    415: _problem("Not a picture that can be read"),
    422: _problem("The request does not fit, or the picture is damaged"),
    503: NOT_READY,
    504: _problem("Not ready within the deadline"),
}

FORBIDDEN = _problem("The key may not do this")
KEY_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: _problem("No key, or one that is not known"),
    403: FORBIDDEN,
    429: _problem("The quota of the key is used up; Retry-After says when to come again"),
}
KEY = HTTPBearer(scheme_name="key", description="A key from the operator", auto_error=False)


def guarded(settings: Settings, *statuses: int) -> dict[str, Any]:
    """How a router is included whose routes ask for a key, where there are keys. Only for the
    OpenAPI document: it is the gate that asks."""
    if not settings.has_keys:
        return {}
    return {
        "dependencies": [Security(KEY)],
        "responses": {status: KEY_PROBLEMS[status] for status in statuses},
    }


def deadline_of(exchange: Exchange) -> float:
    """As a time of the event loop: the server's, or what X-Request-Timeout-Ms asks for if less."""
    settings: Settings = exchange.app.state.settings
    asked = exchange.found.get(b"x-request-timeout-ms")
    return deadline(asked, settings.deadline_ms, asyncio.get_running_loop().time())


def predictor_of(exchange: Exchange, name: str) -> Predictor[Any, Any, Any]:
    """What serves a model now."""
    models: Mapping[str, Model] = exchange.app.state.models
    predictor = models[name].predictor
    exchange.model = predictor.version
    return predictor


def explain_parameter(adds: str) -> dict[str, Any]:
    """`explain` in the query as OpenAPI has it."""
    return {
        "name": "explain",
        "in": "query",
        "description": f"Whether to add {adds}.",
        "schema": {"type": "boolean", "default": False},
    }


def is_asked(exchange: Exchange, parameter: str) -> bool:
    """Whether a parameter of the query is true; raises Invalid where it is no boolean."""
    if not exchange.scope["query_string"]:
        return False
    match exchange.query_params.getlist(parameter):
        case [] | ["false"] | ["0"]:
            return False
        case ["true"] | ["1"]:
            return True
    raise Invalid(f"The parameter {parameter} must be true or false, and be given once.")


async def answer_one(
    exchange: Exchange,
    predictor: Predictor[Any, Any, Any],
    raw: object,
    deadline: float,
    explain: Callable[[Any, Any], Any] | None = None,
) -> None:
    """Predict, as long as the client waits; `explain` as in `Predictor.predict`."""
    timing = exchange.timing = Timing()
    work = predictor.predict(raw, deadline, timing, explain)
    answer = await (work if predictor.is_quick(raw) else _while_connected(exchange, work))
    started = time.perf_counter()
    await _answer(exchange, to_json(answer), timing, started)


async def answer_parts(
    exchange: Exchange,
    predictor: Predictor[Any, Any, Any],
    raw: object,
    split: Callable[[Any], tuple[Any, Sequence[Any]]],
    merge: Callable[[Any, Sequence[list[float]]], Any],
    deadline: float,
) -> None:
    """As `answer_one`, where one input takes many rows; see `Predictor.predict_parts`."""
    timing = exchange.timing = Timing()
    work = predictor.predict_parts(raw, split, merge, deadline, timing)
    answer = await _while_connected(exchange, work)
    started = time.perf_counter()
    await _answer(exchange, to_json(answer), timing, started)


async def answer_many(
    exchange: Exchange,
    predictor: Predictor[Any, Any, Any],
    raws: Sequence[object],
    deadline: float,
) -> None:
    """Predict all, as long as the client waits; an error takes the place of its answer only."""
    timing = exchange.timing = Timing()
    work = predictor.predict_many(raws, deadline, timing)
    answers = await _while_connected(exchange, work)
    started = time.perf_counter()
    entries = (
        b'{"error":%b}' % problem_json(answer, exchange.request_id)
        if isinstance(answer, ServiceError)
        else to_json(answer)
        for answer in answers
    )
    await _answer(exchange, b'{"results":[%b]}' % b",".join(entries), timing, started)


async def _while_connected(exchange: Exchange, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled as soon as the client has gone."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker
    gone = asyncio.ensure_future(exchange.gone())
    working = True

    def leave(_: asyncio.Future[None]) -> None:
        if working and not gone.cancelled():
            task.cancel()

    gone.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if not gone.done():
            raise  # the server is shutting down
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        working = False
        gone.cancel()


async def _answer(exchange: Exchange, body: bytes, timing: Timing, started: float) -> None:
    timings = (
        f"decode;dur={timing.decode * 1000:.3f}, queue;dur={timing.queue * 1000:.3f}, "
        f"infer;dur={timing.infer * 1000:.3f}, "
        f"encode;dur={(time.perf_counter() - started) * 1000:.3f}, "
        f'batch;desc="{timing.batch}"'
    )
    await exchange.answer(body, b"application/json", [(b"server-timing", timings.encode())])
