"""POST /sentiment and /sentiment/batch: texts in, moods out."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import httpx
import pytest

from tests.answers import raw_probabilities
from tests.running import RunningService

PRAISE = "A wonderful film: superb acting, a moving story and beautiful music. I loved it!"
BLAME = "An awful film: terrible acting, a boring story and a stupid script. I hated it!"
CLEAR = [
    ("positive", PRAISE),
    ("negative", BLAME),
    ("positive", "One of the best movies I have ever seen. Excellent, touching, brilliant."),
    ("negative", "The worst movie I have ever seen. Dull, pointless, a complete waste of time."),
]

UNICODE = {
    "emoji": "great film 😀👍🏽👨‍👩‍👧",
    "right to left": "\u202bסרט נהדר\u202c wonderful \u200f\u200e",
    "a zero character": "wonderful\0film",
    "only a zero character": "\0",
    "combining characters": "cafe\u0301 Z\u0351\u0363\u0343a\u0300lgo",
    "composed characters": "café",
    "beyond the basic plane": "𝔤𝔯𝔢𝔞𝔱 𠜎 \U0010ffff",
    "noncharacters": "\ufffe\uffff\ufdd0",
    "line breaks of all kinds": "a\r\nb\u2028c\u2029d\x85e\x0bf",
    "a byte order mark": "\ufeffwonderful",
    "no word": " \t\n ",
    "nothing": "",
}


def ask(client: httpx.Client, text: str) -> dict[str, Any]:
    response = client.post("/sentiment", json={"text": text})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture(scope="module")
def max_tokens(service: RunningService) -> int:
    """How much the model reads, as the service says it."""
    card = httpx.get(f"{service.url}/models/sentiment", timeout=60).json()
    return int(card["limits"]["max_tokens"])


@pytest.mark.parametrize(("mood", "text"), CLEAR)
def test_a_clear_mood_is_recognised(client: httpx.Client, mood: str, text: str) -> None:
    assert ask(client, text)["label"] == mood


def test_an_answer_has_every_field_of_the_contract(client: httpx.Client) -> None:
    answer = ask(client, PRAISE)
    assert answer.keys() == {
        "label",
        "confidence",
        "probabilities",
        "abstained",
        "reason",
        "tokens",
        "truncated",
        "unknown_fraction",
        "model",
    }
    assert re.fullmatch(r"sentiment/\d+", answer["model"])
    assert (answer["abstained"], answer["reason"]) == (False, None)


@pytest.mark.parametrize("text", [PRAISE, BLAME, "film", ""])
def test_both_probabilities_sum_to_one_and_the_label_is_the_likelier(
    client: httpx.Client, text: str
) -> None:
    answer = ask(client, text)
    probabilities = answer["probabilities"]
    assert probabilities.keys() == {"negative", "positive"}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert answer["label"] == max(probabilities, key=probabilities.__getitem__)
    assert answer["confidence"] == probabilities[answer["label"]]


def test_probabilities_are_not_rounded_to_six_decimals(client: httpx.Client) -> None:
    response = client.post("/sentiment", json={"text": "An average film, good and bad."})
    sent = re.findall(r"[0-9.]+(?:e-\d+)?", raw_probabilities(response)[0].decode())
    assert all(len(each.partition("e")[0].lstrip("0.")) > 6 for each in sent), sent


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", "TEXT/PLAIN"])
@pytest.mark.parametrize("text", [PRAISE, "  \n", json.dumps({"text": PRAISE}), UNICODE["emoji"]])
def test_plain_text_is_read_as_it_is(client: httpx.Client, text: str, content_type: str) -> None:
    response = client.post("/sentiment", content=text, headers={"Content-Type": content_type})
    assert response.json() == ask(client, text)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/html", None])
def test_anything_else_is_read_as_json(client: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.post("/sentiment", content=json.dumps({"text": PRAISE}), headers=headers)
    assert response.json() == ask(client, PRAISE)


def test_json_escapes_and_utf8_mean_the_same(client: httpx.Client) -> None:
    text = UNICODE["emoji"] + UNICODE["right to left"]
    escaped, plain = (
        client.post("/sentiment", content=json.dumps({"text": text}, ensure_ascii=way))
        for way in (True, False)
    )
    assert escaped.content == plain.content


def test_tokens_counts_the_words_that_were_read(client: httpx.Client) -> None:
    counts = [ask(client, " ".join(["good"] * count))["tokens"] for count in (0, 1, 2, 50)]
    assert counts == [0, 1, 2, 50]


def test_a_text_longer_than_the_model_reads_is_said_to_be_truncated(
    client: httpx.Client, max_tokens: int
) -> None:
    fitting, longer, enormous = (
        ask(client, "good " * count) for count in (max_tokens, max_tokens + 1, 400_000)
    )
    assert (fitting["tokens"], fitting["truncated"]) == (max_tokens, False)
    assert (longer["tokens"], longer["truncated"]) == (max_tokens, True)
    assert (enormous["tokens"], enormous["truncated"]) == (max_tokens, True)


def test_unknown_fraction_is_the_share_of_words_that_training_never_saw(
    client: httpx.Client,
) -> None:
    texts = ["a good film", "qzvxk jjqpw wvvkz xqqzj", "good qzvxk"]
    assert [ask(client, text)["unknown_fraction"] for text in texts] == [0, 1, 0.5]


@pytest.mark.parametrize("kind", UNICODE)
def test_any_unicode_text_gets_an_answer(client: httpx.Client, kind: str) -> None:
    answer = ask(client, UNICODE[kind])
    assert 0 <= answer["unknown_fraction"] <= 1
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-9)


def test_every_character_category_gets_an_answer(client: httpx.Client) -> None:
    """One character of each of Unicode's categories, but for surrogates, which are none."""
    first = {unicodedata.category(chr(code)): chr(code) for code in range(0x10FFFF, -1, -1)}
    texts = [character for category, character in sorted(first.items()) if category != "Cs"]
    response = client.post("/sentiment/batch", json={"texts": [*texts, "".join(texts)]})
    assert response.status_code == 200
    assert len(raw_probabilities(response)) == len(texts) + 1


def test_a_batch_is_answered_in_the_order_sent(client: httpx.Client) -> None:
    texts = [PRAISE, "", BLAME, *UNICODE.values(), "good " * 3000, PRAISE]
    answers = [ask(client, text) for text in texts]
    assert client.post("/sentiment/batch", json={"texts": texts}).json() == {"results": answers}


def test_a_batch_of_256_is_answered(client: httpx.Client) -> None:
    texts = [f"film number {number}, a good one" for number in range(256)]
    response = client.post("/sentiment/batch", json={"texts": texts})
    assert response.status_code == 200
    assert len(response.json()["results"]) == 256
