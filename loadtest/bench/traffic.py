"""What is sent: requests over distinct pictures and texts, whole and ready for the wire."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from PIL import Image
from tokenizers import Tokenizer

from loadtest.bench.lengths import LENGTHS
from loadtest.inputs import draw_digits
from loadtest.models import newest
from service.contract.image import read_digit

PICTURES = 2048
TEXTS = 2048  # distinct ones, four for each of the review lengths
SHORT = range(5, 26)  # words
EXPLAINED = 200  # words
STRATA = 16

# What the memory part sends: 6 of 10 are digits as all other parts send them, 2 other pictures.
MIXED = 10_000


def write_traffic(folder: Path) -> None:
    """Files of requests in `folder`, for `read_requests` and wrk.lua: digits, sentiment, short,
    mixed, longest, which holds only the longest of the reviews, and texts of as many words as are
    explained, plain and explained."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = mnist_pictures(PICTURES)
    reviews = texts(TEXTS // len(review_lengths()) * spread(review_lengths(), seed=1), seed=1)
    lengths = random.Random(2).choices(SHORT, k=TEXTS)
    shorts = texts(spread(lengths, seed=2), seed=2)
    others = [drawing.file for drawing in draw_digits(256, seed=3)]
    mixed: list[bytes] = []
    for number in range(MIXED // 10):
        chosen = (pictures[(6 * number + i) % PICTURES] for i in range(6))
        mixed += map(post_picture, chosen)
        mixed += (post_picture(others[(2 * number + i) % len(others)]) for i in range(2))
        mixed += [post_text(shorts[number]), post_text(reviews[number])]
    longest = sorted(reviews, key=len)[-64:]
    weighed = texts([EXPLAINED] * 256, seed=3)
    for name, requests in {
        "digits": map(post_picture, pictures),
        "sentiment": map(post_text, reviews),
        "short": map(post_text, shorts),
        "longest": map(post_text, longest),
        "mixed": mixed,
        "plain": map(post_text, weighed),
        "explained": (post_text(text, "?explain=true") for text in weighed),
    }.items():
        write_requests(folder / name, requests)


def mnist_pictures(count: int, seed: int = 1) -> list[bytes]:
    """PNG files of drawn digits, no two alike, in MNIST's form: what the service makes of them is
    what is in them."""
    found: dict[bytes, None] = {}
    while len(found) < count:
        for drawing in draw_digits(count - len(found), seed):
            grey = read_digit(drawing.file).pixels[0]
            buffer = io.BytesIO()
            Image.fromarray(grey).save(buffer, "PNG")
            if (read_digit(buffer.getvalue()).pixels[0] == grey).all():
                found[buffer.getvalue()] = None
        seed += 1
    return list(found)


def review_lengths() -> list[int]:
    """Token counts of 512 real reviews."""
    lengths: list[int] = json.loads(LENGTHS.read_bytes())["lengths"]
    return lengths


def spread(lengths: Sequence[int], seed: int) -> list[int]:
    """The same lengths in an order in which any few dozen in a row are much like all of them.

    A measure of some seconds sees a part of the texts only; in a merely random order, a slow
    server would be sent other work than a fast one. From each of STRATA strata of the sorted
    lengths, one at random in turn.
    """
    chance = random.Random(seed)
    ordered = sorted(lengths)
    size = len(ordered) // STRATA
    strata = [ordered[start : start + size] for start in range(0, STRATA * size, size)]
    for stratum in strata:
        chance.shuffle(stratum)
    rounds = []
    for turn in zip(*strata, strict=True):
        rounds += chance.sample(turn, STRATA)
    return rounds


def texts(lengths: Iterable[int], seed: int) -> list[str]:
    """A text of exactly so many tokens for each length, of words drawn as Zipf's law has it.

    Words are those of the vocabulary that are one token each, which is ordered by frequency.
    """
    chance = random.Random(seed)
    words = whole_words()
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    return [" ".join(chance.choices(words, cum_weights=weights, k=length)) for length in lengths]


def whole_words() -> list[str]:
    """Letters only, most frequent first; any sequence of them, with blanks between, is as many
    tokens as words."""
    tokenizer = Tokenizer.from_file(str(newest("sentiment") / "tokenizer.json"))
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    words = [word for word, _ in by_id if word.isascii() and word.isalpha()]
    encodings = tokenizer.encode_batch(words, add_special_tokens=False)
    return [word for word, encoding in zip(words, encodings, strict=True) if len(encoding) == 1]


def post_picture(file: bytes) -> bytes:
    return _post("/digits", "image/png", file)


def post_text(text: str, query: str = "") -> bytes:
    return post_json(f"/sentiment{query}", {"text": text})


def post_json(path: str, wanted: Any) -> bytes:
    return _post(path, "application/json", json.dumps(wanted).encode())


def _post(path: str, kind: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def taken_apart(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body."""
    head, body = request.split(b"\r\n\r\n", 1)
    line, *fields = head.decode().split("\r\n")
    return line.split()[1], dict(field.split(": ", 1) for field in fields), body


def with_deadline(request: bytes, milliseconds: int) -> bytes:
    """The same request, to be answered within so long."""
    line, rest = request.split(b"\r\n", 1)
    return line + b"\r\nX-Request-Timeout-Ms: %d\r\n" % milliseconds + rest


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    """Each request behind its length in four bytes, the highest first."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4) + request)


def read_requests(
    path: Path, change: Callable[[bytes], bytes] = lambda request: request
) -> list[bytes]:
    """What `write_requests` wrote, each request as `change` makes it."""
    data = path.read_bytes()
    requests, start = [], 0
    while start < len(data):
        end = start + 4 + int.from_bytes(data[start : start + 4])
        requests.append(change(data[start + 4 : end]))
        start = end
    return requests
