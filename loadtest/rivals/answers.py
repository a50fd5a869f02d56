"""That a server which is measured gives the answers of the model that it says it serves."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from typing import Any

import numpy as np

from loadtest.bench.traffic import taken_apart
from loadtest.models import Digits, Sentiment
from loadtest.processes import PATIENCE, Broken

TOLERANCE = 1e-4  # of a probability: in a batch, sums round otherwise


class Judge:
    """Knows the answers of the fp32 models."""

    def __init__(self) -> None:
        self._digits = Digits()
        self._sentiment = Sentiment()

    def check(self, title: str, url: str, requests: Sequence[tuple[bytes, bytes]]) -> None:
        """Each request as ours would be sent it, and as the server at `url` is; raises Broken,
        which names it by its title, unless its answer is right."""
        for request, own_form in requests:
            right, given = self.answer(request), ask(url, own_form)
            if given["label"] != right["label"] or not np.allclose(
                probabilities(given), probabilities(right), rtol=0, atol=TOLERANCE
            ):
                raise Broken(f"{title} answers {given} instead of {right}")

    def answer(self, request: bytes) -> dict[str, Any]:
        path, _, body = taken_apart(request)
        if path == "/digits":
            return self._digits.answer([self._digits.read(body)])[0]
        return self._sentiment.answer([self._sentiment.read(json.loads(body)["text"])])[0]


def ask(url: str, request: bytes) -> dict[str, Any]:
    """Its answer, or the only one in a list of answers."""
    path, headers, body = taken_apart(request)
    call = urllib.request.Request(url + path, body, headers)  # noqa: S310 - http by construction
    with urllib.request.urlopen(call, timeout=PATIENCE) as response:  # noqa: S310
        answer = json.load(response)
    found: dict[str, Any] = answer[0] if isinstance(answer, list) else answer
    return found


def probabilities(answer: dict[str, Any]) -> list[float]:
    """In the order of the labels."""
    found = answer["probabilities"]
    return [found[label] for label in sorted(found)] if isinstance(found, dict) else found
