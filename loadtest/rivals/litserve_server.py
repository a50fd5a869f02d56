"""The models behind LitServe: python -m loadtest.rivals.litserve_server [--port PORT]."""

from typing import Annotated, Any

from fastapi import Body
from litserve import LitAPI, LitServer
from pydantic import BaseModel

from loadtest.models import Digits, Sentiment
from loadtest.rivals.batches import LARGEST, LONGEST_WAIT
from loadtest.rivals.listening import announced_port

Picture = Annotated[bytes, Body()]  # the raw body


class Review(BaseModel):
    text: str


class BatchAPI(LitAPI):
    """A model that takes a list, and gives one."""

    model: Any

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, batch: list[Any]) -> Any:
        return self.model.answer(batch)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


class DigitsAPI(BatchAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - as LitServe calls it
        self.model = Digits()

    def decode_request(self, request: Picture) -> Any:
        return self.model.read(request)


class SentimentAPI(BatchAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 - as LitServe calls it
        self.model = Sentiment()

    def decode_request(self, request: Review) -> Any:
        return self.model.read(request.text)


def main() -> None:
    apis = [
        api(max_batch_size=LARGEST[name], batch_timeout=LONGEST_WAIT, api_path=f"/{name}")
        for name, api in {"digits": DigitsAPI, "sentiment": SentimentAPI}.items()
    ]
    server = LitServer(apis, accelerator="cpu", fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=announced_port(),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )


if __name__ == "__main__":
    main()
