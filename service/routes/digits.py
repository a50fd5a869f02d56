"""POST /digits and /digits/batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.contract import image
from service.errors import Invalid, Malformed, TooLarge
from service.exchange import Exchange
from service.routes.answering import (
    PROBLEMS,
    answer_many,
    answer_one,
    deadline_of,
    predictor_of,
)
from service.schemas import MAX_BATCH, BatchAnswer, DigitAnswer

router = APIRouter(tags=["digits"])

MAX_CALL_PIXELS = 64_000_000

BINARY = {"schema": {"type": "string", "format": "binary"}}


def _form(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {"schema": {"type": "object", "properties": properties, "required": required}}


@router.post(
    "/digits",
    response_model=None,
    responses={200: {"model": DigitAnswer}, **PROBLEMS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                **{f"image/{kind}": BINARY for kind in ("png", "jpeg", "webp", "bmp", "gif")},
                "application/octet-stream": BINARY,
                "multipart/form-data": _form({"image": BINARY["schema"]}),
            },
        }
    },
)
async def read_one_digit(exchange: Exchange) -> None:
    """The digit in one picture, sent as the raw body or as the field `image` of a form."""
    deadline, predictor = deadline_of(exchange), predictor_of(exchange, "digits")
    upload = await exchange.body()
    if _is_form(exchange):
        uploads = await _uploads(exchange, "image")
        if len(uploads) != 1:
            raise Malformed(f"The form has {len(uploads)} fields image; one file was expected.")
        [upload] = uploads
    await answer_one(exchange, predictor, upload, deadline)


@router.post(
    "/digits/batch",
    response_model=None,
    responses={200: {"model": BatchAnswer[DigitAnswer]}, **PROBLEMS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _form(
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
    uploads = await _uploads(exchange, "images")
    if not uploads:
        raise Invalid(f"The form has no field images; 1 to {MAX_BATCH} are accepted.")
    if (total := await asyncio.to_thread(_pixels, uploads)) > MAX_CALL_PIXELS:
        raise TooLarge(f"{total:,} pixels in one call; at most {MAX_CALL_PIXELS:,} are accepted.")
    await answer_many(exchange, predictor, uploads, deadline)


def _pixels(uploads: Sequence[bytes]) -> int:
    return sum(map(image.pixels, uploads))


class _Form(MultiPartParser):
    """Refuses too many files early, and knows whether the end of the form has come."""

    spool_max_size = 2**31  # files stay in memory, where the whole body is already
    ended = False

    def on_part_begin(self) -> None:
        if len(self.items) >= MAX_BATCH:
            raise Invalid(f"The form has more than {MAX_BATCH} files; no more are accepted.")
        super().on_part_begin()

    def on_end(self) -> None:
        self.ended = True


def _is_form(exchange: Exchange) -> bool:
    kind = (exchange.header(b"content-type") or "").partition(";")[0]
    return kind.strip().lower() == "multipart/form-data"


async def _uploads(exchange: Exchange, field: str) -> list[bytes]:
    """The files of a form that has nothing but files in `field`."""
    if not await exchange.body():
        raise Invalid("The body is empty; a form was expected.")
    if not _is_form(exchange):
        raise Malformed(f"The body must be multipart/form-data with files in the field {field}.")
    parser = _Form(exchange.headers, exchange.stream())
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:  # ValueError: codecs of some charsets
        raise Malformed("The body is not well-formed multipart/form-data.") from error
    try:
        if not parser.ended:
            raise Malformed("The form breaks off before its closing boundary.")
        files = [value for value in form.getlist(field) if isinstance(value, UploadFile)]
        if len(files) != len(form.multi_items()):
            raise Malformed(f"The form must hold nothing but files in the field {field}.")
        return [await file.read() for file in files]
    finally:
        await form.close()
