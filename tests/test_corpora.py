"""Every entry of the corpora, over real HTTP: the answer that the contract names, and the same
process goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.corpora import bodies, strings
from tests.problems import problem_of
from tests.running import RunningService

JSON = {"Content-Type": "application/json"}
CONTROLS = bytes(range(32)) + b"\x7f"  # which no client puts into a header
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


@pytest.fixture(autouse=True)
def the_worker_lives_on(service: RunningService) -> Iterator[None]:
    before = service.workers()
    yield
    assert service.workers() == before
    assert "Traceback" not in service.written()


def code_of(response: httpx.Response) -> str:
    return "ok" if response.status_code == 200 else str(problem_of(response)["code"])


def is_text(string: str) -> bool:
    """Whether it holds no half of a character."""
    return not any("\ud800" <= each <= "\udfff" for each in string)


def test_the_corpora_are_as_large_as_they_seem() -> None:
    assert len(bodies()) >= 150
    assert {code for code, _ in bodies()} == {"ok", "malformed", "invalid"}
    assert len(set(strings())) == len(strings()) >= 300


def test_bodies_get_the_answer_that_the_contract_names(client: httpx.Client) -> None:
    wrong = [
        (expected, found, body)
        for expected, body in bodies()
        if (found := code_of(client.post("/sentiment", content=body, headers=JSON))) != expected
    ]
    assert wrong == []


def test_bodies_of_bulk_calls_are_told_apart_likewise(client: httpx.Client) -> None:
    """What is no JSON or too deep is so on every route."""
    for expected, body in bodies():
        found = code_of(client.post("/sentiment/batch", content=body, headers=JSON))
        assert found == ("malformed" if expected == "malformed" else "invalid") or (
            b'"texts": ["good"]' in body
        ), body


def test_strings_are_texts_or_invalid_and_the_same_in_every_form(client: httpx.Client) -> None:
    for string in strings():
        alone = client.post("/sentiment", content=json.dumps({"text": string}), headers=JSON)
        assert code_of(alone) == ("ok" if is_text(string) else "invalid"), string
        if not is_text(string):
            continue
        as_it_is = client.post(
            "/sentiment", content=json.dumps({"text": string}, ensure_ascii=False).encode()
        )
        assert as_it_is.json() == alone.json(), string
        if string:
            plain = client.post("/sentiment", content=string.encode(), headers=TEXT)
            assert plain.json() == alone.json(), string


def test_strings_in_one_bulk_call_get_what_each_gets_alone(client: httpx.Client) -> None:
    texts = [string for string in strings() if is_text(string)][:256]
    bulk = client.post("/sentiment/batch", json={"texts": texts}).json()["results"]
    assert bulk == [client.post("/sentiment", json={"text": text}).json() for text in texts]


def test_strings_are_no_pictures_no_models_no_ids_and_no_booleans(client: httpx.Client) -> None:
    for string in strings():
        sent = string.encode("utf-8", "surrogatepass")
        picture = client.post("/digits", content=sent)
        assert code_of(picture) == ("unsupported_media_type" if sent else "invalid"), string
        if string not in (".", ".."):  # which a client resolves by itself
            model = client.get(f"/models/{quote(sent, safe='')}")
            assert code_of(model) in ("not_found", "ok" if not sent else "not_found"), string
        explained = client.post(f"/sentiment?explain={quote(sent, safe='')}", json={"text": "good"})
        expected = "ok" if string in ("true", "false", "0", "1") else "invalid"
        assert code_of(explained) == expected, string
        if sent and sent.translate(None, CONTROLS) == sent == sent.strip():
            named = client.get("/health/live", headers={b"X-Request-ID": sent})
            assert code_of(named) == "ok", string
