"""What clients ask, and the answer to it that the same models give without a service."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from pydantic_core import to_json

from loadtest.inputs import draw_digits, write_reviews
from service import explaining
from service.predictor import Predictor
from service.registry import load_models
from service.sentiment import Sentiment
from service.settings import Settings
from tests.running import ROOT

BOUNDARY = "edge"


@dataclass(frozen=True)
class Question:
    """A request, head and body, with the body of its answer."""

    route: str
    request: bytes
    expected: bytes


def request(
    path: str, body: bytes, media_type: str = "application/json", **headers: object
) -> bytes:
    """A POST; `headers` by names with underscores."""
    fields = {
        "host": "localhost",
        "content-type": media_type,
        "content-length": len(body),
        **headers,
    }
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


@cache
def predictors() -> dict[str, Predictor[Any, Any, Any]]:
    """The committed models, in this process."""
    models = load_models(Settings(workers=1, models_dir=ROOT / "models"))
    return {name: model.predictor for name, model in models.items()}


def offline(model: str, raw: object) -> bytes:
    """One answer, from a run of its own."""
    predictor = predictors()[model]
    features = predictor.task.decode(raw)
    [logits] = predictor.run([features])
    return to_json(predictor.task.postprocess(logits, features))


def offline_explained(text: str) -> bytes:
    predictor = predictors()["sentiment"]
    task = cast(Sentiment, predictor.task)
    weighed, rows = explaining.split(task, predictor.run, text)
    return to_json(explaining.merge(task, weighed, predictor.run(rows)))


def digit(picture: bytes) -> Question:
    return Question("/digits", request("/digits", picture, "image/png"), offline("digits", picture))


def mood(text: str, **headers: object) -> Question:
    body = to_json({"text": text})
    return Question(
        "/sentiment",
        request("/sentiment", body, "application/json", **headers),
        offline("sentiment", text),
    )


def explained_mood(text: str) -> Question:
    sent = request("/sentiment?explain=true", to_json({"text": text}))
    return Question("/sentiment", sent, offline_explained(text))


def moods(texts: list[str]) -> Question:
    sent = request("/sentiment/batch", to_json({"texts": texts}))
    return Question("/sentiment/batch", sent, _results("sentiment", texts))


def digits(pictures: list[bytes]) -> Question:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    parts = b"".join(head.encode() + picture + b"\r\n" for picture in pictures)
    sent = request(
        "/digits/batch",
        parts + f"--{BOUNDARY}--\r\n".encode(),
        f"multipart/form-data; boundary={BOUNDARY}",
    )
    return Question("/digits/batch", sent, _results("digits", pictures))


def _results(model: str, raws: list[Any]) -> bytes:
    return b'{"results":[%b]}' % b",".join(offline(model, raw) for raw in raws)


@cache
def mixed() -> list[Question]:
    """Of all kinds, mostly small."""
    pictures = [each.file for each in draw_digits(30)]
    short = [each.text for each in write_reviews(30, sentences=2)]
    long = [each.text for each in write_reviews(4, sentences=25, seed=2)]
    return [
        *map(digit, pictures),
        *map(mood, [*short, *long]),
        *map(explained_mood, short[:4]),
        *(digits(pictures[start : start + 6]) for start in (0, 6)),
        *(moods(short[start : start + 6]) for start in (0, 6)),
    ]


@cache
def heavy() -> list[Question]:
    """Long texts, of which few a second can be read."""
    return [mood(each.text) for each in write_reviews(20, sentences=40, seed=3)]


def of_version_1(questions: list[Question]) -> list[Question]:
    """The same, where the models are served as version 1."""
    return [
        replace(each, expected=re.sub(rb'("model":"\w+)/\d+"', rb'\1/1"', each.expected))
        for each in questions
    ]
