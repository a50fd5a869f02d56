"""Who asks: users of digits, of sentiment, and of both on a mixed day."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust import FastHttpUser, TaskSet, between, events
from locust.env import Environment

from loadtest.answers import Judge, Wrong, refusal_seconds
from loadtest.inputs import draw_digits, write_reviews

PICTURES = draw_digits(200)
SHORT_REVIEWS = write_reviews(60, sentences=2)  # about 20 words
LONG_REVIEWS = write_reviews(20, sentences=30)  # about 270 words
BATCH = 8

BOUNDARY = "picture-after-picture"
JSON = "application/json"
REFUSED = "REFUSED"  # what the report says instead of POST

judge = Judge()

# Drawing took a while, which the event loop would otherwise take off the time of the run.
gevent.get_hub().loop.update_now()


class Client(FastHttpUser):
    """A user who judges each answer, and who comes again when told to if refused."""

    abstract = True

    def ask(
        self, path: str, body: bytes, kind: str, check: Callable[[str], None], name: str
    ) -> None:
        """Send `body` of content type `kind`; the report lists the request under `name`.

        A proper refusal is no failure but a row of its own.
        """
        wait = 0
        with self.client.post(
            path,
            data=body,  # type: ignore[arg-type]  # it takes bytes, whatever it says
            headers={"Content-Type": kind},
            name=name,
            catch_response=True,
        ) as response:
            try:
                if response.status_code == 503:
                    wait = refusal_seconds(response.text or "", response.headers.get("Retry-After"))
                    response.request_meta["request_type"] = REFUSED
                    response.success()
                elif response.status_code == 200:
                    check(response.text or "")
                else:
                    response.failure(response.error or f"status {response.status_code}")
            except Wrong as wrong:
                response.failure(f"wrong: {wrong}")
        time.sleep(wait)


def one_digit(user: Client) -> None:
    """POST /digits, the picture as the raw body."""
    sent = random.choice(PICTURES)
    user.ask(
        "/digits",
        sent.file,
        "application/octet-stream",
        lambda body: judge.one(body, sent),
        "/digits",
    )


def many_digits(user: Client) -> None:
    """POST /digits/batch."""
    sent = random.sample(PICTURES, BATCH)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="x"\r\n\r\n'
    body = b"".join(head.encode() + each.file + b"\r\n" for each in sent)
    user.ask(
        "/digits/batch",
        body + f"--{BOUNDARY}--\r\n".encode(),
        f"multipart/form-data; boundary={BOUNDARY}",
        lambda body: judge.many(body, sent),
        f"/digits/batch of {BATCH}",
    )


def short_review(user: Client) -> None:
    """POST /sentiment with a remark."""
    sent = random.choice(SHORT_REVIEWS)
    body = json.dumps({"text": sent.text}).encode()
    user.ask("/sentiment", body, JSON, lambda body: judge.one(body, sent), "/sentiment short")


def long_review(user: Client) -> None:
    """POST /sentiment with a whole review."""
    sent = random.choice(LONG_REVIEWS)
    body = json.dumps({"text": sent.text}).encode()
    user.ask("/sentiment", body, JSON, lambda body: judge.one(body, sent), "/sentiment long")


def many_reviews(user: Client) -> None:
    """POST /sentiment/batch, with one whole review among remarks."""
    sent = [random.choice(LONG_REVIEWS), *random.sample(SHORT_REVIEWS, BATCH - 1)]
    body = json.dumps({"texts": [each.text for each in sent]}).encode()
    user.ask(
        "/sentiment/batch",
        body,
        JSON,
        lambda body: judge.many(body, sent),
        f"/sentiment/batch of {BATCH}",
    )


Tasks = list[TaskSet | Callable[..., Any]]
DIGITS: Tasks = [*9 * [one_digit], many_digits]
SENTIMENT: Tasks = [*6 * [short_review], *3 * [long_review], many_reviews]


class Digits(Client):
    """Asks for digits, the next as soon as one is answered."""

    tasks = DIGITS


class Sentiment(Client):
    """Asks for the mood of texts, the next as soon as one is answered."""

    tasks = SENTIMENT


class MixedDay(Client):
    """Asks for this and that, with pauses."""

    tasks = 2 * DIGITS + SENTIMENT
    wait_time = between(0.1, 0.5)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def fail_without_answers(environment: Environment, **_: object) -> None:
    """A run in which the service answered nothing is a failed one."""
    rows = environment.stats.entries.values()
    if not any(row.num_requests for row in rows if row.method != REFUSED):
        print("No request was answered.")
        environment.process_exit_code = 1
