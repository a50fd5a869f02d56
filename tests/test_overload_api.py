"""Too much work, too little time, and clients that go away."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.answers import raw_probabilities
from tests.problems import check_problem, problem_of
from tests.running import DEADLINE, RunningService
from training.golden import as_bytes, draw_digit

LONG = "A long story about a good film. " * 2_000
HURRIED = {"X-Request-Timeout-Ms": "1"}
PICTURE = as_bytes(draw_digit(5))


def raw_post(route: str, body: bytes) -> bytes:
    head = f"POST {route} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_a_deadline_that_cannot_be_met_is_told(client: httpx.Client) -> None:
    for _ in range(5):
        response = client.post("/sentiment", json={"text": LONG}, headers=HURRIED)
        assert problem_of(response)["code"] in {"overloaded", "deadline_exceeded"}
    assert client.post("/sentiment", json={"text": LONG}).status_code == 200


def test_a_bulk_call_out_of_time_is_told_as_a_whole_or_entry_by_entry(client: httpx.Client) -> None:
    response = client.post("/sentiment/batch", json={"texts": [LONG] * 3}, headers=HURRIED)
    if response.status_code != 200:
        assert problem_of(response)["code"] in {"overloaded", "deadline_exceeded"}
        return
    errors = [entry["error"] for entry in response.json()["results"]]
    assert [error["code"] for error in errors] == ["deadline_exceeded"] * 3
    check_problem(errors[0], response)


def test_a_deadline_of_the_service_holds_for_who_asks_for_more() -> None:
    with RunningService(deadline_ms="1") as service:
        patient = {"X-Request-Timeout-Ms": "60000"}
        for headers in ({}, patient):
            response = httpx.post(
                f"{service.url}/sentiment", json={"text": LONG}, headers=headers, timeout=DEADLINE
            )
            assert problem_of(response)["code"] in {"overloaded", "deadline_exceeded"}


def test_bulk_calls_beyond_what_their_deadline_allows_are_refused_and_none_is_lost(
    client: httpx.Client, service: RunningService
) -> None:
    calls = [
        [f"film {call}, part {part}: " + "good " * 30 for part in range(256)] for call in "abcdefgh"
    ]
    refused: list[httpx.Response] = []
    late: list[httpx.Response] = []
    together = threading.Barrier(len(calls))

    def seconds_alone(texts: list[str]) -> float:
        began = time.monotonic()
        assert len(raw_probabilities(client.post("/sentiment/batch", json={"texts": texts}))) == 256
        return time.monotonic() - began

    patience = 3 * max(map(seconds_alone, calls[:3]))
    hurried = {"X-Request-Timeout-Ms": str(round(1000 * patience))}

    def insist(texts: list[str]) -> list[bytes]:
        """Ask until there is an answer to each, and rather sooner than told to."""
        end = time.monotonic() + DEADLINE
        with httpx.Client(base_url=service.url, timeout=DEADLINE) as own:
            together.wait(DEADLINE)
            while time.monotonic() < end:
                response = own.post("/sentiment/batch", json={"texts": texts}, headers=hurried)
                if response.status_code == 503:
                    refused.append(response)
                    time.sleep(min(0.3, response.json()["retry_after_ms"] / 1000))
                elif response.status_code == 504:  # admitted, then others took the processor
                    late.append(response)
                elif len(answers := raw_probabilities(response)) == len(texts):
                    return answers
        raise AssertionError("never answered")

    with ThreadPoolExecutor(len(calls)) as clients:
        answers = list(clients.map(insist, calls))
    for texts, found in zip(calls, answers, strict=True):
        for text, answer in list(zip(texts, found, strict=True))[::50]:
            assert raw_probabilities(client.post("/sentiment", json={"text": text})) == [answer]
    assert refused
    assert {problem_of(response)["code"] for response in refused} == {"overloaded"}
    assert {problem_of(response)["code"] for response in late} <= {"deadline_exceeded"}
    assert len(late) <= len(calls)


def test_clients_that_go_away_do_not_disturb_the_others(
    client: httpx.Client, service: RunningService
) -> None:
    texts = json.dumps({"texts": [LONG[:2_000]] * 64}).encode()
    requests = [raw_post("/sentiment/batch", texts), raw_post("/digits", PICTURE)]
    text = {"text": "A good film, but for its end."}
    mood = raw_probabilities(client.post("/sentiment", json=text))
    digit = raw_probabilities(client.post("/digits", content=PICTURE))

    def come_and_go(cut: bool) -> None:
        for request in requests * 20:
            for sent in (request, request[: len(request) // 2], request[:20], b""):
                with service.connect() as connection:
                    connection.sendall(sent)
                    if cut:  # closing tells the service nothing but that the connection is dead
                        reset = struct.pack("ii", 1, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)

    with ThreadPoolExecutor(2) as others:
        gone = others.map(come_and_go, [False, True])
        for _ in range(5):
            with service.connect() as leaving:  # while its rows run or wait among the others
                leaving.sendall(requests[0])
                assert raw_probabilities(client.post("/sentiment", json=text)) == mood
            assert raw_probabilities(client.post("/digits", content=PICTURE)) == digit
            many = client.post("/sentiment/batch", json={"texts": [text["text"]] * 5})
            assert raw_probabilities(many) == mood * 5
        list(gone)
    assert service.process.poll() is None
    assert service.faults() == []


def test_a_client_that_stops_halfway_does_not_hold_up_the_others(
    client: httpx.Client, service: RunningService
) -> None:
    half = raw_post("/digits", PICTURE)[:-100]
    waiting = [service.connect() for _ in range(50)]
    try:
        for connection in waiting:
            connection.sendall(half)
        assert client.post("/digits", content=PICTURE).status_code == 200
        for connection in waiting:
            connection.sendall(PICTURE[-100:])
        assert {connection.recv(12) for connection in waiting} == {b"HTTP/1.1 200"}
    finally:
        for connection in waiting:
            connection.close()
