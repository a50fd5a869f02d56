"""The two models as any server other than ours runs them: fp32, onnxruntime, one thread.

Also imported by servers that run in an environment of their own: it needs nothing but numpy,
onnxruntime, Pillow and tokenizers.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from service.contract.text import EncodedText, TextEncoder, pad

MODELS = Path(__file__).parents[1] / "models"


def newest(name: str) -> Path:
    """Folder of the highest version of a model."""
    return max((MODELS / name).glob("[0-9]*"), key=lambda folder: int(folder.name))


def open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Digits:
    """The CNN."""

    def __init__(self) -> None:
        folder = newest("digits")
        self._session = open_session(folder / "model.onnx")
        card = json.loads((folder / "manifest.json").read_bytes())
        self._temperature = card["calibration"]["temperature"]

    def read(self, file: bytes) -> npt.NDArray[np.uint8]:
        """Grey values (1, 28, 28); raises OSError or ValueError if it is no picture."""
        picture = Image.open(io.BytesIO(file)).convert("L")
        if picture.size != (28, 28):
            picture = picture.resize((28, 28))
        return np.asarray(picture)[None]

    def answer(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[dict[str, Any]]:
        """What `read` gave of each, in one run."""
        (logits,) = self._session.run(["logits"], {"image": np.stack(pictures)})
        odds = np.exp((logits - logits.max(axis=1, keepdims=True)) / self._temperature)
        answers = []
        for probabilities in (odds / odds.sum(axis=1, keepdims=True)).tolist():
            confidence = max(probabilities)
            label = probabilities.index(confidence)
            answers.append(
                {"label": label, "confidence": confidence, "probabilities": probabilities}
            )
        return answers


class Sentiment:
    """The LSTM."""

    def __init__(self) -> None:
        folder = newest("sentiment")
        self._session = open_session(folder / "model.onnx")
        card = json.loads((folder / "manifest.json").read_bytes())
        self._temperature = card["calibration"]["temperature"]
        self._encoder = TextEncoder.load(folder / "tokenizer.json", card["max_tokens"])

    def read(self, text: str) -> EncodedText:
        return self._encoder.encode(text)

    def answer(self, texts: Sequence[EncodedText]) -> list[dict[str, Any]]:
        """What `read` gave of each, padded to the longest, in one run."""
        (logits,) = self._session.run(["logits"], pad([text.ids for text in texts]))
        answers = []
        for text, row in zip(texts, logits[:, 0].tolist(), strict=True):
            positive = float(1 / (1 + np.exp(-row / self._temperature)))
            answers.append(
                {
                    "label": "positive" if positive >= 0.5 else "negative",
                    "confidence": max(positive, 1 - positive),
                    "probabilities": {"negative": 1 - positive, "positive": positive},
                    "tokens": text.tokens,
                }
            )
        return answers
