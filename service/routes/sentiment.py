"""POST /sentiment and /sentiment/batch."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError

from service import explaining
from service.errors import Invalid, Malformed
from service.exchange import Exchange
from service.routes.answering import (
    PROBLEMS,
    answer_many,
    answer_one,
    answer_parts,
    deadline_of,
    explain_parameter,
    is_asked,
    predictor_of,
)
from service.schemas import (
    BatchAnswer,
    ExplainedSentimentAnswer,
    SentimentAnswer,
    SentimentBatchRequest,
    SentimentRequest,
)
from service.sentiment import Sentiment

router = APIRouter(tags=["sentiment"])

MAX_NESTING = 100
MANY_VALUES = 10_000

KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}

Body = TypeVar("Body", bound=BaseModel)


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": model.model_json_schema()}}


@router.post(
    "/sentiment",
    response_model=None,
    responses={200: {"model": SentimentAnswer | ExplainedSentimentAnswer}, **PROBLEMS},
    openapi_extra={
        "parameters": [explain_parameter("the weight of every word, and where it stands")],
        "requestBody": {
            "required": True,
            "content": {
                **_json(SentimentRequest),
                "text/plain": {"schema": {"type": "string", "minLength": 1}},
            },
        },
    },
)
async def tell_one_mood(exchange: Exchange) -> None:
    """The mood of one text, sent as JSON or as text/plain in UTF-8."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "sentiment")
    explain = is_asked(exchange, "explain")
    body = await exchange.body()
    if not body:
        raise Invalid("The body is empty; a text was expected.")
    if (exchange.header(b"content-type") or "").lower().startswith("text/plain"):
        text = _utf8(body)
    else:
        text = _parse(body, SentimentRequest).text
    if explain:
        task = cast(Sentiment, predictor.task)
        split = partial(explaining.split, task, predictor.run)
        merge = partial(explaining.merge, task)
        await answer_parts(exchange, predictor, text, split, merge, deadline)
    else:
        await answer_one(exchange, predictor, text, deadline)


@router.post(
    "/sentiment/batch",
    response_model=None,
    responses={200: {"model": BatchAnswer[SentimentAnswer]}, **PROBLEMS},
    openapi_extra={"requestBody": {"required": True, "content": _json(SentimentBatchRequest)}},
)
async def tell_many_moods(exchange: Exchange) -> None:
    """The moods of many texts."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "sentiment")
    body = await exchange.body()
    if not body:
        raise Invalid("The body is empty; texts were expected.")
    await answer_many(exchange, predictor, _parse(body, SentimentBatchRequest).texts, deadline)


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from error


def _parse(body: bytes, model: type[Body]) -> Body:
    """Raises Malformed for what is no JSON, Invalid for JSON of another form than `model`."""
    if body.count(b"[") + body.count(b"{") + body.count(b",") < MANY_VALUES:
        return _parsed(body, model)
    with _no_garbage_collection():
        return _parsed(body, model)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Three million lists would be looked through again and again while they are made, on the event
    loop, for seconds; and what JSON makes has no cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _parsed(body: bytes, model: type[Body]) -> Body:
    try:
        value = json.loads(_utf8(body))
    except RecursionError as error:
        raise Malformed(f"The JSON is nested more than {MAX_NESTING} deep.") from error
    except json.JSONDecodeError as error:
        raise Malformed("The body is not JSON.") from error
    except ValueError as error:  # what int() says
        raise Invalid("The body has a number that is too long to be read.") from error
    if body.count(b"[") + body.count(b"{") > MAX_NESTING and _depth_exceeds(value, MAX_NESTING):
        raise Malformed(f"The JSON is nested more than {MAX_NESTING} deep.")
    if not isinstance(value, dict):
        raise Invalid(f"The body must be an object; {KINDS[type(value)]} came.")
    if value.keys() - model.model_fields.keys():
        raise Invalid(f"The body has other fields than {', '.join(model.model_fields)}.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        came = f"; {KINDS[type(first['input'])]} came" if first["type"].endswith("_type") else ""
        raise Invalid(f"{field}: {first['msg']}{came}.") from error


def _depth_exceeds(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)
