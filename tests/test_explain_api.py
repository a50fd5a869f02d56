"""POST /digits?explain=true shows what the model saw and where it lay."""

from __future__ import annotations

import io
from base64 import b64decode
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.contract.image import read_digit
from tests.answers import raw_probabilities
from tests.problems import MARK, problem_of
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

FIVE = as_bytes(draw_digit(5, canvas=(300, 400), corner=(120, 50), size=(90, 140)))
WHITE = as_bytes(Image.new("L", (60, 40), 255))
START = "data:image/png;base64,"


@pytest.fixture(scope="module")
def explained(service: RunningService) -> dict[str, Any]:
    """The answer to FIVE."""
    response = httpx.post(f"{service.url}/digits?explain=true", content=FIVE, timeout=60)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def seen(answer: dict[str, Any]) -> Image.Image:
    """The picture in an answer, as a browser would show it."""
    assert answer["seen"].startswith(START)
    return Image.open(io.BytesIO(b64decode(answer["seen"].removeprefix(START), validate=True)))


def test_seen_is_the_picture_that_the_model_saw(explained: dict[str, Any]) -> None:
    picture = seen(explained)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (28, 28))
    np.testing.assert_array_equal(np.asarray(picture), read_digit(FIVE).pixels[0])


def test_what_was_seen_gets_the_same_answer_when_it_is_sent(
    client: httpx.Client, explained: dict[str, Any]
) -> None:
    png = b64decode(explained["seen"].removeprefix(START))
    again = client.post("/digits?explain=true", content=png).json()
    assert again["probabilities"] == explained["probabilities"]
    assert again["seen"] == explained["seen"]


def test_the_box_holds_the_ink_and_little_else(explained: dict[str, Any]) -> None:
    ink = np.asarray(Image.open(io.BytesIO(FIVE))) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = explained["box"]
    assert box["x"] == pytest.approx(columns[0], abs=2)
    assert box["y"] == pytest.approx(rows[0], abs=2)
    assert box["x"] + box["width"] == pytest.approx(columns[-1] + 1, abs=2)
    assert box["y"] + box["height"] == pytest.approx(rows[-1] + 1, abs=2)


def test_an_explained_answer_is_the_usual_one_and_more(
    client: httpx.Client, explained: dict[str, Any]
) -> None:
    usual = client.post("/digits", content=FIVE).json()
    assert {name: explained[name] for name in usual} == usual
    assert explained.keys() - usual.keys() == {"seen", "box"}


def test_a_blank_picture_has_no_box(client: httpx.Client) -> None:
    answer = client.post("/digits?explain=true", content=WHITE).json()
    assert (answer["box"], answer["reason"], answer["digit_score"]) == (None, "blank", 0)
    assert not np.asarray(seen(answer)).any()


@pytest.mark.parametrize("value", ["true", "1"])
def test_a_form_is_explained_too(client: httpx.Client, value: str) -> None:
    response = client.post(f"/digits?explain={value}", files={"image": ("a.png", FIVE)})
    assert {"seen", "box"} <= response.json().keys()


@pytest.mark.parametrize("query", ["", "?", "?explain=false", "?explain=0", "?other=true"])
def test_nothing_is_explained_unasked(client: httpx.Client, query: str) -> None:
    response = client.post(f"/digits{query}", content=FIVE)
    assert response.status_code == 200
    assert {"seen", "box"}.isdisjoint(response.json())


def test_explaining_changes_no_byte_of_the_probabilities(client: httpx.Client) -> None:
    sent = [client.post(f"/digits{query}", content=FIVE) for query in ("", "?explain=true")]
    first, second = map(raw_probabilities, sent)
    assert first == second


@pytest.mark.parametrize(
    "query",
    [
        f"explain={MARK}",
        "explain=",
        "explain",
        "explain=TRUE",
        "explain=2",
        "explain=true&explain=true",
        "explain=true&explain=false",
        "explain=%ff",
        "explain=%00",
    ],
)
def test_any_other_value_is_refused_by_name(client: httpx.Client, query: str) -> None:
    response = client.post(f"/digits?{query}", content=FIVE)
    problem = problem_of(response)
    assert (problem["status"], problem["code"]) == (422, "invalid")
    assert "explain" in problem["detail"]


def test_a_bulk_call_explains_nothing(client: httpx.Client) -> None:
    files = [("images", ("a.png", FIVE))]
    [answer] = client.post("/digits/batch?explain=true", files=files).json()["results"]
    assert {"seen", "box"}.isdisjoint(answer)


def test_a_picture_that_cannot_be_read_is_refused_as_without(client: httpx.Client) -> None:
    response = client.post("/digits?explain=true", content=FIVE[:-100])
    assert problem_of(response)["code"] == "cannot_decode"
