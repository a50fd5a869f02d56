"""Digits drawn by hand."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.shown import DEADLINE_MS, draw, sample, settled, strokes_on, verdict
from tests.running import RunningService

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("digit", range(10))
def test_a_drawn_digit_is_read(page: Page, digit: int) -> None:
    draw(page, digit)
    assert re.fullmatch(rf"{digit} \d\d\.\d% sure", verdict(page, "digits"))
    shares = page.locator("#digits .bars li").all_inner_texts()
    assert len(shares) == 10
    shown = [float(share.split()[1].rstrip("%")) for share in shares]
    assert shown.index(max(shown)) == digit
    assert 99 <= sum(shown) <= 100.1
    assert page.locator("#digits .bars .best").inner_text().startswith(str(digit))


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_that_the_page_draws_itself_is_read(page: Page, digit: int) -> None:
    sample(page, digit)
    expect(page.locator("#digits .label")).to_have_text(str(digit))
    expect(page.locator("#digits .sure")).to_have_text(re.compile(r"^9\d\.\d% sure$"))


def test_the_answer_changes_while_one_draws(page: Page) -> None:
    label = page.locator("#digits .label")
    (stroke,) = strokes_on(page.locator("canvas"), 3)
    page.mouse.move(*stroke[0])
    page.mouse.down()
    for x, y in stroke[1:3]:
        page.mouse.move(x, y, steps=4)
    expect(label).not_to_have_text("–")
    before = verdict(page, "digits")
    for x, y in stroke[3:]:
        page.mouse.move(x, y, steps=4)
    expect(label).to_have_text("3")  # with the button still down
    page.mouse.up()
    assert verdict(page, "digits") != before


def test_what_the_model_saw_is_shown_and_where_the_time_went(page: Page) -> None:
    draw(page, 2)
    settled(page, "digits")
    seen = page.get_by_alt_text("The picture as the model saw it")
    kind, _, content = (seen.get_attribute("src") or "").partition(",")
    assert kind == "data:image/png;base64"
    picture = Image.open(BytesIO(b64decode(content)))
    assert picture.size == (28, 28)
    assert picture.getextrema() == (0, 255)
    told = page.locator("#digits .timing").inner_text()
    number = r"\d+\.\d"
    assert re.fullmatch(
        rf"Took {number} ms: reading {number}, waiting {number}, model {number}; batch of \d+\. "
        r"Model digits/\d+\.",
        told,
    )


def test_a_scribble_gets_words_in_place_of_a_verdict(page: Page) -> None:
    for digit in (8, 4, 5, 2):  # one upon the other
        draw(page, digit)
    label, words = verdict(page, "digits").split(maxsplit=1)
    assert label == "?"
    assert words == "This does not look like a digit."
    assert page.locator("#digits .bars .best").count() == 0


def test_what_may_be_one_digit_or_another_is_told_as_both(page: Page) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for share in (0.3, 0.7):  # two bars: eleven, or a 4 without its middle
        x = box["x"] + share * box["width"]
        page.mouse.move(x, box["y"] + 0.25 * box["height"])
        page.mouse.down()
        page.mouse.move(x, box["y"] + 0.75 * box["height"], steps=8)
        page.mouse.up()
    assert verdict(page, "digits") == "? I am not sure: 1 or 4?"


def test_undo_takes_back_the_last_stroke_and_clear_all(page: Page) -> None:
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    expect(clear).to_be_disabled()
    draw(page, 1)
    one = verdict(page, "digits")
    draw(page, 2)
    assert verdict(page, "digits") != one
    undo.click()
    assert verdict(page, "digits") == one
    clear.click()
    assert verdict(page, "digits") == "– Nothing drawn yet"
    expect(clear).to_be_disabled()
    page.keyboard.press("Control+z")
    assert verdict(page, "digits") == one
    page.keyboard.press("Control+z")
    assert verdict(page, "digits") == "– Nothing drawn yet"
    expect(undo).to_be_disabled()


def test_what_a_pen_draws_on_after_an_undo_belongs_to_nothing(page: Page) -> None:
    draw(page, 1)
    one = verdict(page, "digits")
    first, *others = strokes_on(page.locator("canvas"), 7)[0]
    page.mouse.move(*first)
    page.mouse.down()
    page.keyboard.press("Control+z")
    for place in others:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    assert verdict(page, "digits") == one


def test_undo_by_keyboard_leaves_the_drawing_alone_where_one_types(page: Page) -> None:
    draw(page, 1)
    one = verdict(page, "digits")
    page.get_by_role("textbox").fill("A good film")
    page.keyboard.press("Control+z")
    settled(page, "sentiment")
    assert verdict(page, "digits") == one


def test_a_finger_draws_and_does_not_move_the_page(
    browser: Browser, service: RunningService
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    page.goto(service.url)
    touch = context.new_cdp_session(page)

    def point(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for first, *others in strokes_on(page.locator("canvas"), 7):
        point("touchStart", first)
        for place in others:
            point("touchMove", place)
        point("touchEnd")
    assert re.fullmatch(r"7 \d\d\.\d% sure", verdict(page, "digits"))
    assert page.evaluate("[scrollX, document.documentElement.scrollWidth]") == [0, 390]
    context.close()
