"""POST /digits and /digits/batch: pictures in, digits out."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.answers import raw_probabilities
from tests.problems import MARK, check_problem, problem_of
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

SEVEN = as_bytes(draw_digit(7))
BROKEN = SEVEN[:-100]
STYLES = {"black on white": (0, 255), "white on black": (255, 0)}


def form(name: str, *pictures: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """Fields of a multipart form, as httpx takes them."""
    return [(name, (f"{MARK}.png", picture)) for picture in pictures]


@pytest.fixture(scope="module")
def seven(service: RunningService) -> dict[str, Any]:
    """The answer to a picture sent without any ado."""
    response = httpx.post(f"{service.url}/digits", content=SEVEN, timeout=60)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("label", range(10))
def test_a_drawn_digit_is_recognised(client: httpx.Client, label: int, style: str) -> None:
    ink, paper = STYLES[style]
    picture = as_bytes(draw_digit(label, canvas=(200, 260), ink=ink, paper=paper))
    assert client.post("/digits", content=picture).json()["label"] == label


def test_an_answer_has_every_field_of_the_contract(seven: dict[str, Any]) -> None:
    assert seven.keys() == {
        "label",
        "confidence",
        "probabilities",
        "digit_score",
        "abstained",
        "reason",
        "model",
    }
    assert re.fullmatch(r"digits/\d+", seven["model"])
    assert 0 < seven["digit_score"] <= 1
    assert (seven["abstained"], seven["reason"]) == (False, None)


def test_the_label_is_the_likeliest_digit_and_has_the_confidence(seven: dict[str, Any]) -> None:
    probabilities = seven["probabilities"]
    assert seven["label"] == probabilities.index(max(probabilities))
    assert seven["confidence"] == max(probabilities)


def test_ten_probabilities_sum_to_one(seven: dict[str, Any]) -> None:
    assert len(seven["probabilities"]) == 10
    assert all(0 <= probability <= 1 for probability in seven["probabilities"])
    assert sum(seven["probabilities"]) == pytest.approx(1, abs=1e-9)


def test_probabilities_are_not_rounded_to_six_decimals(client: httpx.Client) -> None:
    grey = as_bytes(draw_digit(7, ink=100, paper=130))
    sent = raw_probabilities(client.post("/digits", content=grey))[0].decode()
    longest = max(sent.strip("[]").split(","), key=len)
    assert len(longest.partition("e")[0].lstrip("0.")) > 6, sent


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {}), ("BMP", {})]
)
@pytest.mark.parametrize(
    "content_type", ["of the picture", "application/octet-stream", None, "image/gif", "text/html"]
)
def test_the_bytes_decide_whatever_the_content_type_says(
    client: httpx.Client, kind: str, options: dict[str, object], content_type: str | None
) -> None:
    if content_type == "of the picture":
        content_type = f"image/{kind.lower()}"
    headers = {} if content_type is None else {"Content-Type": content_type}
    picture = as_bytes(draw_digit(7), kind, **options)
    response = client.post("/digits", content=picture, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


def test_formats_without_loss_get_the_same_bytes_of_probabilities(client: httpx.Client) -> None:
    drawn = draw_digit(7)
    files = [as_bytes(drawn, "PNG"), as_bytes(drawn, "BMP"), as_bytes(drawn, "GIF")]
    files.append(as_bytes(drawn, "WEBP", lossless=True))
    files.append(as_bytes(drawn.convert("RGBA"), "PNG"))
    answers = {raw_probabilities(client.post("/digits", content=file))[0] for file in files}
    assert len(answers) == 1


def test_a_form_with_the_field_image_gets_the_same_answer(
    client: httpx.Client, seven: dict[str, Any]
) -> None:
    assert client.post("/digits", files=form("image", SEVEN)).json() == seven


def test_a_batch_is_answered_in_the_order_sent(client: httpx.Client) -> None:
    pictures = [as_bytes(draw_digit(i % 10, pen=8 + i % 7)) for i in range(40)]
    alone = [raw_probabilities(client.post("/digits", content=picture))[0] for picture in pictures]
    response = client.post("/digits/batch", files=form("images", *pictures))
    assert raw_probabilities(response) == alone
    assert len(set(alone)) == 40


def test_bad_pictures_get_an_error_in_their_place_and_harm_no_other(
    client: httpx.Client, seven: dict[str, Any]
) -> None:
    pictures = [SEVEN, BROKEN, SEVEN, MARK.encode(), b"", SEVEN]
    response = client.post("/digits/batch", files=form("images", *pictures))
    assert response.status_code == 200
    results = response.json()["results"]
    assert [results[i] for i in (0, 2, 5)] == [seven] * 3
    codes = ["cannot_decode", "unsupported_media_type", "invalid"]
    assert [results[i]["error"]["code"] for i in (1, 3, 4)] == codes
    for i in (1, 3, 4):
        assert results[i].keys() == {"error"}
        check_problem(results[i]["error"], response)


def test_a_batch_of_nothing_but_bad_pictures_is_answered(client: httpx.Client) -> None:
    response = client.post("/digits/batch", files=form("images", BROKEN, b"x"))
    codes = [entry["error"]["code"] for entry in response.json()["results"]]
    assert (response.status_code, codes) == (200, ["cannot_decode", "unsupported_media_type"])


def test_a_batch_of_256_is_answered_and_one_of_257_is_not(client: httpx.Client) -> None:
    small = as_bytes(draw_digit(7).resize((28, 28)))
    response = client.post("/digits/batch", files=form("images", *[small] * 256))
    assert len(set(raw_probabilities(response))) == 1
    assert len(response.json()["results"]) == 256
    response = client.post("/digits/batch", files=form("images", *[small] * 257))
    assert problem_of(response)["code"] == "invalid"


def test_pictures_of_a_call_have_64_megapixels_at_most(client: httpx.Client) -> None:
    large = as_bytes(Image.new("1", (4000, 4000)))
    small = as_bytes(draw_digit(7))
    allowed = client.post("/digits/batch", files=form("images", large, large, large, small))
    assert [entry.get("error") for entry in allowed.json()["results"]] == [None] * 4
    refused = client.post("/digits/batch", files=form("images", *[large] * 4, small))
    assert problem_of(refused)["code"] == "too_large"
