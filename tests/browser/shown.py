"""What a person does with the page, and what it then shows."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Request, expect

from loadtest.inputs import STROKES

DEADLINE_MS = 30_000

expect.set_options(timeout=DEADLINE_MS)


def strokes_on(pad: Locator, digit: int) -> list[list[tuple[float, float]]]:
    """The strokes of a digit as places in the window."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    grid = [[divmod(int(point), 10) for point in stroke.split()] for stroke in STROKES[digit]]
    return [
        [
            (
                box["x"] + (0.2 + 0.066 * x) * box["width"],
                box["y"] + (0.2 + 0.066 * y) * box["width"],
            )
            for x, y in stroke
        ]
        for stroke in grid
    ]


def draw(page: Page, digit: int) -> None:
    """With the mouse."""
    for first, *others in strokes_on(page.locator("canvas"), digit):
        page.mouse.move(*first)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(x, y, steps=4)
        page.mouse.up()


def verdict(page: Page, card: str) -> str:
    """What stands there when there is nothing more to come, on one line."""
    settled(page, card)
    return " ".join(page.locator(f"#{card} .verdict").inner_text().split())


def settled(page: Page, card: str) -> None:
    expect(page.locator(f"#{card}")).to_have_attribute("aria-busy", "false")


def notice(page: Page, card: str) -> Locator:
    return page.locator(f"#{card} .notice")


def asked_of(page: Page, route: str = "") -> list[str]:
    """The addresses with this in them that the page asks from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if route in request.url:
            asked.append(request.url)

    page.on("request", note)
    return asked


def sample(page: Page, digit: int) -> None:
    """Have the page draw one."""
    page.get_by_role("button", name=f"Draw a {digit}").click()
