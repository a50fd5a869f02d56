"""The models behind Ray Serve: python -m loadtest.rivals.ray_server [--port PORT]."""

import os
import signal
from typing import Any

# All of it before ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - so Ray spells it; the others are not nice
# What Ray names as its mode of high throughput: HAProxy in front of the replica.
os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"
os.environ["RAY_SERVE_THROUGHPUT_OPTIMIZED"] = "1"
os.environ["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"] = "60"  # all of Ray starts on one core

import ray
from fastapi import FastAPI, Request
from pydantic import BaseModel
from ray import serve

from loadtest.models import Digits, Sentiment
from loadtest.rivals.batches import LARGEST, LONGEST_WAIT
from loadtest.rivals.listening import announced_port

OBJECT_STORE = 100 * 1024**2  # bytes; requests and answers are too small to go there

app = FastAPI()


class Review(BaseModel):
    text: str


# By default a replica is given five requests at a time, so that no batch would be larger.
@serve.deployment(num_replicas=1, max_ongoing_requests=256)
@serve.ingress(app)
class Models:
    def __init__(self) -> None:
        self.cnn = Digits()
        self.lstm = Sentiment()

    @serve.batch(max_batch_size=LARGEST["digits"], batch_wait_timeout_s=LONGEST_WAIT)
    async def read_digits(self, pictures: list[Any]) -> list[dict[str, Any]]:
        return self.cnn.answer(pictures)

    @serve.batch(max_batch_size=LARGEST["sentiment"], batch_wait_timeout_s=LONGEST_WAIT)
    async def tell_moods(self, texts: list[Any]) -> list[dict[str, Any]]:
        return self.lstm.answer(texts)

    @app.post("/digits")
    async def digits(self, request: Request) -> dict[str, Any]:
        answer: dict[str, Any] = await self.read_digits(self.cnn.read(await request.body()))
        return answer

    @app.post("/sentiment")
    async def sentiment(self, review: Review) -> dict[str, Any]:
        answer: dict[str, Any] = await self.tell_moods(self.lstm.read(review.text))
        return answer

    @app.get("/health/ready")
    async def ready(self) -> dict[str, str]:
        return {"status": "ready"}


def main() -> None:
    port = announced_port()
    ray.init(num_cpus=2, object_store_memory=OBJECT_STORE, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    application = Models.bind()  # type: ignore[attr-defined]  # its decorators make it a deployment
    serve.run(application, logging_config={"enable_access_log": False})
    signal.pause()


if __name__ == "__main__":
    main()
