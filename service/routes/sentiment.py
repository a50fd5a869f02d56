"""POST /sentiment and /sentiment/batch."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from fastapi import APIRouter
from pydantic import BaseModel

from service import explaining
from service.errors import Invalid
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
from service.routes.json_body import parse, utf8
from service.schemas import (
    BatchAnswer,
    ExplainedSentimentAnswer,
    SentimentAnswer,
    SentimentBatchRequest,
    SentimentRequest,
)
from service.sentiment import Sentiment

router = APIRouter(tags=["sentiment"])


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
        text = utf8(body)
    else:
        text = parse(body, SentimentRequest).text
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
    await answer_many(exchange, predictor, parse(body, SentimentBatchRequest).texts, deadline)
