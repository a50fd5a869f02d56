"""The JSON of a request is read within bounds that nothing of the expected form can reach."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from service.errors import Invalid, Malformed
from service.routes.json_body import MAX_NESTING, MAX_PIECES, parse
from service.schemas import SentimentBatchRequest, SentimentRequest

MANY = MAX_PIECES // 2 + 1  # times two pieces
AWKWARD = ['"', "\\", '\\"', "[" * 200, "{" * 200, ",", "}", "é😀", "\x00", "a" * 1000, ""]


def test_whatever_stands_in_a_text_is_no_structure() -> None:
    texts = [text * 50 + end for text in AWKWARD for end in ("", "\\", '"')]
    texts = [text or "x" for text in texts]
    for ascii_only in (True, False):
        body = json.dumps({"texts": texts}, ensure_ascii=ascii_only).encode()
        assert parse(body, SentimentBatchRequest).texts == texts


def test_as_many_texts_as_are_allowed_fit() -> None:
    texts = [",[{" * 10_000] * 256
    assert parse(json.dumps({"texts": texts}).encode(), SentimentBatchRequest).texts == texts


@pytest.mark.parametrize("piece", [b"[]", b"{}", b'""', b'{"":[]}', b"1"])
def test_millions_of_values_are_refused_before_any_is_made(piece: bytes) -> None:
    body = b'{"text": [' + b",".join([piece] * (5 * 2**20 // len(piece))) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match="more than 10,000"):
            parse(body, SentimentRequest)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(body) + 2**20  # the text that it is decoded to, and no more


@pytest.mark.parametrize("start", [b"1", b'"a"', b"a", b"null"])
def test_a_long_list_without_brackets_is_no_json(start: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse(start + b"," + b",".join([b'"a"'] * MANY), SentimentRequest)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_nesting_allowed_is_told_from_one_more(opened: bytes, closed: bytes) -> None:
    def nested(depth: int) -> bytes:
        inner = b",".join([opened * (depth - 1) + b"[]" + closed * (depth - 1)] * 3)
        return b'{"text": "x", "more": [' + inner + b"]}"

    with pytest.raises(Invalid, match="other fields"):
        parse(nested(MAX_NESTING - 2), SentimentRequest)
    with pytest.raises(Malformed, match="nested more than 100"):
        parse(nested(MAX_NESTING - 1), SentimentRequest)


def test_a_string_that_never_ends_is_read_once() -> None:
    body = b'{"text": ' + b"[]," * MAX_NESTING + b'"' + b'\\"' * 2**20
    with pytest.raises(Malformed, match="not JSON"):
        parse(body, SentimentRequest)
