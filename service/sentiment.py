"""Sentiment: text -> features -> rows of one run -> answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from service.contract import text as contract
from service.contract.manifest import ALWAYS_ANSWERED, Abstention, GoldenCase, Manifest
from service.contract.probabilities import row_probabilities
from service.contract.text import EncodedText, TextEncoder
from service.schemas import MoodReason, SentimentAnswer

LIGHT_CHARACTERS = 2_000

Phrase = tuple[int, ...]  # ids of words


class Sentiment:
    """One version of the sentiment model, but for the run itself."""

    preprocessing = contract.VERSION
    runs_on_loop = False
    max_padded = 4_096.0  # words; a tenth of a second
    large = max_large = math.inf

    def __init__(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        """`files` are those of the version, by name."""
        if manifest.max_tokens is None:
            raise ValueError("manifest.json lacks max_tokens")
        self._encoder = TextEncoder.parse(files["tokenizer.json"], manifest.max_tokens)
        self.temperature = manifest.calibration.temperature
        self.alone: dict[Phrase, float] = {}
        self.beside: dict[Phrase, float] = {}
        """Log-odds of single words, and of pairs, as far as explaining has asked for them and keeps
        them; a few MB at most."""
        self._abstention = manifest.abstention or ALWAYS_ANSWERED
        self._labels: Sequence[Any] = manifest.labels
        self._name = f"{manifest.name}/{manifest.version}"

    @property
    def limits(self) -> dict[str, int]:
        return {"max_tokens": self._encoder.max_tokens}

    def is_light(self, text: str) -> bool:
        """Whether tokenising takes so little that it may hold up the event loop."""
        return len(text) <= LIGHT_CHARACTERS

    def decode(self, text: str) -> EncodedText:
        """Any string without lone surrogates can be read."""
        return self._encoder.encode(text)

    def decode_with_offsets(self, text: str) -> EncodedText:
        """As `decode`, with the place of every word."""
        return self._encoder.encode(text, with_offsets=True)

    def weight(self, text: str) -> float:
        """Characters to cut into words."""
        return max(1, len(text))

    def size(self, text: EncodedText) -> int:
        """A run takes as long as its longest row has words."""
        return len(text.ids)

    def collate(self, texts: Sequence[EncodedText]) -> dict[str, npt.NDArray[np.generic]]:
        """`ids` int64 (b, t), `lengths` int32 (b,)."""
        return {**contract.pad([text.ids for text in texts])}

    def postprocess(self, logits: list[float], text: EncodedText) -> SentimentAnswer:
        """One logit, the log-odds of positive, to the answer."""
        probabilities = row_probabilities(logits, self.temperature)
        confidence = max(probabilities)
        doubt = reason(text, confidence, self._abstention)
        return {
            "label": self._labels[probabilities.index(confidence)],
            "confidence": confidence,
            "probabilities": {"negative": probabilities[0], "positive": probabilities[1]},
            "abstained": doubt is not None,
            "reason": doubt,
            "tokens": text.tokens,
            "truncated": text.truncated,
            "unknown_fraction": text.unknown_fraction,
            "model": self._name,
        }

    def typical(self) -> Sequence[str]:
        """Inputs to learn costs from, a short and a longer one."""
        return ["good " * 16, "good " * 128]

    def golden_input(self, case: GoldenCase) -> str:
        """The text of a golden case."""
        return case.text or ""

    def golden_output(self, answer: SentimentAnswer) -> tuple[str, list[float]]:
        """Label and probabilities as the manifest has them."""
        probabilities = answer["probabilities"]
        return answer["label"], [probabilities["negative"], probabilities["positive"]]


def reason(text: EncodedText, confidence: float, thresholds: Abstention) -> MoodReason | None:
    """Why an answer is not to be believed; None where it is."""
    if text.wordless:
        return "empty"
    if text.unknown_fraction > thresholds.max_unknown_fraction:
        return "mostly_unknown_words"
    return "uncertain" if confidence < thresholds.min_confidence else None
