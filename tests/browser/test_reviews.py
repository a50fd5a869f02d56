"""Reviews that are typed or chosen."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from loadtest.inputs import Review, write_reviews
from tests.browser.shown import asked_of, notice, settled, verdict
from tests.running import RunningService

pytestmark = pytest.mark.browser

MIXED = "Das Café 😀 was absolutely wonderful – naïve but 👍🏽 great"


@pytest.mark.parametrize("review", write_reviews(4, sentences=2), ids=lambda each: each.label)
def test_a_typed_review_gets_its_verdict(page: Page, review: Review) -> None:
    page.get_by_role("textbox").press_sequentially(review.text)
    sure = r" \d\d\.\d% sure"
    assert re.fullmatch(review.label.capitalize() + sure, verdict(page, "sentiment"))
    shares = page.locator("#sentiment .balance").inner_text()
    assert len(re.findall(r"\d+\.\d%", shares)) == 2
    assert re.search(
        r"batch of \d+\. Model sentiment/\d+\.", page.locator("#sentiment .timing").inner_text()
    )


def test_few_questions_are_asked_of_one_who_types(page: Page) -> None:
    asked = asked_of(page, "sentiment")
    page.get_by_role("textbox").press_sequentially("A wonderful film, and a good one.", delay=50)
    settled(page, "sentiment")
    assert 1 <= len(asked) <= 5


def test_words_are_marked_where_they_stand_among_emoji_and_accents(
    page: Page, service: RunningService
) -> None:
    page.get_by_role("textbox").fill(MIXED)
    settled(page, "sentiment")
    asked = httpx.post(f"{service.url}/sentiment?explain=true", json={"text": MIXED}, timeout=60)
    words = asked.json()["words"]
    shown = page.locator("#sentiment .words")
    assert shown.text_content() == MIXED
    spans = shown.locator("span")
    # A sign is marked as a whole, with the colour that the tokenizer leaves out.
    expected = [MIXED[word["start"] : word["end"]].replace("👍", "👍🏽") for word in words]
    assert spans.all_text_contents() == expected
    for span, word in zip(spans.all(), words, strict=True):
        mood = "negative" if word["weight"] < 0 else "positive"
        sign = "−" if word["weight"] < 0 else "+"
        assert span.get_attribute("title") == f"{sign}{abs(word['weight']):.1f}, towards {mood}"
    [thumb] = [word["weight"] for word in words if word["word"] == "👍"]
    assert f"👍 +{thumb:.1f}" in page.locator("#sentiment .strongest").inner_text()
    strong, weak = shown.get_by_text("wonderful"), shown.get_by_text("Das")
    decoration = "each => getComputedStyle(each).textDecorationLine"
    assert (strong.evaluate(decoration), weak.evaluate(decoration)) == ("underline", "none")


def test_moods_differ_by_more_than_colour(page: Page) -> None:
    page.get_by_role("button", name="Mixed").click()
    settled(page, "sentiment")
    style = "each => getComputedStyle(each).textDecorationStyle"
    marked = page.locator("#sentiment .words")
    assert marked.get_by_text("beautiful").evaluate(style) == "solid"
    assert marked.get_by_text("disappointment").evaluate(style) == "dashed"


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("Loved it", "Positive"),
        ("Hated it", "Negative"),
        ("Negated", "Positive"),
        ("Emoji", "Positive"),
        ("Not English", "No verdict"),
    ],
)
def test_examples_are_answered(page: Page, example: str, expected: str) -> None:
    page.get_by_role("button", name=example).click()
    assert verdict(page, "sentiment").startswith(expected)


def test_markup_in_a_review_is_text(page: Page) -> None:
    text = "Great <img src=x onerror=\"document.title='broken'\"><b>film</b> & <script>1</script>"
    page.get_by_role("textbox").fill(text)
    settled(page, "sentiment")
    shown = page.locator("#sentiment .words")
    assert shown.text_content() == text
    assert shown.locator("img, b, script").count() == 0
    assert page.title() != "broken"


def test_half_a_character_does_no_harm(page: Page) -> None:
    page.get_by_role("textbox").evaluate(
        "each => { each.value = 'good \\ud83d film'; each.dispatchEvent(new Event('input')); }"
    )
    assert verdict(page, "sentiment").startswith("Positive")
    marked = page.locator("#sentiment .words span").all_text_contents()
    assert {"good", "film"} <= set(marked)


def test_a_text_without_a_word_is_told_in_words_and_none_is_not_asked_about(page: Page) -> None:
    text = page.get_by_role("textbox")
    text.fill("...")
    assert "There is no word in this text." in verdict(page, "sentiment")
    text.fill("")
    assert verdict(page, "sentiment") == "– Nothing typed yet"


def test_a_long_text_is_said_to_be_read_in_part(page: Page) -> None:
    page.get_by_role("textbox").fill("A good film. " * 1_000)
    settled(page, "sentiment")
    expect(page.locator("#sentiment .timing")).to_contain_text("too long to be read whole")


def test_a_text_that_is_too_large_is_not_sent(page: Page) -> None:
    asked = asked_of(page, "sentiment")
    page.get_by_role("textbox").evaluate(
        "each => { each.value = 'good '.repeat(2_200_000);"
        " each.dispatchEvent(new Event('input')); }"
    )
    expect(notice(page, "sentiment")).to_contain_text("This is too large.")
    assert asked == []
