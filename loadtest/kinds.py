"""What clients ask for: the kinds of requests, and how often each comes in a scenario."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from loadtest.answers import Judge
from loadtest.inputs import (
    Picture,
    Review,
    draw_digits,
    real_pictures,
    real_reviews,
    take_photos,
    write_reviews,
)

BATCH = 8
REAL = 200  # pictures and reviews of DATA_DIR, where that is set

BOUNDARY = "picture-after-picture"
JSON = "application/json"


Input = TypeVar("Input", Picture, Review)


@dataclass(frozen=True)
class Asked:
    """One request: a POST of `body` to `path`, and what it asks about."""

    kind: str
    path: str
    content_type: str
    body: bytes
    sent: Sequence[Picture | Review]

    def check(self, answer: str, judge: Judge) -> None:
        """Raises Wrong unless the body `answer` is right."""
        if self.path.endswith("/batch"):
            judge.many(answer, self.sent)
        else:
            judge.one(answer, self.sent[0])


@cache
def pictures() -> list[Picture]:
    return draw_digits(200) + _real(real_pictures)


@cache
def photos() -> list[Picture]:
    return take_photos(10)


@cache
def short_reviews() -> list[Review]:
    """About 20 words each."""
    return write_reviews(60, sentences=2)


@cache
def long_reviews() -> list[Review]:
    """About 270 words each."""
    return write_reviews(20, sentences=30) + _real(real_reviews)


def _real(read: Callable[[Path, int], list[Input]]) -> list[Input]:
    folder = os.environ.get("DATA_DIR")
    return read(Path(folder), REAL) if folder else []


def one_digit(kind: str, chance: random.Random) -> Asked:
    return _picture(kind, chance.choice(pictures()))


def one_photo(kind: str, chance: random.Random) -> Asked:
    return _picture(kind, chance.choice(photos()))


def many_digits(kind: str, chance: random.Random) -> Asked:
    sent = chance.sample(pictures(), BATCH)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="x"\r\n\r\n'
    body = b"".join(head.encode() + each.file + b"\r\n" for each in sent)
    body += f"--{BOUNDARY}--\r\n".encode()
    return Asked(kind, "/digits/batch", f"multipart/form-data; boundary={BOUNDARY}", body, sent)


def short_review(kind: str, chance: random.Random) -> Asked:
    return _review(kind, chance.choice(short_reviews()))


def long_review(kind: str, chance: random.Random) -> Asked:
    return _review(kind, chance.choice(long_reviews()))


def many_reviews(kind: str, chance: random.Random) -> Asked:
    """One whole review among remarks."""
    sent = [chance.choice(long_reviews()), *chance.sample(short_reviews(), BATCH - 1)]
    body = json.dumps({"texts": [each.text for each in sent]}).encode()
    return Asked(kind, "/sentiment/batch", JSON, body, sent)


def _picture(kind: str, sent: Picture) -> Asked:
    return Asked(kind, "/digits", "application/octet-stream", sent.file, [sent])


def _review(kind: str, sent: Review) -> Asked:
    return Asked(kind, "/sentiment", JSON, json.dumps({"text": sent.text}).encode(), [sent])


MAKERS: dict[str, Callable[[str, random.Random], Asked]] = {
    "/digits": one_digit,
    "/digits photo": one_photo,
    f"/digits/batch of {BATCH}": many_digits,
    "/sentiment short": short_review,
    "/sentiment long": long_review,
    f"/sentiment/batch of {BATCH}": many_reviews,
}
KINDS = tuple(MAKERS)

# By scenario, which are the names of locust's users, how often each kind comes, in KINDS' order.
SCENARIOS: dict[str, tuple[int, ...]] = {
    "MixedDay": (17, 1, 2, 6, 3, 1),
    "Digits": (17, 1, 2, 0, 0, 0),
    "Sentiment": (0, 0, 0, 6, 3, 1),
}


def prepare() -> None:
    """Makes all that is ever sent, which takes seconds and must not happen in the middle."""
    for make in (pictures, photos, short_reviews, long_reviews):
        make()


def draw(scenario: str, chance: random.Random) -> Asked:
    """The next request of somebody in this scenario."""
    [kind] = chance.choices(KINDS, SCENARIOS[scenario])
    return MAKERS[kind](kind, chance)
