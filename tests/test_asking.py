"""Evaluation gets an answer to every input, in order, from a service that is busy or far away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Barrier

import pytest

from tests.running import DEADLINE
from tests.scripted import ScriptedService
from training.asking import CONNECTIONS, Client, NoService, answering

OCTETS = "application/octet-stream"
BUSY = (503, {"code": "overloaded", "retry_after_ms": 1})


def numbers(count: int) -> list[bytes]:
    return [b"%d" % i for i in range(count)]


def test_replies_come_in_the_order_of_the_items_though_asked_together() -> None:
    together = Barrier(CONNECTIONS)

    def answer(_: str, body: bytes) -> tuple[int, object]:
        together.wait(DEADLINE)
        return 200, {"number": int(body)}

    with ScriptedService(answer) as service, Client(service.url) as client:
        replies = [*client.ask_all("/x", numbers(5 * CONNECTIONS), bytes, OCTETS)]
    assert [(int(item), reply.content["number"]) for item, reply in replies] == [
        (i, i) for i in range(5 * CONNECTIONS)
    ]


def test_few_items_are_made_ahead_of_the_replies() -> None:
    made = 0

    def items() -> Iterator[bytes]:
        nonlocal made
        for item in numbers(1000):
            made += 1
            yield item

    with ScriptedService(lambda *_: (200, {})) as service, Client(service.url) as client:
        next(client.ask_all("/x", items(), bytes, OCTETS))
    assert made <= 4 * CONNECTIONS


def test_a_busy_service_is_asked_again_until_it_answers() -> None:
    tries: Counter[bytes] = Counter()

    def answer(_: str, body: bytes) -> tuple[int, object]:
        tries[body] += 1
        return BUSY if tries[body] < 4 else (200, {})

    with ScriptedService(answer) as service, Client(service.url) as client:
        replies = [reply for _, reply in client.ask_all("/x", numbers(9), bytes, OCTETS)]
    assert {reply.status for reply in replies} == {200}
    assert set(tries.values()) == {4}


def test_a_service_that_stays_busy_has_the_last_word() -> None:
    with ScriptedService(lambda *_: BUSY) as service, Client(service.url) as client:
        assert client.ask("/x", b"1", OCTETS).content["code"] == "overloaded"


def test_a_connection_that_was_closed_is_opened_again() -> None:
    tries: Counter[bytes] = Counter()

    def answer(_: str, body: bytes) -> tuple[int, object] | None:
        tries[body] += 1
        return (200, {}) if tries[body] > 1 else None

    with ScriptedService(answer) as service, Client(service.url) as client:
        assert client.ask("/x", b"1", OCTETS).status == 200


def test_a_refusal_is_a_reply() -> None:
    refusal = 422, {"code": "cannot_decode"}
    with ScriptedService(lambda *_: refusal) as service, Client(service.url) as client:
        reply = client.ask("/x", b"1", OCTETS)
    assert (reply.status, reply.content) == refusal


@pytest.mark.parametrize("answer", [None, (200, [1]), (200, "words")])
def test_what_does_not_answer_as_the_service_does_is_told(answer: tuple[int, object]) -> None:
    with (
        ScriptedService(lambda *_: answer) as service,
        Client(service.url) as client,
        pytest.raises(NoService, match=service.url),
    ):
        client.ask("/x", b"1", OCTETS)


def test_readiness_is_waited_for() -> None:
    states = iter([503, 503, 200])
    with (
        ScriptedService(lambda *_: (200, {}), lambda: next(states)) as service,
        answering(service.url) as client,
    ):
        assert next(states, None) is None
        assert client.ask("/x", b"1", OCTETS).status == 200


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:8000", "ftp://127.0.0.1"])
def test_no_service_at_the_address_is_told(url: str) -> None:
    with pytest.raises(NoService, match=r"127\.0\.0\.1"), answering(url):
        pass


def test_path_of_the_address_is_kept() -> None:
    with (
        ScriptedService(lambda target, _: (200, {"target": target})) as service,
        Client(f"{service.url}/behind/") as client,
    ):
        assert client.ask("/x?y=1", b"1", OCTETS).content == {"target": "/behind/x?y=1"}
