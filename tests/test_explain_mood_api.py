"""POST /sentiment?explain=true weighs every word that the model read."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import numpy as np
import pytest

from tests.answers import raw_probabilities
from tests.problems import problem_of
from tests.running import RunningService, eventually
from tests.scraped import Scraped, grown

LONG = "a rather good and not at all boring film of no great length " * 200
TEXT = "I expected little, but this <br />film is 😀 wonderful!  The plot, though, was dull…"


def explained(client: httpx.Client, text: str) -> dict[str, Any]:
    response = client.post("/sentiment?explain=true", json={"text": text})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def weights(client: httpx.Client, text: str) -> dict[str, float]:
    return {word["word"].lower(): word["weight"] for word in explained(client, text)["words"]}


def test_an_explained_answer_is_the_usual_one_and_words(client: httpx.Client) -> None:
    usual = client.post("/sentiment", json={"text": TEXT}).json()
    answer = explained(client, TEXT)
    assert {name: answer[name] for name in usual} == usual
    assert answer.keys() - usual.keys() == {"words"}


def test_explaining_changes_no_byte_of_the_probabilities(client: httpx.Client) -> None:
    sent = [client.post(f"/sentiment{q}", json={"text": TEXT}) for q in ("", "?explain=true")]
    first, second = map(raw_probabilities, sent)
    assert first == second


def test_offsets_count_code_points_of_the_text_as_sent(client: httpx.Client) -> None:
    text = "𝔤𝔯𝔢𝔞𝔱 👩🏽 cafe\u0301 gr\u200beat " + TEXT
    answer = explained(client, text)
    assert len(answer["words"]) == answer["tokens"]
    for word in answer["words"]:
        assert text[word["start"] : word["end"]] == word["word"]
    starts = [word["start"] for word in answer["words"]]
    assert starts == sorted(starts)


def test_praise_weighs_towards_positive_and_blame_towards_negative(client: httpx.Client) -> None:
    found = weights(client, TEXT.replace("dull", "awful"))
    assert found["wonderful"] > 0 > found["awful"]
    indifferent = max(abs(found[word]) for word in ("i", "this", "film", "was"))
    assert min(found["wonderful"], -found["awful"]) > indifferent


def test_what_stands_beside_a_word_changes_its_weight(client: httpx.Client) -> None:
    assert weights(client, "not bad")["bad"] > weights(client, "very bad")["bad"]


def test_without_its_heaviest_words_a_text_is_told_otherwise(client: httpx.Client) -> None:
    rng = np.random.default_rng(1)
    text = (
        "The story drags and the jokes are awful, which is a pity, since the book was a joy. "
        "I would not see it again, and the worst of it is the music."
    )
    answer = explained(client, text)
    assert answer["label"] == "negative"
    order = sorted(answer["words"], key=lambda word: word["weight"])

    def left(words: list[dict[str, Any]]) -> float:
        rest = text
        for word in sorted(words, key=lambda word: -word["start"]):
            rest = rest[: word["start"]] + rest[word["end"] :]
        told = client.post("/sentiment", json={"text": rest}).json()
        return float(told["probabilities"]["negative"])

    at_random = [left([order[i] for i in rng.permutation(len(order))[:4]]) for _ in range(10)]
    assert left(order[:4]) < min(at_random)


@pytest.mark.parametrize("text", ["", "\0", "<br />", "..."])
def test_a_text_without_words_has_none_to_weigh(client: httpx.Client, text: str) -> None:
    answer = explained(client, text)
    assert (answer["words"], answer["reason"]) == ([], "empty")


def test_plain_text_is_explained_too(client: httpx.Client) -> None:
    sent = client.post(
        "/sentiment?explain=1", content=TEXT.encode(), headers={"Content-Type": "text/plain"}
    )
    assert sent.json() == explained(client, TEXT)


def test_no_time_is_no_explanation(client: httpx.Client) -> None:
    hurried = {"X-Request-Timeout-Ms": "1"}
    response = client.post("/sentiment?explain=true", json={"text": LONG}, headers=hurried)
    assert problem_of(response)["code"] in ("overloaded", "deadline_exceeded")


def test_each_of_many_explained_at_once_is_explained_right_or_refused(
    client: httpx.Client, service: RunningService
) -> None:
    """And what is not explained is answered meanwhile."""
    texts = [f"{TEXT} Number {i} was good, not bad. " * 12 for i in range(4)]
    expected = [explained(client, text) for text in texts]
    before = Scraped(service.url)

    def ask(number: int) -> bool:
        response = client.post("/sentiment?explain=true", json={"text": texts[number % 4]})
        if response.status_code == 200:
            return bool(response.json() == expected[number % 4])
        return bool(problem_of(response)["code"] == "overloaded")

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(ask, number) for number in range(64)]
        usual = client.post("/sentiment", json={"text": TEXT})
        assert all(each.result() for each in asked)
    assert usual.status_code == 200
    assert grown(before, Scraped(service.url), "requests_total", route="/sentiment") == 65


def test_who_leaves_takes_what_is_to_be_explained_along(service: RunningService) -> None:
    body = json.dumps({"text": LONG}).encode()
    head = f"POST /sentiment?explain=true HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    before = Scraped(service.url)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(service.connect()).sendall(head.encode() + b"\r\n" + body)

    def all_counted() -> Scraped | None:
        now = Scraped(service.url)
        counted = grown(before, now, "requests_total", route="/sentiment")
        return now if counted == 20 and now.value("queue_rows") == 0 else None

    after = eventually(all_counted)
    assert grown(before, after, "requests_total", outcome="gone") >= 15


@pytest.mark.parametrize("query", ["", "?explain=false", "?explain=0"])
def test_nothing_is_explained_unasked(client: httpx.Client, query: str) -> None:
    assert "words" not in client.post(f"/sentiment{query}", json={"text": TEXT}).json()


@pytest.mark.parametrize("query", ["explain=", "explain=yes", "explain=true&explain=true"])
def test_any_other_value_is_refused_by_name(client: httpx.Client, query: str) -> None:
    problem = problem_of(client.post(f"/sentiment?{query}", json={"text": TEXT}))
    assert (problem["status"], problem["code"]) == (422, "invalid")
    assert "explain" in problem["detail"]


def test_a_text_of_as_many_words_as_are_read_is_explained(client: httpx.Client) -> None:
    answer = explained(client, LONG)
    assert answer["truncated"]
    assert len(answer["words"]) == answer["tokens"]
