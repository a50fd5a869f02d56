"""How the page looks, weighs and is used without a pointer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.shown import DEADLINE_MS, notice, sample, settled, verdict
from tests.running import ROOT, RunningService, eventually

pytestmark = pytest.mark.browser

SCREENSHOTS = ROOT / ".loadtest" / "screenshots"
MEASURED = ROOT / ".loadtest" / "page.json"
WIDTHS = {"desktop": 1280, "phone": 390}
THEMES = ["light", "dark"]


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def view(browser: Browser, service: RunningService, theme: str, width: str) -> Iterator[Page]:
    """The page as it looks on such a screen."""
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        device_scale_factor=2 if width == "phone" else 1,
    )
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    page.goto(service.url)
    yield page
    context.close()


def use(page: Page) -> None:
    """Until all of it is shown."""
    sample(page, 3)
    page.get_by_role("button", name="Mixed").click()
    settled(page, "digits")
    settled(page, "sentiment")
    expect(page.locator("#live")).to_contain_text("ms")


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page."""
    found = Axe().run(page).response["violations"]
    return [each["id"] for each in found if each["impact"] in {"serious", "critical"}]


def test_nobody_is_kept_out_at_first_sight_nor_by_answers(view: Page) -> None:
    assert serious(view) == []
    use(view)
    assert serious(view) == []


def test_nobody_is_kept_out_by_what_goes_wrong(view: Page) -> None:
    view.route("**/*", lambda route: route.abort())
    sample(view, 3)
    expect(notice(view, "digits")).to_contain_text("The service cannot be reached.")
    view.locator("#key").evaluate("each => (each.hidden = false)")
    assert serious(view) == []


def test_it_fits_its_screen_and_has_its_picture_taken(view: Page, theme: str, width: str) -> None:
    use(view)
    view.screenshot(path=SCREENSHOTS / f"{theme}-{width}.png", full_page=True)
    assert view.evaluate("document.documentElement.scrollWidth") == WIDTHS[width]
    pad = view.locator("canvas").evaluate("each => each.width / each.clientWidth")
    assert pad == (2 if width == "phone" else 1)  # as sharp as the screen


def test_a_change_of_theme_recolours_what_was_drawn(page: Page) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    sample(page, 1)
    pad = page.locator("canvas")

    def paper_and_ink() -> tuple[int, int]:
        picture = np.asarray(Image.open(BytesIO(pad.screenshot())).convert("L")).astype(int)
        middle = picture[20:-20, 20:-20]
        paper = int(middle[0, 0])
        return paper, int(middle.flat[abs(middle - paper).argmax()])

    paper, ink = paper_and_ink()
    assert paper > 220
    assert ink < 60
    page.emulate_media(color_scheme="dark")
    eventually(lambda: paper_and_ink()[0] < 60 and paper_and_ink()[1] > 220)


def test_it_weighs_little_and_what_it_takes_is_written_down(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    weight = page.evaluate(
        """["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
            .filter(({ name }) => !/metrics$|models$/.test(name))
            .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"""
    )
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert 10_000 < weight < 100_000
    assert paint > 0
    MEASURED.write_text(json.dumps({"bytes": weight, "first_paint_ms": round(paint)}))


def test_everything_loads_from_the_service_itself(page: Page, service: RunningService) -> None:
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert len(loaded) > 10
    assert [url for url in loaded if not url.startswith(service.url)] == []


def test_all_can_be_done_by_keyboard_with_the_focus_in_sight(page: Page) -> None:
    names = []
    focused = """() => {
        const each = document.activeElement;
        const shown = each.type === "file" ? each.parentElement : each;
        const { outlineStyle, outlineWidth } = getComputedStyle(shown);
        const isSeen = outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
        if (!isSeen) throw new Error(shown.outerHTML);
        return each.ariaLabel || shown.textContent.trim() || each.id;
    }"""
    for _ in range(20):
        page.keyboard.press("Tab")
        names.append(page.evaluate(focused))
        if names[-1] == "Draw a 3":
            page.keyboard.press("Enter")
            expect(page.locator("#digits .label")).to_have_text("3")
        if names[-1] == "review":
            page.keyboard.type("A wonderful film.")
            settled(page, "sentiment")
    assert names == [
        "API description",
        "Choose a picture",  # undo and clear have nothing to do at first
        *(f"Draw a {digit}" for digit in range(10)),
        "review",
        *("Loved it", "Hated it", "Mixed", "Negated", "Emoji", "Not English"),
        "Your text, its words marked",
    ]
    assert verdict(page, "sentiment").startswith("Positive")
    page.keyboard.press("Control+z")
    expect(page.locator("#digits .sure")).to_have_text("Nothing drawn yet")


def test_verdicts_are_read_out_once_they_have_settled(page: Page) -> None:
    sample(page, 3)
    spoken = page.locator("#digits [aria-live=polite]")
    expect(spoken).to_contain_text("3, 9")
    page.get_by_role("button", name="Loved it").click()
    expect(page.locator("#sentiment [aria-live=polite]")).to_contain_text("Positive. 9")
    page.get_by_role("button", name="Clear").click()
    expect(spoken).to_have_text("")
