"""The JSON of a request, read without more work than what is expected can need."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from service.errors import Invalid, Malformed

MAX_NESTING = 100
MAX_PIECES = 10_000  # 256 texts have some 500; three million lists would take seconds to be made

# A string, whatever is in it, or what makes one value out of others.
PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)

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


def utf8(body: bytes) -> str:
    """Raises Malformed for what is none."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from error


def parse(body: bytes, model: type[Body]) -> Body:
    """Raises Malformed for what is no JSON, Invalid for JSON of another form than `model`."""
    text = utf8(body)
    if body.count(b"[") + body.count(b"{") + body.count(b",") > MAX_NESTING:
        _check_size(body)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Malformed("The body is not JSON.") from error
    except ValueError as error:  # what int() says
        raise Invalid("The body has a number that is too long to be read.") from error
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


def _check_size(body: bytes) -> None:
    """Raises Malformed for too much nesting and Invalid for too many values, before any is made:
    all that the parser makes, it makes in one go, while the event loop stands still."""
    if not body.lstrip().startswith((b"[", b"{")):
        return  # one value, or no JSON, of which the parser reads no more than the first
    depth = 0
    for number, piece in enumerate(PIECE.finditer(body)):
        if number == MAX_PIECES:
            raise Invalid(f"The body has more than {MAX_PIECES:,} values and separators.")
        first = body[piece.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > MAX_NESTING:
            raise Malformed(f"The JSON is nested more than {MAX_NESTING} deep.")
