"""What /metrics tells adds up, reads well, and stays bounded."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.running import DEADLINE, RunningService, eventually
from tests.scraped import Scraped, grown
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(5))
FORM = [("images", ("a.png", PICTURE))] * 5
MODELS = {"digits", "sentiment"}
STAGES = {"decode", "decode_large", "infer", "split"}


@pytest.fixture(scope="module")
def quiet() -> Iterator[RunningService]:
    """A service that nobody else asks."""
    with RunningService() as service:
        yield service


def client_of(service: RunningService) -> httpx.Client:
    return httpx.Client(base_url=service.url, timeout=DEADLINE)


def test_requests_are_counted_by_route_model_and_outcome(quiet: RunningService) -> None:
    before = Scraped(quiet.url)
    with client_of(quiet) as client:
        for _ in range(3):
            client.post("/digits", content=PICTURE)
        client.post("/digits", content=b"no picture")
        client.post("/digits", content=PICTURE[:99])
        client.post("/digits/batch", files=FORM)
        for _ in range(4):
            client.post("/sentiment", json={"text": "good"})
        client.post("/sentiment", content=b"{")
        client.post("/sentiment/batch", json={"texts": ["good"] * 7})
        client.get("/models/digits")
        client.get("/models/another")
        client.get("/nothing")
    after = Scraped(quiet.url)
    for route, model, outcome, count in [
        ("/digits", "digits", "ok", 3),
        ("/digits", "digits", "unsupported_media_type", 1),
        ("/digits", "digits", "cannot_decode", 1),
        ("/digits/batch", "digits", "ok", 1),
        ("/sentiment", "sentiment", "ok", 4),
        ("/sentiment", "sentiment", "malformed", 1),
        ("/sentiment/batch", "sentiment", "ok", 1),
        ("/models/{name}", "none", "ok", 1),
        ("/models/{name}", "none", "not_found", 1),
        ("none", "none", "not_found", 1),
    ]:
        labels = {"route": route, "model": model, "outcome": outcome}
        assert grown(before, after, "requests_total", **labels) == count, labels
    for route in ("/digits", "/digits/batch", "/sentiment", "/sentiment/batch"):
        asked = grown(before, after, "requests_total", route=route)
        assert grown(before, after, "request_seconds_count", route=route) == asked
    assert grown(before, after, "requests_total", outcome="internal") == 0


def test_rows_runs_and_their_sizes_add_up(quiet: RunningService) -> None:
    before = Scraped(quiet.url)
    with client_of(quiet) as client:
        for _ in range(3):
            client.post("/digits", content=PICTURE)
        client.post("/digits/batch", files=FORM)
        tokens = [client.post("/sentiment", json={"text": "good film"}).json()["tokens"]]
        many = client.post("/sentiment/batch", json={"texts": ["good", "a good film " * 30]})
        tokens += [entry["tokens"] for entry in many.json()["results"]]
    after = Scraped(quiet.url)
    infer = {"stage": "infer"}
    assert grown(before, after, "batch_rows_sum", model="digits", **infer) == 3 + len(FORM)
    assert grown(before, after, "batch_rows_sum", model="sentiment", **infer) == 3
    assert grown(before, after, "size_total", model="digits", **infer) == 3 + len(FORM)
    assert grown(before, after, "size_total", model="sentiment", **infer) == sum(tokens)
    for model in MODELS:
        runs = grown(before, after, "run_seconds_count", model=model, **infer)
        assert 0 < runs <= 3 + len(FORM)
        assert grown(before, after, "batch_rows_count", model=model, **infer) == runs
        assert grown(before, after, "dispatches_total", model=model, **infer) == runs
        rows = grown(before, after, "batch_rows_sum", model=model, **infer)
        assert grown(before, after, "queue_seconds_count", model=model, **infer) == rows
        assert after.value("queue_rows", model=model) == 0
        assert after.value("queue_predicted_seconds", model=model) == 0
    assert grown(before, after, "padding_total", model="digits") == 0


def test_refused_and_expired_rows_are_counted(quiet: RunningService) -> None:
    before = Scraped(quiet.url)
    texts = ["A long story about a good film. " * 60] * 256
    hurried = {"X-Request-Timeout-Ms": "100"}
    with client_of(quiet) as client:
        response = client.post("/sentiment/batch", json={"texts": texts}, headers=hurried)
    codes = [entry.get("error", {}).get("code") for entry in response.json().get("results", [])]
    after = Scraped(quiet.url)
    refused = grown(before, after, "refused_total", model="sentiment", reason="deadline")
    expired = grown(before, after, "expired_total", model="sentiment")
    if response.status_code == 200:
        assert expired == codes.count("deadline_exceeded") > 0
    else:
        assert refused + expired > 0


def test_clients_that_leave_are_counted(quiet: RunningService) -> None:
    before = Scraped(quiet.url)
    texts = b'{"texts": [%s]}' % b", ".join([b'"%s"' % (b"good " * 390)] * 256)
    head = b"POST /sentiment/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(texts)
    with quiet.connect() as leaving:
        leaving.sendall(head + texts)
        eventually(lambda: Scraped(quiet.url).value("queue_rows", model="sentiment"))

    def gone() -> float:
        return grown(before, Scraped(quiet.url), "requests_total", outcome="gone")

    assert eventually(gone) == 1
    after = Scraped(quiet.url)
    left = grown(before, after, "cancelled_before_run_total", model="sentiment")
    run = grown(before, after, "batch_rows_sum", model="sentiment", stage="infer")
    assert left > 0
    assert left + run <= 256
    assert grown(before, after, "expired_total") == 0


def test_nothing_that_a_client_sends_becomes_a_label(quiet: RunningService) -> None:
    with client_of(quiet) as client:
        before = Scraped(quiet.url)
        for number in range(50):
            word = secrets.token_hex(8)
            client.request(["GET", "POST", word.upper()][number % 3], f"/{word}")
            client.get(f"/models/{word}")
            client.get(f"/digits/{word}")
            client.post(f"/sentiment?{word}={word}", json={"text": word})
            client.get("/models", headers={"X-Request-ID": word, "Host": word})
        after = Scraped(quiet.url)
    new = after.labels() - before.labels()
    assert new <= {
        *(("route", route) for route in ("none", "/models", "/models/{name}", "/sentiment")),
        *(("outcome", outcome) for outcome in ("ok", "not_found", "method_not_allowed")),
    }


def test_labels_have_few_values_and_names_have_units(quiet: RunningService) -> None:
    scraped = Scraped(quiet.url)
    values: dict[str, set[str]] = {}
    for label, value in scraped.labels():
        values.setdefault(label, set()).add(value)
    assert values.keys() == {
        *("route", "model", "outcome", "stage", "reason", "version", "file"),
    }
    assert values["model"] <= MODELS | {"none"}
    assert values["stage"] == STAGES
    assert values["reason"] == {"idle", "full", "deadline", "queue_full", "memory"}
    assert scraped.value("model_info", model="digits") == 1
    assert scraped.value("model_info", model="sentiment") == 1
    assert "_milliseconds" not in scraped.text
    assert "_created" not in scraped.text
    assert all(math.isfinite(sample.value) for sample in scraped.samples())


@pytest.mark.timeout(120)
def test_two_workers_tell_the_same_and_that_is_the_sum_of_both() -> None:
    with RunningService(workers="2") as service, ExitStack() as stack:
        clients = [stack.enter_context(client_of(service)) for _ in range(10)]
        for client in clients:
            client.get("/health/live")  # now each has its connection, half of them to each worker
        for _ in range(4):
            for client in clients:
                assert client.post("/digits", content=PICTURE).status_code == 200
        for client in clients:
            client.post("/sentiment/batch", json={"texts": ["good"] * 3})
        for _ in range(6):  # on connections of their own, to one worker or the other
            scraped = Scraped(service.url)
            assert scraped.value("requests_total", route="/digits", outcome="ok") == 40
            assert scraped.value("requests_total", route="/sentiment/batch", outcome="ok") == 10
            infer = {"stage": "infer"}
            assert scraped.value("batch_rows_sum", model="digits", **infer) == 40
            assert scraped.value("batch_rows_sum", model="sentiment", **infer) == 30
            assert scraped.value("model_info") == 2
            assert "pid" not in {label for label, _ in scraped.labels()}
