"""Pictures that are chosen, dropped or pasted."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from numpy.random import default_rng
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.shown import asked_of, draw, notice, verdict
from tests.pictures import draw_number
from training.golden import as_bytes, draw_digit
from training.worlds.drawings import drawn
from training.worlds.photos import on_paper

pytestmark = pytest.mark.browser

GIVE = """([type, content]) => {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], "picture", { type }));
    const how = { bubbles: true, cancelable: true };
    %s
}"""
PASTE = "document.dispatchEvent(new ClipboardEvent('paste', { ...how, clipboardData: data }));"
DROP = """for (const kind of ["dragover", "drop"]) {
    const event = new DragEvent(kind, { ...how, dataTransfer: data });
    document.querySelector("#digits").dispatchEvent(event);
    if (!event.defaultPrevented) throw new Error("the browser would open it");
}"""


def named(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def choose(page: Page, content: bytes) -> None:
    page.get_by_label("Choose a picture").set_input_files(named("picture", content))


def paste(page: Page, content: bytes) -> None:
    page.evaluate(GIVE % PASTE, ["image/png", b64encode(content).decode()])


def drop(page: Page, content: bytes) -> None:
    page.evaluate(GIVE % DROP, ["image/png", b64encode(content).decode()])


@pytest.mark.parametrize("give", [choose, paste, drop])
def test_a_picture_is_read_and_shown_until_one_draws(
    page: Page, give: Callable[[Page, bytes], None]
) -> None:
    give(page, as_bytes(draw_digit(5)))
    assert re.fullmatch(r"5 \d\d\.\d% sure", verdict(page, "digits"))
    draw(page, 7)
    assert verdict(page, "digits").startswith("7")
    page.get_by_role("button", name="Undo").click()
    assert verdict(page, "digits").startswith("5")


def test_a_photo_of_a_digit_on_paper_is_read(page: Page) -> None:
    choose(page, on_paper(drawn(4, default_rng(1)), default_rng(1)))
    assert re.fullmatch(r"4 \d\d\.\d% sure", verdict(page, "digits"))


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (draw_digit(5, ink=255), "I see nothing on this picture."),
        (draw_number("38"), "I see more than one digit."),
    ],
    ids=["blank", "two digits"],
)
def test_a_picture_of_no_digit_or_several_is_told_in_words(
    page: Page, picture: Image.Image, words: str
) -> None:
    choose(page, as_bytes(picture))
    assert verdict(page, "digits").startswith(f"? {words}")


def test_the_same_picture_can_be_chosen_again_after_clear(page: Page) -> None:
    for _ in range(2):
        choose(page, as_bytes(draw_digit(5)))
        assert verdict(page, "digits").startswith("5")
        page.get_by_role("button", name="Clear").click()
        assert verdict(page, "digits") == "– Nothing drawn yet"


def test_a_picture_that_is_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    asked = asked_of(page, "digits")
    choose(page, b"\x89PNG\r\n\x1a\n".ljust(10 * 2**20 + 1, b"\0"))
    expect(notice(page, "digits")).to_contain_text("This is too large.")
    assert asked == []
    draw(page, 7)
    assert verdict(page, "digits").startswith("7")
    expect(notice(page, "digits")).to_be_hidden()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 not a picture", "This is no picture that can be read."),
        (as_bytes(draw_digit(5))[:200], "This picture is damaged"),
    ],
    ids=["no picture", "half a picture"],
)
def test_what_cannot_be_read_is_told_in_words_and_the_next_one_is_read(
    page: Page, complaints: list[str], content: bytes, words: str
) -> None:
    draw(page, 3)
    assert verdict(page, "digits").startswith("3")
    choose(page, content)
    expect(notice(page, "digits")).to_contain_text(words)
    assert verdict(page, "digits") == "–"
    choose(page, as_bytes(draw_digit(5)))
    assert verdict(page, "digits").startswith("5")
    expect(notice(page, "digits")).to_be_hidden()
    assert len(complaints) == 1  # the browser tells of the status by itself
    complaints.clear()
