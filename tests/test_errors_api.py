"""Every row of the contract's table of errors, each with the body that RFC 9457 asks for."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from tests.problems import MARK, problem_of
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

LIMIT = 10 * 2**20

JSON = "application/json"
TEXT = "text/plain"
BINARY = "application/octet-stream"

WRONG_BODIES: list[object] = [None, True, 17, 1.5, MARK, [MARK], [], {}, {MARK: MARK}]
WRONG_VALUES: list[object] = [None, True, 17, {MARK: 1}, [17], [None], [[MARK]], []]

ONE, MANY, DIGIT = "/sentiment", "/sentiment/batch", "/digits"


class Case(NamedTuple):
    """A request that must be refused."""

    name: str
    route: str
    content_type: str
    body: bytes
    code: str


def claiming(width: int, height: int) -> bytes:
    """The first bytes of a PNG of that many pixels, none of which follow."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (head, body)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def json_cases() -> Iterator[Case]:
    """What is no JSON, or JSON of another form than the schema's."""
    nested = {"in an array": (b"[", b"]"), "in an object": (b'{"a":', b"}")}
    for route, field in ((ONE, "text"), (MANY, "texts")):
        right: object = MARK if route == ONE else [MARK]
        head = json.dumps({field: right}).encode()

        def case(name: str, body: bytes, code: str, route: str = route) -> Case:
            return Case(name, route, JSON, body, code)

        yield case("not JSON", MARK.encode(), "malformed")
        yield case("JSON that breaks off", head[:-1], "malformed")
        yield case("more after the JSON", head + MARK.encode(), "malformed")
        yield case("blanks only", b" \n", "malformed")
        yield case("bad UTF-8", head.replace(b"zebra", b"zebra\xff"), "malformed")
        yield case("a surrogate as UTF-8", head.replace(b"zebra", b"\xed\xa0\x80"), "malformed")
        yield case("UTF-16", head.decode().encode("utf-16"), "malformed")
        for kind, (start, end) in nested.items():
            for depth, code in ((100, "invalid"), (101, "malformed"), (100_000, "malformed")):
                body = start * (depth - 1) + b"[]" + end * (depth - 1)
                yield case(f"{depth} levels {kind}", body, code)
                extra = b'{"%b": %b}' % (MARK.encode(), body[len(start) : -len(end)])
                yield case(f"{depth} levels {kind} of another field", extra, code)
            yield case(f"100,000 levels {kind} left open", start * 100_000, "malformed")
        yield case("no body", b"", "invalid")
        for whole in WRONG_BODIES:
            yield case(f"JSON {whole!r}", json.dumps(whole).encode(), "invalid")
        for value in WRONG_VALUES:
            yield case(f"{field} {value!r}", json.dumps({field: value}).encode(), "invalid")
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5_000):
            yield case(
                f"{field} {number[:9]!r}", b'{"%b": %b}' % (field.encode(), number), "invalid"
            )
            yield case(f"bare {number[:9]!r}", number, "invalid")
        yield case("one field too many", head[:-1] + b', "%b": 1}' % MARK.encode(), "invalid")
        yield case("a field named by half a character", head[:-1] + b', "\\udfff": 1}', "invalid")
        for half in (rb"\ud800", rb"\udfff", rb"\udc00\ud800"):
            yield case(f"surrogate {half!r}", head.replace(b"zebra", half), "invalid")
    texts = json.dumps({"texts": [MARK] * 257}).encode()
    yield Case("257 texts", MANY, JSON, texts, "invalid")
    yield Case("one bad text of many", MANY, JSON, rb'{"texts": ["a", "\ud800"]}', "invalid")
    yield Case("text in place of JSON", MANY, TEXT, MARK.encode(), "malformed")
    yield Case("bad UTF-8 as plain text", ONE, TEXT, b"caf\xe9", "malformed")
    yield Case("no plain text", ONE, TEXT, b"", "invalid")


