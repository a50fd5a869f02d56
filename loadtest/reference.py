"""The service that ours is measured against: python -m loadtest.reference [--port PORT].

The same models behind FastAPI, as a careful engineer would serve them with one afternoon's work:
no batching, deadlines, limits or metrics, and nothing in the way of speed either.
"""

from __future__ import annotations

import argparse
import socket

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from loadtest.models import Digits, Sentiment


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


def create_app() -> FastAPI:
    app = FastAPI()
    digits, sentiment = Digits(), Sentiment()

    # Both models run on the event loop. A thread for each run of the LSTM was tried: on one core
    # it answers fewer requests.
    @app.post("/digits")
    async def read_digit(request: Request) -> Digit:
        try:
            picture = digits.read(await request.body())
        except (OSError, ValueError) as error:
            raise HTTPException(422, "not a picture") from error
        (answer,) = digits.answer([picture])
        return Digit(**answer)

    @app.post("/sentiment")
    async def tell_mood(review: Review) -> Mood:
        (answer,) = sentiment.answer([sentiment.read(review.text)])
        return Mood(**answer)

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
