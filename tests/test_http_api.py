"""What surrounds every request: ids, timings, methods, paths, the models and the health."""

from __future__ import annotations

import http.client
import json
import math
import re

import httpx
import pytest

from tests.problems import MARK, problem_of
from tests.running import DEADLINE, RunningService
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(7))
ALLOWED = {
    "/digits": "POST",
    "/digits/read": "POST",
    "/digits/batch": "POST",
    "/sentiment": "POST",
    "/sentiment/batch": "POST",
    "/models": "GET",
    "/models/digits": "GET",
    "/health/live": "GET",
    "/health/ready": "GET",
    "/openapi.json": "GET, HEAD",
    "/docs": "GET",
    "/": "GET, HEAD",
    "/page/app.js": "GET, HEAD",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"]
REFUSED = [
    (method, path)
    for path, allowed in ALLOWED.items()
    for method in METHODS
    if method not in allowed.split(", ")
]
GOOD = {
    "/digits": {"content": PICTURE},
    "/digits/read": {"content": PICTURE},
    "/digits/batch": {"files": [("images", ("a.png", PICTURE))] * 3},
    "/sentiment": {"json": {"text": "a good film"}},
    "/sentiment/batch": {"json": {"texts": ["a good film"] * 3}},
}


def answer_to(service: RunningService, method: str, path: str) -> httpx.Response:
    """As httpx has it, but with a path that it would have cleaned up before it is sent."""
    host, port = service.url.removeprefix("http://").rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("request_id", ["a", "A.b_c-1", "0" * 64])
def test_a_request_id_is_echoed(client: httpx.Client, request_id: str) -> None:
    for path in ("/health/live", "/docs", "/nothing"):
        response = client.get(path, headers={"X-Request-ID": request_id})
        assert response.headers["x-request-id"] == request_id
    response = client.post("/sentiment", content=b"{", headers={"X-Request-ID": request_id})
    assert problem_of(response)["request_id"] == request_id


@pytest.mark.parametrize("malformed", ["", "a" * 65, "a b", "a/b", 'a"b', "a\tb", "\xe9", "a,b"])
def test_a_malformed_request_id_is_replaced(client: httpx.Client, malformed: str) -> None:
    headers = {b"X-Request-ID": malformed.encode("latin-1")}
    made = client.get("/health/live", headers=headers).headers["x-request-id"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", made)
    assert made != malformed


def test_every_request_without_an_id_gets_one_of_its_own(client: httpx.Client) -> None:
    made = {client.get(path).headers["x-request-id"] for path in ("/models", "/nothing") * 10}
    assert len(made) == 20


@pytest.mark.parametrize("route", GOOD)
def test_server_timing_tells_where_the_time_went(client: httpx.Client, route: str) -> None:
    sent = client.post(route, **GOOD[route]).headers["server-timing"]  # type: ignore[arg-type]
    *durations, batch = sent.split(", ")
    names = [re.fullmatch(r"(\w+);dur=\d+\.\d+", duration) for duration in durations]
    assert [name and name[1] for name in names] == ["decode", "queue", "infer", "encode"]
    assert re.fullmatch(r'batch;desc="[1-9]\d*"', batch)


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_another_method_is_not_allowed_and_the_right_one_is_named(
    client: httpx.Client, method: str, path: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == set(ALLOWED[path].split(", "))
    if method == "HEAD":
        assert response.content == b""
    else:
        assert problem_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        f"/{MARK}",
        "//",
        "//digits",
        "/digits/",
        "/digits//batch",
        "/Digits",
        "/%00",
        "/digits%00",
        "/%ff",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/static-offline-docs/../../__init__.py",
        "/static-offline-docs/%2e%2e/core.py",
        f"/{'long' * 3_000}",
        "/digits;a=b",
        "/models/digits/1",
        "/docs/",
        "/redoc",
        "*",
    ],
)
def test_there_is_nothing_at_any_other_path(
    service: RunningService, method: str, path: str
) -> None:
    response = answer_to(service, method, path)
    expected = {405} if path.startswith("/static") and method != "GET" else {404}
    assert response.status_code in expected
    problem_of(response)


@pytest.mark.parametrize("name", [MARK, "Digits", "%00", "%ff", "digits%0a", "..", "long" * 3_000])
def test_there_is_no_other_model_and_those_that_are_get_named(
    service: RunningService, name: str
) -> None:
    problem = problem_of(answer_to(service, "GET", f"/models/{name}"))
    assert problem["code"] == "not_found"
    assert "digits, sentiment" in problem["detail"]


def test_models_are_described_alone_as_they_are_together(client: httpx.Client) -> None:
    cards = client.get("/models").json()["models"]
    assert [card["name"] for card in cards] == ["digits", "sentiment"]
    assert [client.get(f"/models/{card['name']}").json() for card in cards] == cards


@pytest.mark.parametrize("name", ["digits", "sentiment"])
def test_a_card_tells_what_serves_and_how_good_it_is(client: httpx.Client, name: str) -> None:
    card = client.get(f"/models/{name}").json()
    assert [each["version"] for each in card["versions"] if each["state"] == "serving"] == [
        card["version"]
    ]
    accuracy = card["accuracy"]
    low, high = accuracy["interval"]
    assert 0 <= low < accuracy["accuracy"] < high <= 1
    assert math.isclose(accuracy["accuracy"], accuracy["correct"] / accuracy["samples"])
    assert card["calibration"]["temperature"] > 0
    assert 0 <= card["calibration"]["expected_error"] <= 1
    hashes = [*card["data"].values(), *(file["sha256"] for file in card["files"].values())]
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)
    assert "model.onnx" in card["files"]
    labels = {"digits": list("0123456789"), "sentiment": ["negative", "positive"]}
    assert card["labels"] == labels[name]
    limit = {"digits": "max_pixels", "sentiment": "max_tokens"}
    assert card["limits"][limit[name]] > 0


def test_a_model_answers_under_the_name_and_version_of_its_card(client: httpx.Client) -> None:
    for name in ("digits", "sentiment"):
        answer = client.post(f"/{name}", **GOOD[f"/{name}"]).json()  # type: ignore[arg-type]
        assert answer["model"] == f"{name}/{client.get(f'/models/{name}').json()['version']}"


def test_it_is_live_and_ready(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_many_requests_sent_at_once_on_one_connection_are_answered_in_order(
    service: RunningService,
) -> None:
    with service.connect() as connection:
        for number in range(20):
            body = json.dumps({"text": "good " * (number + 1)}).encode()
            connection.sendall(
                b"POST /sentiment HTTP/1.1\r\nHost: x\r\nX-Request-ID: n%d\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (number, len(body), body)
            )
        answers = connection.makefile("rb")  # one, since it may read ahead
        for number in range(20):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = http.client.parse_headers(answers)
            assert headers["X-Request-ID"] == f"n{number}"
            body = answers.read(int(headers["Content-Length"]))
            assert json.loads(body)["tokens"] == number + 1