def picture_cases() -> Iterator[Case]:
    """What is no picture, or one that cannot be read."""
    drawn = draw_digit(7)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
        whole = as_bytes(drawn, kind)
        for kept in (16, len(whole) // 2):
            yield Case(f"{kind}, {kept} bytes", DIGIT, BINARY, whole[:kept], "cannot_decode")
    damaged = bytearray(as_bytes(drawn))
    damaged[len(damaged) // 2] ^= 0xFF
    yield Case("a flipped byte in a PNG", DIGIT, "image/png", bytes(damaged), "cannot_decode")
    yield Case("16 megapixels", DIGIT, "image/png", claiming(4_000, 4_000), "cannot_decode")
    yield Case("over 16 megapixels", DIGIT, "image/png", claiming(4_000, 4_001), "too_large")
    yield Case("2^62 pixels", DIGIT, "image/png", claiming(2**31 - 1, 2**31 - 1), "too_large")
    other = {
        "text": MARK.encode(),
        "PDF": b"%PDF-1.7",
        "SVG": b"<svg/>",
        "TIFF": b"II*\0",
        "0": b"\0",
    }
    for kind, start in other.items():
        yield Case(kind, DIGIT, "image/png", start + b"zebra" * 9, "unsupported_media_type")
    yield Case("no picture", DIGIT, "image/png", b"", "invalid")
    yield Case("no batch", "/digits/batch", BINARY, b"", "invalid")
    for route in (DIGIT, "/digits/read", "/digits/batch", ONE, MANY):
        yield Case("a body over 10 MiB", route, BINARY, b"z" * (LIMIT + 1), "too_large")
    yield Case("10 MiB", DIGIT, BINARY, b"z" * LIMIT, "unsupported_media_type")


def identity(case: Case) -> str:
    return f"{case.route}: {case.name}"


def check_survival(client: httpx.Client, service: RunningService) -> None:
    """The only process still runs and answers."""
    assert client.get("/health/live").json() == {"status": "live"}
    assert service.process.poll() is None


@pytest.mark.parametrize("case", [*json_cases(), *picture_cases()], ids=identity)
def test_a_bad_request_is_refused_as_the_contract_says(
    client: httpx.Client, service: RunningService, case: Case
) -> None:
    headers = {"Content-Type": case.content_type}
    response = client.post(case.route, content=case.body, headers=headers)
    assert problem_of(response)["code"] == case.code
    check_survival(client, service)


@pytest.mark.parametrize("route", [DIGIT, "/digits/read", "/digits/batch", ONE, MANY])
def test_a_body_that_grows_over_the_limit_is_refused(
    client: httpx.Client, service: RunningService, route: str
) -> None:
    pieces = (b"z" * 2**16 for _ in range(LIMIT // 2**16 + 1))  # httpx sends them chunked
    assert problem_of(client.post(route, content=pieces))["code"] == "too_large"
    check_survival(client, service)


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(
    service: RunningService,
) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"POST /digits HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1)
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("asked", ["0", "000", "-1", "+1", "1.5", "1e3", "", MARK, "9 9", "٣"])
def test_a_deadline_that_is_no_number_above_zero_is_invalid(
    client: httpx.Client, asked: str
) -> None:
    headers = {b"X-Request-Timeout-Ms": asked.encode()}
    for route, body in ((ONE, {"text": MARK}), (MANY, {"texts": [MARK]})):
        problem = problem_of(client.post(route, json=body, headers=headers))
        assert problem["code"] == "invalid"
        assert "X-Request-Timeout-Ms" in problem["detail"]


@pytest.mark.parametrize("asked", ["60000", "9" * 5_000, "0" * 5_000 + "9999"])
def test_a_deadline_of_any_length_is_accepted(client: httpx.Client, asked: str) -> None:
    headers = {"X-Request-Timeout-Ms": asked}
    assert client.post(ONE, json={"text": "good"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"text": 17}, ["text", "string", "number"]),
        ({"text": [MARK]}, ["text", "string", "array"]),
        ({}, ["text"]),
        ([MARK], ["object", "array"]),
        ({"text": MARK, MARK: 1}, ["text"]),
    ],
)
def test_the_detail_names_the_field_what_was_expected_and_what_came(
    client: httpx.Client, body: object, named: list[str]
) -> None:
    detail = problem_of(client.post(ONE, json=body))["detail"]
    assert all(word in detail for word in named), detail
