"""POST /digits and /digits/batch."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from service.contract import image
from service.errors import Invalid, Malformed, TooLarge
from service.routes.exchange import PROBLEMS, answer_many, answer_one
from service.schemas import MAX_BATCH, BatchAnswer, DigitAnswer

router = APIRouter(tags=["digits"])

MAX_CALL_PIXELS = 64_000_000

BINARY = {"schema": {"type": "string", "format": "binary"}}


def _form(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {"schema": {"type": "object", "properties": properties, "required": required}}


@router.post(
    "/digits",
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
async def read_one_digit(request: Request) -> Response:
    """The digit in one picture, sent as the raw body or as the field `image` of a form."""
    if not _is_form(request):
        return await answer_one(request, "digits", await request.body())
    uploads = await _uploads(request, "image")
    if len(uploads) != 1:
        raise Malformed(f"The form has {len(uploads)} fields image; one file was expected.")
    return await answer_one(request, "digits", uploads[0])


@router.post(
    "/digits/batch",
    responses={200: {"model": BatchAnswer[DigitAnswer]}, **PROBLEMS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _form(
                    {"images": {"type": "array", "items": BINARY["schema"], "maxItems": MAX_BATCH}}
                )
            },
        }
    },
)
async def read_many_digits(request: Request) -> Response:
    """The digits in many pictures; a picture that cannot be read gets an error in its place."""
    if not _is_form(request):
        raise Malformed("The body must be multipart/form-data with files in the field images.")
    uploads = await _uploads(request, "images")
    if not 1 <= len(uploads) <= MAX_BATCH:
        raise Invalid(f"The form has {len(uploads)} fields images; 1 to {MAX_BATCH} are accepted.")
    if (total := sum(map(image.pixels, uploads))) > MAX_CALL_PIXELS:
        raise TooLarge(f"{total:,} pixels in one call; at most {MAX_CALL_PIXELS:,} are accepted.")
    return await answer_many(request, "digits", uploads)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def _uploads(request: Request, field: str) -> list[bytes]:
    """The files of a form that has nothing but files in `field`."""
    await request.body()
    try:
        async with request.form() as form:
            names = {name for name, _ in form.multi_items()}
            files = [value for value in form.getlist(field) if isinstance(value, UploadFile)]
            if names - {field} or len(files) != len(form.multi_items()):
                raise Malformed(f"The form must hold nothing but files in the field {field}.")
            return [await file.read() for file in files]
    except (HTTPException, FormParserError) as error:
        raise Malformed("The body is not well-formed multipart/form-data.") from error
