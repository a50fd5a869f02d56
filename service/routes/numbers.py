"""POST /digits/read."""

from __future__ import annotations

from functools import partial
from typing import cast

from fastapi import APIRouter

from service import reading
from service.digits import Digits
from service.exchange import Exchange
from service.routes.answering import PROBLEMS, answer_parts, deadline_of, predictor_of
from service.routes.uploads import ONE_PICTURE, one_upload
from service.schemas import NumberAnswer

router = APIRouter(tags=["digits"])


@router.post(
    "/digits/read",
    response_model=None,
    responses={200: {"model": NumberAnswer}, **PROBLEMS},
    openapi_extra={"requestBody": ONE_PICTURE},
)
async def read_a_number(exchange: Exchange) -> None:
    """All digits in one picture, on one or more lines, sent as for /digits."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "digits")
    upload = await one_upload(exchange)
    merge = partial(reading.merge, cast(Digits, predictor.task))
    await answer_parts(exchange, predictor, upload, reading.split, merge, deadline)
