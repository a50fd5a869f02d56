"""Bodies that no client would send: whatever comes, an answer of the contract goes back."""

from __future__ import annotations

import json
from collections import Counter

import httpx
import numpy as np
import pytest

from tests.problems import check_problem, problem_of
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

ROUNDS = 100  # for each route

BOUNDARY = b"edge"
FORM = f"multipart/form-data; boundary={BOUNDARY.decode()}"
TYPES = [FORM, "application/json", "text/plain", "image/png", "multipart/form-data; boundary=", ""]

DRAWN = draw_digit(4, canvas=(40, 40), corner=(10, 8), size=(18, 24), pen=4)
PICTURES = [as_bytes(DRAWN, kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF")]


def field(name: bytes, content: bytes) -> bytes:
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\n'
    return head % (BOUNDARY, name) + content + b"\r\n"


TEXTS = [json.dumps({"text": "caf\u00e9 \U0001f600 good"}).encode(), b'{"text": "good"}', b"good"]
MANY = [json.dumps({"texts": ["good", "", "b\u00e4d"] * count}).encode() for count in (1, 20)]
SEEDS = {
    "/digits": [*PICTURES, field(b"image", PICTURES[0]) + b"--edge--\r\n"],
    "/digits/read": PICTURES,
    "/digits/batch": [
        b"".join(field(b"images", picture) for picture in pictures) + b"--edge--\r\n"
        for pictures in (PICTURES, PICTURES[:1])
    ],
    "/sentiment": TEXTS,
    "/sentiment/batch": MANY,
}


def mutated(body: bytes, rng: np.random.Generator) -> bytes:
    """The body after one to four accidents."""
    mutant = bytearray(body)
    for _ in range(rng.integers(1, 5)):
        start, end = sorted(int(place) for place in rng.integers(0, len(mutant) + 1, 2))
        match rng.integers(6):
            case 0:
                mutant[start : start + 1] = rng.bytes(1)
            case 1:  # where headers are
                mutant[start % 60 : start % 60 + 1] = rng.bytes(1)
            case 2:
                del mutant[start : start + int(rng.integers(1, 20))]
            case 3:
                mutant[start:start] = rng.bytes(int(rng.integers(1, 20)))
            case 4:
                mutant[start:start] = mutant[start:end]
            case _:
                del mutant[end:]
    return bytes(mutant)


@pytest.mark.parametrize("route", SEEDS)
def test_random_bodies_get_answers_of_the_contract(
    client: httpx.Client, service: RunningService, route: str
) -> None:
    rng = np.random.default_rng(len(route))
    seen: Counter[int] = Counter()
    for number in range(ROUNDS):
        seeds = SEEDS[route]
        seed = seeds[number % len(seeds)]
        body = rng.bytes(int(rng.integers(1, 300))) if number % 10 == 0 else mutated(seed, rng)
        content_type = FORM if seed.startswith(b"--") else "application/json"
        if number % 5 == 0:
            content_type = TYPES[rng.integers(len(TYPES))]
        response = client.post(route, content=body, headers={"Content-Type": content_type})
        seen[response.status_code] += 1
        if response.status_code != 200:
            assert problem_of(response)["status"] in {400, 413, 415, 422}, body
        for entry in response.json().get("results", []):
            if "error" in entry:
                check_problem(entry["error"], response)
                assert entry["error"]["status"] in {413, 415, 422}, body
    assert len(seen) > 1, "the bodies are all alike"
    assert service.process.poll() is None
    assert service.faults() == []
