"""The service that ours is measured against: python -m loadtest.reference [--port PORT].

The same models behind FastAPI, as a careful engineer would serve them with one afternoon's work:
no batching, deadlines, limits or metrics, and nothing in the way of speed either.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from PIL import Image
from pydantic import BaseModel

from service.contract.text import TextEncoder

MODELS = Path(__file__).parents[1] / "models"


class Digit(BaseModel):
    label: int
    confidence: float
    probabilities: list[float]


class Review(BaseModel):
    text: str


class Mood(BaseModel):
    label: str
    confidence: float
    probabilities: dict[str, float]
    tokens: int


def newest(name: str) -> Path:
    """Folder of the highest version of a model."""
    return max((MODELS / name).glob("[0-9]*"), key=lambda folder: int(folder.name))


def open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def create_app() -> FastAPI:
    app = FastAPI()
    digits, sentiment = newest("digits"), newest("sentiment")
    cnn, lstm = open_session(digits / "model.onnx"), open_session(sentiment / "model.onnx")
    cnn_card = json.loads((digits / "manifest.json").read_bytes())
    lstm_card = json.loads((sentiment / "manifest.json").read_bytes())
    cnn_temperature = cnn_card["calibration"]["temperature"]
    lstm_temperature = lstm_card["calibration"]["temperature"]
    encoder = TextEncoder.load(sentiment / "tokenizer.json", lstm_card["max_tokens"])

    # Both models run on the event loop. A thread for each run of the LSTM was tried: on one core
    # it answers fewer requests.
    @app.post("/digits")
    async def read_digit(request: Request) -> Digit:
        try:
            picture = Image.open(io.BytesIO(await request.body())).convert("L")
        except (OSError, ValueError) as error:
            raise HTTPException(422, "not a picture") from error
        if picture.size != (28, 28):
            picture = picture.resize((28, 28))
        (logits,) = cnn.run(["logits"], {"image": np.asarray(picture)[None, None]})
        odds = np.exp((logits[0] - logits[0].max()) / cnn_temperature)
        probabilities = (odds / odds.sum()).tolist()
        confidence = max(probabilities)
        return Digit(
            label=probabilities.index(confidence),
            confidence=confidence,
            probabilities=probabilities,
        )

    @app.post("/sentiment")
    async def tell_mood(review: Review) -> Mood:
        text = encoder.encode(review.text)
        lengths = np.array([len(text.ids)], dtype=np.int32)
        (logits,) = lstm.run(["logits"], {"ids": text.ids[None], "lengths": lengths})
        positive = float(1 / (1 + np.exp(-logits[0, 0] / lstm_temperature)))
        return Mood(
            label="positive" if positive >= 0.5 else "negative",
            confidence=max(positive, 1 - positive),
            probabilities={"negative": 1 - positive, "positive": positive},
            tokens=text.tokens,
        )

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.reference", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port))
    app = create_app()
    print(f"Serving on http://127.0.0.1:{listener.getsockname()[1]}; Ctrl-C stops", flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
