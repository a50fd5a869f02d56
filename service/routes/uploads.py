"""The pictures that a request brings: as its raw body or as the files of a form."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.errors import Invalid, Malformed
from service.exchange import Exchange
from service.schemas import MAX_BATCH

BINARY = {"schema": {"type": "string", "format": "binary"}}


def form_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """A form that has all of these fields and no other, for the OpenAPI document."""
    return {
        "schema": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    }


ONE_PICTURE = {
    "required": True,
    "content": {
        **{f"image/{kind}": BINARY for kind in ("png", "jpeg", "webp", "bmp", "gif")},
        "application/octet-stream": BINARY,
        "multipart/form-data": form_schema({"image": BINARY["schema"]}),
    },
}
"""The body of a request about one picture, for the OpenAPI document."""


async def one_upload(exchange: Exchange) -> bytes:
    """The picture sent as the raw body or as the field `image` of a form."""
    upload = await exchange.body()
    if _is_form(exchange):
        uploads = await uploads_of(exchange, "image")
        if len(uploads) != 1:
            raise Malformed(f"The form has {len(uploads)} fields image; one file was expected.")
        [upload] = uploads
    return upload


async def uploads_of(exchange: Exchange, field: str) -> list[bytes]:
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
