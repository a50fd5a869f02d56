"""Awkward texts get the status that the contract names, and none takes much memory or time."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.problems import problem_of
from tests.running import RunningService

MIB = 2**20

# What has broken readers of text elsewhere: by what it is, and why nothing should happen here.
AWKWARD = {
    "undefined words": "undefined null None NaN true false Infinity nil",
    "numbers": "0 -1 1e309 0x7fffffff 1/0 ²³ ١٢٣ ½ 1,000.00 ０１２",
    "signs": "`~!@#$%^&*()_+-=[]{}|;':\",./<>?",
    "controls": "".join(map(chr, [*range(1, 32), *range(127, 160)])) + "good",
    "spaces": "\u00a0\u1680\u2000\u2003\u2009\u202f\u205f\u3000 good",
    "byte order marks": "\ufeff\ufffe good \ufeff",
    "direction marks": "\u202e doog \u202c \u2066good\u2069 \u200e\u200f\u061c",
    "zero width": "g\u200bo\u200co\u200dd \u2060film\ufeff",
    "soft hyphens": "won\u00adder\u00adful",
    "NUL": "g\0o\0o\0d\0",
    "marks without letters": "\u0300\u0301\u0302 \u20dd \ufe0f",
    "a letter with a thousand marks": "o" + "\u0336\u0301" * 500 + " good",
    "upside down": "˙ɐnbᴉlɐ ɐuƃɐɯ ǝɹolop ʇǝ ǝɹoqɐl",
    "letters in circles": "ⓣⓗⓔ ⓠⓤⓘⓒⓚ 𝕓𝕣𝕠𝕨𝕟 𝖋𝖔𝖝",
    "emoji with joiners and tones": "👩‍❤️‍💋‍👩 👨🏿‍🦽 🏳️‍🌈 1️⃣ 🇨🇭 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "emoticons": "ヽ༼ຈل͜ຈ༽ﾉ (｡◕‿◕｡) (╯°□°）╯︵ ┻━┻ :-) </3",
    "two ways of writing": "مرحبا good שלום",
    "one word of several scripts": "gооd",  # with two Cyrillic letters
    "script": "<script>alert(1)</script><svg><script>0<1>good</script>",
    "unclosed tags": "<br <p <" * 200 + " good",
    "entities": "&#0; &#x110000; &#99999999; &amp;amp; &bogus; &",
    "queries": "1;DROP TABLE users -- ' OR 1=1 -- ${7*7} {{7*7}} %s%n %x",
    "paths": "../../../../etc/passwd\0.png C:\\CON\\NUL file:///dev/zero",
    "special tokens": "[PAD] [UNK] [CLS] <s> </s> <unk>",
    "one letter a thousand times": "a" * 1_000,
    "case that grows": "ŉ ǰ ΐ ᾐ ﬃ ẞ İ ΌΣΟΣ",
    "forms that grow": "ﷺ" * 200,
    "noncharacters": "\ufdd0\ufffe\uffff\U0001fffe\U0010ffff",
    "private use": "\ue000\uf8ff\U000f0000",
    "a right-to-left domain": "http://مثال.إختبار?q=%F0%9F%98%80",
}


def tell(client: httpx.Client, text: str, query: str = "") -> dict[str, Any]:
    response = client.post(f"/sentiment{query}", json={"text": text})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_texts_get_the_same_answer_alone_explained_and_in_bulk(
    client: httpx.Client, kind: str
) -> None:
    text = AWKWARD[kind]
    answer = tell(client, text)
    more = tell(client, text, "?explain=true")
    assert {name: more[name] for name in answer} == answer
    assert all(text[word["start"] : word["end"]] == word["word"] for word in more["words"])
    bulk = client.post("/sentiment/batch", json={"texts": [text, "good", text]}).json()
    assert [bulk["results"][0], bulk["results"][2]] == [answer, answer]


@pytest.mark.parametrize(
    "text",
    ["g\u200bo\u200bod", "g\0o\0o\0d", "go\u00adod", "\u202egood", "ｇｏｏｄ", "gööd", "GOOOOOD"],
)
def test_a_word_is_read_through_what_is_put_into_it(client: httpx.Client, text: str) -> None:
    assert tell(client, text)["probabilities"] == tell(client, "good")["probabilities"]


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_a_text_or_a_clear_error(client: httpx.Client, seed: int) -> None:
    noise = random.Random(seed).randbytes(2_000)  # noqa: S311 - not for secrets
    for media_type in ("text/plain", "application/json", "application/octet-stream"):
        response = client.post("/sentiment", content=noise, headers={"Content-Type": media_type})
        assert problem_of(response)["code"] == "malformed"
    readable = noise.decode("latin-1")
    assert 0 <= tell(client, readable)["unknown_fraction"] <= 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("good " * (9 * MIB // 5), id="nine MiB of one word with spaces"),
        pytest.param("good" * (9 * MIB // 4), id="nine MiB of one word without"),
        pytest.param("😀" * 100_000, id="a hundred thousand emoji"),
        pytest.param("!" * 9 * MIB, id="nine MiB of exclamation marks"),
        pytest.param("\u0301" * 4 * MIB, id="marks"),
        pytest.param("<br " * 2 * MIB, id="tags without an end"),
        pytest.param("&#1" * 3 * MIB, id="entities without an end"),
        pytest.param(":" * 9 * MIB, id="half of an emoticon"),
        pytest.param("\u200b" * 3 * MIB, id="nothing to see"),
    ],
)
def test_huge_texts_are_read_in_part(client: httpx.Client, text: str) -> None:
    sent = client.post("/sentiment", content=text.encode(), headers={"Content-Type": "text/plain"})
    assert sent.status_code == 200, sent.text
    assert sent.json()["truncated"]


def test_more_than_ten_mib_are_too_large(client: httpx.Client) -> None:
    word = b"good " * (2 * MIB + 1)
    for query in ("", "?explain=true"):
        response = client.post(
            f"/sentiment{query}", content=word, headers={"Content-Type": "text/plain"}
        )
        assert problem_of(response)["code"] == "too_large"


@pytest.mark.parametrize("text", ['"\\ud800"', '"good \\udfff film"', '"\\ud83d \\ude00"'])
def test_half_a_character_is_invalid(client: httpx.Client, text: str) -> None:
    for query in ("", "?explain=true"):
        response = client.post(f"/sentiment{query}", content=f'{{"text": {text}}}')
        assert problem_of(response)["code"] == "invalid"


def test_memory_does_not_peak_higher_with_every_huge_text(
    client: httpx.Client, service: RunningService
) -> None:
    def peak() -> int:
        """Bytes."""
        [worker] = service.workers()
        [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
        return 1024 * int(line)

    body = json.dumps({"text": "good " * (9 * MIB // 5)}).encode()
    for _ in range(3):
        client.post("/sentiment", content=body)
    before = peak()
    for query in ("", "?explain=true") * 4:
        assert client.post(f"/sentiment{query}", content=body).status_code == 200
    assert peak() < before + 32 * MIB
