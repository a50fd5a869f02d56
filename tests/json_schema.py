"""The part of JSON Schema that the published document uses; any other keyword is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}

KEYWORDS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, kind: TYPES[kind](value),
    "enum": lambda value, options: value in options,
    "minimum": lambda value, limit: value >= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "maximum": lambda value, limit: value <= limit,
    "minItems": lambda value, limit: len(value) >= limit,
    "maxItems": lambda value, limit: len(value) <= limit,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "required": lambda value, names: value.keys() >= set(names),
}
NESTED = {"$ref", "anyOf", "properties", "additionalProperties", "items", "prefixItems"}
SAYING_NOTHING = {"title", "description", "default", "format"}


def violations(value: Any, schema: Schema, document: Schema, where: str = "$") -> Iterator[str]:
    """Where a value is not as the schema says; no object may have a field without a schema."""
    for keyword, expected in schema.items():
        if keyword in KEYWORDS and not KEYWORDS[keyword](value, expected):
            yield f"{where}: {value!r} breaks {keyword} {expected}"
            return
        assert keyword in KEYWORDS.keys() | NESTED | SAYING_NOTHING, keyword
    if "$ref" in schema:
        yield from violations(value, resolve(schema["$ref"], document), document, where)
    if "anyOf" in schema:
        branches = [list(violations(value, each, document, where)) for each in schema["anyOf"]]
        if all(branches):
            yield from min(branches, key=len)
    if schema.get("type") == "object":
        for name, field in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if not inner:
                yield f"{where}: the schema has no field {name}"
            else:
                yield from violations(field, inner, document, f"{where}.{name}")
    if schema.get("type") == "array":
        first = schema.get("prefixItems", [])
        rest = [schema["items"]] * (len(value) - len(first)) if "items" in schema else []
        for number, (item, inner) in enumerate(zip(value, first + rest, strict=True)):
            yield from violations(item, inner, document, f"{where}[{number}]")


def resolve(reference: str, document: Schema) -> Schema:
    """What `#/...` points to; KeyError where that is nothing."""
    root, *steps = reference.split("/")
    assert root == "#", reference
    found: Any = document
    for step in steps:
        found = found[step]
    assert isinstance(found, dict)
    return found


def references(value: Any) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
