"""POST /digits and /digits/batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter

from service.contract import decoding
from service.digits import explained
from service.errors import Invalid, TooLarge
from service.exchange import Exchange
from service.routes.answering import (
    PROBLEMS,
    answer_many,
    answer_one,
    deadline_of,
    explain_parameter,
    is_asked,
    predictor_of,
)
from service.routes.uploads import BINARY, ONE_PICTURE, form_schema, one_upload, uploads_of
from service.schemas import MAX_BATCH, BatchAnswer, DigitAnswer, ExplainedDigitAnswer

router = APIRouter(tags=["digits"])

MAX_CALL_PIXELS = 64_000_000


@router.post(
    "/digits",
    response_model=None,
    responses={200: {"model": DigitAnswer | ExplainedDigitAnswer}, **PROBLEMS},
    openapi_extra={
        "parameters": [explain_parameter("what the model saw, and where in the upload it lay")],
        "requestBody": ONE_PICTURE,
    },
)
async def read_one_digit(exchange: Exchange) -> None:
    """The digit in one picture, sent as the raw body or as the field `image` of a form."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "digits")
    explain = explained if is_asked(exchange, "explain") else None
    await answer_one(exchange, predictor, await one_upload(exchange), deadline, explain)


@router.post(
    "/digits/batch",
    response_model=None,
    responses={200: {"model": BatchAnswer[DigitAnswer]}, **PROBLEMS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": form_schema(
                    {
                        "images": {
                            "type": "array",
                            "items": BINARY["schema"],
                            "minItems": 1,
                            "maxItems": MAX_BATCH,
                        }
                    }
                )
            },
        }
    },
)
async def read_many_digits(exchange: Exchange) -> None:
    """The digits in many pictures; a picture that cannot be read gets an error in its place."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "digits")
    uploads = await uploads_of(exchange, "images")
    if not uploads:
        raise Invalid(f"The form has no field images; 1 to {MAX_BATCH} are accepted.")
    if (total := await asyncio.to_thread(_pixels, uploads)) > MAX_CALL_PIXELS:
        raise TooLarge(f"{total:,} pixels in one call; at most {MAX_CALL_PIXELS:,} are accepted.")
    await answer_many(exchange, predictor, uploads, deadline)


def _pixels(uploads: Sequence[bytes]) -> int:
    return sum(map(decoding.pixels, uploads))
