"""Who is answered where there are keys, over real HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.keyring import Made, made
from tests.problems import problem_of
from tests.running import DEADLINE, RunningService
from tests.scraped import Scraped, grown
from training.golden import as_bytes, draw_digit

APP = made("app", "predict")
OPERATOR = made("operator", "admin")
BOTH = made("both", "predict", "admin")
SLOW = made("slow", "predict", per_minute=1, burst=3)
FAST = made("fast", "predict", "admin", per_minute=600)
EVERY = (APP, OPERATOR, BOTH, SLOW, FAST)
UNKNOWN = made("unknown", "predict", "admin")

PICTURE = as_bytes(draw_digit(3))
PREDICTIONS: dict[str, dict[str, Any]] = {
    "/digits": {"content": PICTURE},
    "/digits?explain=true": {"content": PICTURE},
    "/digits/read": {"content": PICTURE},
    "/digits/batch": {"files": [("images", ("a.png", PICTURE))]},
    "/sentiment": {"json": {"text": "A good film."}},
    "/sentiment/batch": {"json": {"texts": ["A good film."]}},
}
PUBLIC = ["/", "/page/app.js", "/docs", "/openapi.json", "/health/live", "/health/ready", "/models"]
PUBLIC += ["/models/digits", "/static-offline-docs/swagger-ui.css"]
RELOAD = "/admin/models/digits/reload"
REST = [("GET", "/metrics"), ("POST", RELOAD), ("GET", "/nothing"), ("GET", "/digits")]
NO_KEY = {
    "nothing": {},
    "an unknown key": UNKNOWN.header,
    "an empty header": {"Authorization": ""},
    "no more than the scheme": {"Authorization": "Bearer"},
    "another scheme": {"Authorization": f"Basic {APP.key}"},
    "no scheme": {"Authorization": APP.key},
    "two keys": {"Authorization": f"Bearer {APP.key} {APP.key}"},
    "more than the key": {"Authorization": f"Bearer {APP.key}a"},
    "the hash": {"Authorization": f"Bearer {APP.sha256}"},
    "a very long one": {"Authorization": "Bearer " + "a" * 10_000},
    "another header": {"X-API-Key": APP.key},
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[RunningService]:
    """A service that asks for keys."""
    with RunningService(keys="".join(each.entry for each in EVERY)) as service:
        yield service


@pytest.fixture
def asking(guarded: RunningService) -> Iterator[httpx.Client]:
    """Asks it, without a key unless told otherwise, and looks whether an answer tells one."""

    def look(response: httpx.Response) -> None:
        told = response.read().decode("latin-1") + str(response.headers)
        for each in (*EVERY, UNKNOWN):
            assert each.key not in told
            assert each.sha256 not in told

    hooks = {"response": [look]}
    with httpx.Client(base_url=guarded.url, timeout=DEADLINE, event_hooks=hooks) as client:
        yield client


def code_of(response: httpx.Response) -> str:
    """`ok`, or what was wrong in the form of the contract."""
    if response.status_code < 400:
        return "ok"
    code: str = problem_of(response)["code"]
    assert (response.headers.get("www-authenticate") == "Bearer") == (code == "unauthorized")
    return code


@pytest.mark.parametrize("what", NO_KEY)
def test_without_a_key_that_is_known_nothing_but_the_public_is_answered(
    asking: httpx.Client, what: str
) -> None:
    headers = NO_KEY[what]
    for path, request in PREDICTIONS.items():
        assert code_of(asking.post(path, headers=headers, **request)) == "unauthorized"
    for method, path in REST:
        assert code_of(asking.request(method, path, headers=headers)) == "unauthorized"
    for path in PUBLIC:
        assert code_of(asking.get(path, headers=headers)) == "ok"


@pytest.mark.parametrize("key", [APP, BOTH], ids=["app", "both"])
@pytest.mark.parametrize("path", PREDICTIONS)
def test_who_may_predict_gets_predictions(asking: httpx.Client, key: Made, path: str) -> None:
    assert code_of(asking.post(path, headers=key.header, **PREDICTIONS[path])) == "ok"


@pytest.mark.parametrize("path", PREDICTIONS)
def test_who_may_only_administer_gets_no_predictions(asking: httpx.Client, path: str) -> None:
    answer = asking.post(path, headers=OPERATOR.header, **PREDICTIONS[path])
    assert code_of(answer) == "forbidden"
    assert "predict" in answer.json()["detail"]


def test_who_may_only_predict_does_not_administer(asking: httpx.Client) -> None:
    answer = asking.post(RELOAD, headers=APP.header)
    assert code_of(answer) == "forbidden"
    assert "admin" in answer.json()["detail"]
    for key in (OPERATOR, BOTH):
        assert code_of(asking.post(RELOAD, headers=key.header)) in ("ok", "not_found")


@pytest.mark.parametrize("key", [APP, OPERATOR, BOTH], ids=["app", "operator", "both"])
def test_any_key_may_look_at_the_numbers(asking: httpx.Client, key: Made) -> None:
    assert code_of(asking.get("/metrics", headers=key.header)) == "ok"


def test_errors_are_the_usual_ones_for_who_has_a_key(asking: httpx.Client) -> None:
    for method, path, code in (
        ("GET", "/nothing", "not_found"),
        ("GET", "/digits", "method_not_allowed"),
        ("POST", "/digits", "invalid"),
    ):
        assert code_of(asking.request(method, path, headers=APP.header)) == code


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer   "])
def test_the_scheme_is_read_as_http_has_it(asking: httpx.Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme}{APP.key}"}
    assert code_of(asking.get("/metrics", headers=headers)) == "ok"


@pytest.mark.parametrize(
    "path", ["/%6detrics", "/metrics?a=/models/", "//metrics", "/models/../metrics", "/metrics/"]
)
def test_no_way_of_writing_a_path_leads_around_the_question(
    guarded: RunningService, path: str
) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with guarded.connect() as connection:  # a client would tidy the path
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split()[1] in (b"401", b"404")
    assert b"moodigit_" not in answer


@pytest.mark.parametrize("more", ["", "Expect: 100-continue\r\n"])
def test_the_body_is_not_waited_for(guarded: RunningService, more: str) -> None:
    head = f"POST /digits HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{more}\r\n"
    with guarded.connect() as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_a_key_with_a_limit_is_told_what_is_left_and_when_there_is_more(
    asking: httpx.Client,
) -> None:
    def ask(path: str, **request: Any) -> httpx.Response:
        answer = asking.post(path, headers=SLOW.header, **request)
        assert answer.headers["ratelimit-policy"] == '"default";q=1;w=60'
        return answer

    def left(answer: httpx.Response) -> tuple[int, int]:
        name, left, seconds = answer.headers["ratelimit"].split(";")
        assert (name, left[:2], seconds[:2]) == ('"default"', "r=", "t=")
        return int(left[2:]), int(seconds[2:])

    # Whatever becomes of a request, it counts.
    for tokens, (code, answer) in zip(
        (2, 1, 0),
        (
            ("ok", ask("/digits", content=PICTURE)),
            ("invalid", ask("/sentiment", json={})),
            ("forbidden", ask(RELOAD)),
        ),
        strict=True,
    ):
        assert code_of(answer) == code
        assert left(answer)[0] == tokens
        assert 0 < left(answer)[1] <= 60
    refused = ask("/digits", content=PICTURE)
    assert code_of(refused) == "rate_limited"
    assert left(refused) == (0, int(refused.headers["retry-after"]))
    assert 0 < refused.json()["retry_after_ms"] <= 60_000
    for path in PUBLIC:  # where no key is asked for, it costs nothing
        answer = asking.get(path, headers=SLOW.header)
        assert code_of(answer) == "ok"
        assert "ratelimit" not in answer.headers


def test_a_limit_holds_on_every_route_that_asks_for_a_key(asking: httpx.Client) -> None:
    for method, path in [("POST", path) for path in PREDICTIONS] + REST:
        request = PREDICTIONS.get(path, {}) if method == "POST" else {}
        answer = asking.request(method, path, headers=FAST.header, **request)
        assert answer.headers["ratelimit-policy"] == '"default";q=600;w=60'
        assert answer.headers["ratelimit"].startswith('"default";r=5')  # of 600 at once


def test_a_key_without_a_limit_hears_nothing_of_one(asking: httpx.Client) -> None:
    answer = asking.post("/digits", headers=APP.header, content=PICTURE)
    assert not any(name.startswith("ratelimit") for name in answer.headers)


def test_requests_are_counted_by_the_name_of_their_key(guarded: RunningService) -> None:
    before = Scraped(guarded.url, APP.header)
    with httpx.Client(base_url=guarded.url, timeout=DEADLINE) as client:
        for _ in range(3):
            client.post("/digits", headers=BOTH.header, content=PICTURE)
        client.post("/digits", headers=BOTH.header)
        client.post("/digits", headers=OPERATOR.header, content=PICTURE)
        client.get("/models", headers=BOTH.header)
    after = Scraped(guarded.url, APP.header)
    for key, outcome, count in (
        ("both", "ok", 3),
        ("both", "invalid", 1),
        ("operator", "forbidden", 1),
        ("app", "ok", 1),  # the numbers before
    ):
        assert grown(before, after, "key_requests_total", key=key, outcome=outcome) == count


def test_nothing_that_comes_as_a_key_becomes_a_label(guarded: RunningService) -> None:
    before = Scraped(guarded.url, APP.header)
    with httpx.Client(base_url=guarded.url, timeout=DEADLINE) as client:
        for _ in range(20):
            word = secrets.token_hex(8)
            client.get("/metrics", headers={"Authorization": f"Bearer {word}"})
            client.get(f"/admin/{word}", headers={"Authorization": word})
            client.post("/sentiment", headers={"Authorization": f"{word} {word}"})
    after = Scraped(guarded.url, APP.header)
    assert grown(before, after, "requests_total", outcome="unauthorized") == 60
    assert after.labels() - before.labels() <= {
        *(("route", "none"), ("route", "/sentiment"), ("route", "/metrics")),
        *(("outcome", "unauthorized"), ("outcome", "ok"), ("key", "app")),
    }


def test_the_published_description_says_where_a_key_is_asked_for(asking: httpx.Client) -> None:
    document = asking.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answer = asking.request(method, path.replace("{name}", "digits"))
            refused = code_of(answer) == "unauthorized"
            assert operation.get("security", []) == ([{"key": []}] if refused else [])
            announced = {"401", "429"} if refused else set()
            if refused and path != "/metrics":
                announced.add("403")
            assert operation["responses"].keys() & {"401", "403", "429"} == announced


def test_neither_keys_nor_hashes_are_told_anywhere(asking: httpx.Client) -> None:
    service_told = [asking.get(path).text for path in PUBLIC]
    service_told.append(asking.get("/metrics", headers=APP.header).text)
    assert "moodigit_" in service_told[-1]  # each looked at by `asking`, as all others


def test_neither_keys_nor_hashes_are_logged() -> None:
    keys = APP.entry + SLOW.entry
    with RunningService(keys=keys) as service:
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as client:
            for headers in (*NO_KEY.values(), APP.header, *[SLOW.header] * 5):
                client.post("/digits", headers=headers, content=PICTURE)
                client.post(RELOAD, headers=headers)
        with service.connect() as connection:
            connection.sendall(f"GET /metrics HTTP/9 {APP.key}\r\n{APP.key}\r\n\r\n".encode())
            connection.recv(1000)
        lines = " ".join(service.processes().values())
        _, written = service.stop()
    for told in (written, service.greeting, lines):
        for each in (APP, SLOW, UNKNOWN):
            assert each.key not in told
            assert each.sha256 not in told


def test_without_keys_all_is_answered_but_the_administration(client: httpx.Client) -> None:
    for headers in ({}, UNKNOWN.header):
        for path, request in PREDICTIONS.items():
            assert code_of(client.post(path, headers=headers, **request)) == "ok"
        for path in ("/metrics", *PUBLIC):
            assert code_of(client.get(path, headers=headers)) == "ok"
        refused = client.post(RELOAD, headers=headers)
        assert code_of(refused) == "forbidden"
        assert "no keys are configured" in refused.json()["detail"]
        assert "SIGHUP" in refused.json()["detail"]
    document = client.get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
