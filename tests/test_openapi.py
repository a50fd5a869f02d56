"""The published description is true, and its page needs no other host."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from PIL import Image

from tests.json_schema import Schema, references, resolve, violations
from tests.pictures import draw_number
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(7))
BLANK = as_bytes(Image.new("L", (60, 40), 255))

PICTURES = {f"image/{kind}" for kind in ("png", "jpeg", "webp", "bmp", "gif")}
ACCEPTED = {
    "/digits": PICTURES | {"application/octet-stream", "multipart/form-data"},
    "/digits/read": PICTURES | {"application/octet-stream", "multipart/form-data"},
    "/digits/batch": {"multipart/form-data"},
    "/sentiment": {"application/json", "text/plain"},
    "/sentiment/batch": {"application/json"},
}
ADMIN = "/admin/models/{name}/reload"
READ = {"/models", "/models/{name}", "/health/live", "/health/ready", "/metrics"}
REFUSALS = {"400", "413", "415", "422", "503", "504"}

PREDICTED = {"label", "confidence", "probabilities", "abstained", "reason", "model"}
FIELDS = {
    "DigitAnswer": PREDICTED | {"digit_score"},
    "ExplainedDigitAnswer": PREDICTED | {"digit_score", "seen", "box"},
    "NumberAnswer": {"text", "digits", "model"},
    "ReadDigit": PREDICTED - {"model"} | {"box"},
    "SentimentAnswer": PREDICTED | {"tokens", "truncated", "unknown_fraction"},
    "Problem": {"type", "title", "status", "detail", "code", "request_id"},
}

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a digit": ("/digits", {"content": PICTURE}),
    "a digit, explained": ("/digits?explain=true", {"content": PICTURE}),
    "nothing, explained": ("/digits?explain=1", {"content": BLANK}),
    "explained or not": ("/digits?explain=maybe", {"content": PICTURE}),
    "a number": ("/digits/read", {"content": as_bytes(draw_number("27\n18"))}),
    "no number": ("/digits/read", {"content": BLANK}),
    "half a number": ("/digits/read", {"content": PICTURE[:99]}),
    "no picture": ("/digits", {"content": b"no picture"}),
    "half a picture": ("/digits", {"content": PICTURE[:99]}),
    "no form": ("/digits/batch", {"content": PICTURE}),
    "digits, good and bad": (
        "/digits/batch",
        {"files": [("images", ("a", each)) for each in (PICTURE, b"bad", PICTURE[:99])]},
    ),
    "a text": ("/sentiment", {"json": {"text": "A good film."}}),
    "no word": ("/sentiment", {"json": {"text": ""}}),
    "a long text": ("/sentiment", {"json": {"text": "good " * 5000}}),
    "no text": ("/sentiment", {"json": {"text": None}}),
    "no JSON": ("/sentiment", {"content": b"{"}),
    "too large": ("/sentiment", {"content": b" " * (10 * 2**20 + 1)}),
    "out of time": (
        "/sentiment",
        {"json": {"text": "good " * 5000}, "headers": {"X-Request-Timeout-Ms": "1"}},
    ),
    "texts": ("/sentiment/batch", {"json": {"texts": ["", "A good film."]}}),
    "too many texts": ("/sentiment/batch", {"json": {"texts": [""] * 257}}),
}


@pytest.fixture(scope="module")
def document(service: RunningService) -> Schema:
    """What the service publishes of itself."""
    response = httpx.get(f"{service.url}/openapi.json", timeout=60)
    assert response.headers["content-type"] == "application/json"
    found: Schema = response.json()
    return found


def promised(document: Schema, path: str, response: httpx.Response) -> Schema:
    """The schema of an answer, which must have been announced with its status and type."""
    [operation] = document["paths"][path].values()
    answers = operation["responses"]
    answer = answers.get(str(response.status_code), answers["default"])
    schema: Schema = answer["content"][response.headers["content-type"]]["schema"]
    return schema


def test_it_is_openapi_with_a_name_and_a_version(document: Schema) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["info"]["version"])


def test_it_has_every_path_of_the_contract_and_no_other(document: Schema) -> None:
    methods = {path: set(operations) for path, operations in document["paths"].items()}
    assert methods == {path: {"post"} for path in (*ACCEPTED, ADMIN)} | {
        path: {"get"} for path in READ
    }


def test_every_reference_leads_somewhere(document: Schema) -> None:
    found = set(references(document))
    assert found
    assert all(resolve(reference, document) for reference in found)


def test_every_schema_is_used(document: Schema) -> None:
    used = {reference.rpartition("/")[2] for reference in references(document)}
    assert document["components"]["schemas"].keys() == used


def test_every_operation_has_its_own_name_and_says_what_it_does(document: Schema) -> None:
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["description"] for each in operations)


@pytest.mark.parametrize("path", ACCEPTED)
def test_a_prediction_takes_what_the_contract_says(document: Schema, path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]
    assert body["required"]
    assert body["content"].keys() == ACCEPTED[path]


def test_one_input_can_be_explained_and_a_bulk_call_cannot(document: Schema) -> None:
    named = {
        path: [(each["in"], each["name"], each["schema"]) for each in post["parameters"]]
        for path in ACCEPTED
        if (post := document["paths"][path]["post"]).get("parameters")
    }
    explain = [("query", "explain", {"type": "boolean", "default": False})]
    assert named == {"/digits": explain, "/sentiment": explain}


def test_bulk_calls_hold_1_to_256_inputs(document: Schema) -> None:
    for path, kind, name in (
        ("/digits/batch", "multipart/form-data", "images"),
        ("/sentiment/batch", "application/json", "texts"),
    ):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        field = content[kind]["schema"]["properties"][name]
        assert (field["type"], field["minItems"], field["maxItems"]) == ("array", 1, 256)


def test_every_error_is_a_problem(document: Schema) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status != "200":
                    schema = answer["content"]["application/problem+json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize("path", ACCEPTED)
def test_a_prediction_announces_its_refusals(document: Schema, path: str) -> None:
    answers = document["paths"][path]["post"]["responses"]
    assert answers.keys() == {"200", "default"} | REFUSALS


@pytest.mark.parametrize("name", FIELDS)
def test_answers_and_problems_have_the_fields_of_the_contract(document: Schema, name: str) -> None:
    schema = document["components"]["schemas"][name]
    assert set(schema["required"]) == FIELDS[name]
    assert schema["properties"].keys() - FIELDS[name] <= {"retry_after_ms"}


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_to_predictions_are_as_published(
    client: httpx.Client, document: Schema, name: str
) -> None:
    path, request = REQUESTS[name]
    response = client.post(path, **request)
    schema = promised(document, path.partition("?")[0], response)
    assert list(violations(response.json(), schema, document)) == []


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/models", "/models"),
        ("/models/{name}", "/models/digits"),
        ("/models/{name}", "/models/another"),
        ("/health/live", "/health/live"),
        ("/health/ready", "/health/ready"),
    ],
)
def test_other_answers_are_as_published(
    client: httpx.Client, document: Schema, path: str, url: str
) -> None:
    response = client.get(url)
    schema = promised(document, path, response)
    assert list(violations(response.json(), schema, document)) == []


def test_an_answer_that_is_not_as_published_would_be_noticed(
    client: httpx.Client, document: Schema
) -> None:
    response = client.post("/sentiment", json={"text": "A good film."})
    schema = promised(document, "/sentiment", response)
    wrong: list[dict[str, Any]] = [
        {"label": "neutral"},
        {"confidence": 1.5},
        {"tokens": "many"},
        {"probabilities": {"negative": 0.5}},
        {"another": 1},
    ]
    for change in wrong:
        assert list(violations(response.json() | change, schema, document)), change


def test_the_page_loads_nothing_from_other_hosts(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    assert any(address.endswith(".js") for address in loaded)
    assert any(address.endswith(".css") for address in loaded)
    assert not re.search(r"(https?:)?//[a-z]", page.text.replace("// ", ""), re.IGNORECASE)
    [described] = re.findall(r"url: '([^']+)'", page.text)
    for address in (*loaded, described):
        response = client.get(urljoin("/docs", address))
        assert response.status_code == 200, address
        assert response.content
    assert json.loads(response.content)["openapi"]


def test_the_page_asks_no_other_host_to_validate_the_description(client: httpx.Client) -> None:
    assert re.search(r'"validatorUrl":\s*null', client.get("/docs").text)
