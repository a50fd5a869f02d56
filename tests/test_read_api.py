"""POST /digits/read: a number of several digits."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from tests.answers import raw_probabilities
from tests.pictures import draw_number
from tests.problems import problem_of
from tests.running import RunningService
from training.golden import as_bytes, draw_digit

NUMBER = draw_number("27184")
TWO_LINES = draw_number("271\n8459")


def answer_to(client: httpx.Client, picture: Image.Image, **options: object) -> dict[str, Any]:
    response = client.post("/digits/read", content=as_bytes(picture, **options))  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def text_of(client: httpx.Client, picture: Image.Image) -> str:
    return str(answer_to(client, picture)["text"])


def boxes(answer: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each digit."""
    found = [digit["box"] for digit in answer["digits"]]
    return [(b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]) for b in found]


@pytest.fixture(scope="module")
def number(service: RunningService) -> dict[str, Any]:
    """The answer to NUMBER."""
    with httpx.Client(base_url=service.url, timeout=60) as client:
        return answer_to(client, NUMBER)


def test_a_number_is_read_from_left_to_right(number: dict[str, Any]) -> None:
    assert number["text"] == "27184"
    assert [digit["label"] for digit in number["digits"]] == [2, 7, 1, 8, 4]


def test_lines_are_read_from_top_to_bottom_with_a_newline_between(client: httpx.Client) -> None:
    answer = answer_to(client, TWO_LINES)
    assert answer["text"] == "271\n8459"
    assert len(answer["digits"]) == 7


def test_an_answer_has_every_field_of_the_contract(number: dict[str, Any]) -> None:
    assert number.keys() == {"text", "digits", "model"}
    for digit in number["digits"]:
        assert digit.keys() == {
            "label",
            "confidence",
            "probabilities",
            "abstained",
            "reason",
            "box",
        }
        assert digit["confidence"] == max(digit["probabilities"])
        assert digit["label"] == digit["probabilities"].index(digit["confidence"])
        assert (digit["abstained"], digit["reason"]) == (False, None)


@pytest.mark.parametrize("label", range(10))
def test_a_lone_digit_is_read_as_it_is_where_one_is_expected(
    client: httpx.Client, label: int
) -> None:
    picture = as_bytes(draw_digit(label))
    alone = client.post("/digits", content=picture).json()
    answer = client.post("/digits/read", content=picture).json()
    assert answer["text"] == str(alone["label"])


def test_boxes_hold_all_ink_and_no_two_of_them_the_same(number: dict[str, Any]) -> None:
    ink = np.asarray(NUMBER) < 128
    held = np.zeros_like(ink, np.int64)
    for left, top, right, bottom in boxes(number):
        held[top:bottom, left:right] += 1
    assert (held[ink] == 1).all()
    lefts = [left for left, _, _, _ in boxes(number)]
    assert lefts == sorted(lefts)


def test_polarity_changes_neither_text_nor_boxes(
    client: httpx.Client, number: dict[str, Any]
) -> None:
    inverted = answer_to(client, ImageOps.invert(NUMBER))
    assert inverted["text"] == number["text"]
    assert boxes(inverted) == boxes(number)


@pytest.mark.parametrize("factor", [0.35, 2, 7])
def test_scale_changes_no_text_and_boxes_follow_it(
    client: httpx.Client, number: dict[str, Any], factor: float
) -> None:
    size = round(NUMBER.width * factor), round(NUMBER.height * factor)
    answer = answer_to(client, NUMBER.resize(size, Image.Resampling.LANCZOS))
    assert answer["text"] == number["text"]
    off = np.subtract(boxes(answer), np.multiply(boxes(number), factor))
    assert np.abs(off).max() <= 2 + 2 * factor


def test_exif_rotation_comes_first(client: httpx.Client, number: dict[str, Any]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = answer_to(client, NUMBER.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert turned["text"] == number["text"]
    assert boxes(turned) == boxes(number)


@pytest.mark.parametrize("gap", [-2, -7])
def test_touching_digits_are_read(client: httpx.Client, gap: int) -> None:
    assert text_of(client, draw_number("2508", gap=gap)) == "2508"


@pytest.mark.parametrize("degrees", [-8, 8])
def test_a_slanted_line_is_read(client: httpx.Client, degrees: float) -> None:
    slanted = draw_number("250836").rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255
    )
    assert text_of(client, slanted) == "250836"


BLANK = {
    "black": Image.new("L", (300, 80)),
    "grey": Image.new("L", (300, 80), 128),
    "white": Image.new("L", (300, 80), 255),
    "transparent": Image.new("RGBA", (30, 80)),
    "a pixel": Image.new("1", (1, 1)),
}


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_picture_has_no_text(client: httpx.Client, name: str) -> None:
    answer = answer_to(client, BLANK[name])
    assert (answer["text"], answer["digits"]) == ("", [])
    assert answer["model"].startswith("digits/")


@pytest.mark.parametrize("size", [(60, 60), (4000, 4000)])
def test_noise_is_answered(client: httpx.Client, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=20)
    response = client.post("/digits/read", content=buffer.getvalue())
    assert response.status_code == 200
    assert len(response.json()["digits"]) <= 256


def test_a_form_with_the_field_image_gets_the_same_answer(
    client: httpx.Client, number: dict[str, Any]
) -> None:
    files = {"image": ("a.png", as_bytes(NUMBER))}
    assert client.post("/digits/read", files=files).json() == number


def test_the_same_picture_gets_the_same_bytes(client: httpx.Client) -> None:
    upload = as_bytes(TWO_LINES)
    assert len({client.post("/digits/read", content=upload).content for _ in range(5)}) == 1


def test_a_digit_of_a_number_has_the_probabilities_of_ten_classes(client: httpx.Client) -> None:
    found = raw_probabilities(client.post("/digits/read", content=as_bytes(NUMBER)))
    assert len(found) == 5


def test_timings_tell_how_many_rows_ran_together(client: httpx.Client) -> None:
    response = client.post("/digits/read", content=as_bytes(NUMBER))
    timing = response.headers["server-timing"]
    assert [part.split(";")[0].strip() for part in timing.split(",")] == [
        "decode",
        "queue",
        "infer",
        "encode",
        "batch",
    ]
    assert int(timing.partition('batch;desc="')[2].rstrip('"')) > 1


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (b"no picture", "unsupported_media_type"),
        (as_bytes(NUMBER)[:-200], "cannot_decode"),
        (b"", "invalid"),
        (as_bytes(Image.new("1", (4001, 4000))), "too_large"),
    ],
    ids=["no picture", "half a picture", "empty", "17 megapixels"],
)
def test_what_cannot_be_read_is_refused(client: httpx.Client, upload: bytes, code: str) -> None:
    assert problem_of(client.post("/digits/read", content=upload))["code"] == code


def test_no_time_is_no_answer(client: httpx.Client) -> None:
    large = as_bytes(draw_number("2718").resize((3900, 1500)), "WEBP")
    response = client.post("/digits/read", content=large, headers={"X-Request-Timeout-Ms": "1"})
    assert problem_of(response)["code"] in ("overloaded", "deadline_exceeded")
