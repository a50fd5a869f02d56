"""The models behind BentoML: python -m loadtest.rivals.bentoml_server [--port PORT]."""

import base64
import os
import sys
from typing import Any

os.environ["BENTOML_DO_NOT_TRACK"] = "True"  # before bentoml is imported

import bentoml

from loadtest.models import Digits, Sentiment
from loadtest.rivals.batches import LARGEST
from loadtest.rivals.listening import announced_port

# The size of batches, and how long to wait for them, is learned; this is only when to refuse.
LATENCY_MS = 60_000


@bentoml.service(
    workers=1,
    threads=1,
    logging={"access": {"enabled": False}},
)
class Models:
    def __init__(self) -> None:
        self.cnn = Digits()
        self.lstm = Sentiment()

    @bentoml.api(
        batchable=True, max_batch_size=LARGEST["digits"], max_latency_ms=LATENCY_MS, route="/digits"
    )
    def digits(self, pictures: list[str]) -> list[dict[str, Any]]:
        """Files in base64."""
        return self.cnn.answer([self.cnn.read(base64.b64decode(file)) for file in pictures])

    @bentoml.api(
        batchable=True,
        max_batch_size=LARGEST["sentiment"],
        max_latency_ms=LATENCY_MS,
        route="/sentiment",
    )
    def sentiment(self, texts: list[str]) -> list[dict[str, Any]]:
        return self.lstm.answer([self.lstm.read(text) for text in texts])


def main() -> None:
    address = ["--host", "127.0.0.1", "--port", str(announced_port())]
    command = [sys.executable, "-m", "bentoml", "serve", f"{__spec__.name}:Models", *address]
    os.execv(sys.executable, command)  # noqa: S606 - it stays this process


if __name__ == "__main__":
    main()
