"""What evaluation asks for by itself, and which mistakes it shows."""

from __future__ import annotations

import base64
import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tests.scripted import ScriptedService
from training.asking import Client
from training.contact_sheet import MARGIN, SQUARE, Cell, contact_sheet
from training.corruptions import CORRUPTIONS
from training.datasets import Digits
from training.digit_figures import Outcome
from training.golden import as_bytes, draw_digit
from training.mistakes import ABSTAINED, ACCEPTED, FIRST, MOST, PNG_URI, WRONG, Mistakes, cells
from training.nondigits import NON_DIGITS
from training.picture_kinds import NO_DIGIT, Kind, Sample, made_kinds
from training.worlds import KINDS

PICTURE = as_bytes(Image.new("L", (50, 100), 200))


@pytest.fixture(scope="module")
def drawn() -> Digits:
    """One of each digit."""
    style = {"canvas": (28, 28), "corner": (8, 4), "size": (12, 20), "pen": 2.5}
    pictures = [draw_digit(i, ink=255, paper=0, **style) for i in range(10)]  # type: ignore[arg-type]
    return Digits(np.array(pictures), np.arange(10))


@pytest.fixture(scope="module")
def asked(drawn: Digits) -> dict[str, tuple[Kind, list[Sample]]]:
    """Two pictures of each kind."""
    return {kind.name: (kind, [*kind.samples]) for kind in made_kinds(drawn, drawn, 2, seed=1)}


def test_every_kind_is_asked_for_by_its_count_with_labels(
    asked: dict[str, tuple[Kind, list[Sample]]],
) -> None:
    assert [*asked] == ["MNIST", *CORRUPTIONS, *KINDS, *NON_DIGITS, "several digits"]
    for kind, samples in asked.values():
        assert len(samples) == kind.count == 2
        labels = {sample.label for sample in samples}
        assert labels == {None} if kind.group == NO_DIGIT else labels <= set(range(10))


def test_a_seed_gives_the_same_pictures_whatever_else_is_asked(
    drawn: Digits, asked: dict[str, tuple[Kind, list[Sample]]]
) -> None:
    def first(count: int, seed: int) -> dict[str, Sample]:
        return {kind.name: next(kind.samples) for kind in made_kinds(drawn, drawn, count, seed)}

    with_others, otherwise = first(10, 1), first(10, 2)
    for name in [*KINDS, *NON_DIGITS, "several digits"]:
        assert with_others[name] == asked[name][1][0]
        assert with_others[name] != otherwise[name]
    assert with_others["MNIST"] == otherwise["MNIST"]
    assert with_others["noisy"] != otherwise["noisy"]


def test_a_digit_and_its_corruptions_are_asked_for_in_the_same_order(drawn: Digits) -> None:
    kinds = {kind.name: kind for kind in made_kinds(drawn, drawn, 10, seed=1)}
    plain = [sample.label for sample in kinds["MNIST"].samples]
    assert sorted(label for label in plain if label is not None) == [*range(10)]
    for name in CORRUPTIONS:
        assert [sample.label for sample in kinds[name].samples] == plain


def worst(*outcomes: tuple[str, Outcome]) -> dict[str, list[tuple[str, float]]]:
    mistakes = Mistakes()
    for i, (name, outcome) in enumerate(outcomes):
        kind = Kind(name, NO_DIGIT if outcome.label is None else "digits", 1, iter(()))
        mistakes.add(kind, Sample(f"{i}", PICTURE, outcome.label), outcome)
    return {
        sort: [(each.kind, each.outcome.confidence) for each in found]
        for sort, found in mistakes.worst().items()
    }


def test_mistakes_are_sorted_by_what_they_are_and_how_sure_the_service_was() -> None:
    assert worst(
        ("right", Outcome(3, 3, 0.99)),
        ("wrong", Outcome(3, 5, 0.5)),
        ("wrong", Outcome(3, 5, 0.8)),
        ("wrong and not believed", Outcome(3, 5, 0.9, 0.1, "uncertain")),
        ("right and not believed", Outcome(3, 3, 0.7, 0.1, "not_a_digit")),
        ("refused", Outcome(3, None)),
        ("known for none", Outcome(None, 3, 0.9, 0.1, "not_a_digit")),
        ("taken for one", Outcome(None, 3, 0.9, 0.6)),
        ("taken for one", Outcome(None, 3, 0.4, 0.7)),
    ) == {
        WRONG: [("wrong", 0.8), ("wrong", 0.5)],
        ACCEPTED: [("taken for one", 0.4), ("taken for one", 0.9)],
        ABSTAINED: [("right and not believed", 0.7)],
    }


def test_one_kind_leaves_room_for_the_others_only_where_there_are_others() -> None:
    many = [("bad", Outcome(3, 5, 0.9 + i / 1000)) for i in range(2 * MOST)]
    few = [("better", Outcome(3, 5, 0.5 + i / 1000)) for i in range(2 * FIRST)]
    assert [kind for kind, _ in worst(*many)[WRONG]] == ["bad"] * MOST
    both = worst(*few, *many)[WRONG]
    assert [kind for kind, _ in both] == ["bad"] * (MOST - FIRST) + ["better"] * FIRST
    assert both[0][1] == pytest.approx(0.9 + (2 * MOST - 1) / 1000)


def test_mistakes_are_shown_as_the_model_saw_them_where_the_service_tells() -> None:
    seen = as_bytes(Image.new("L", (28, 28), 77))
    targets = []

    def answer(target: str, body: bytes) -> tuple[int, object]:
        targets.append(target)
        uri = PNG_URI + base64.b64encode(seen).decode()
        return 200, {"seen": uri} if body == PICTURE else {}

    mistakes = Mistakes()
    kind = Kind("fax", "realistic", 2, iter(()))
    mistakes.add(kind, Sample("a", PICTURE, 3), Outcome(3, 5, 0.9))
    mistakes.add(kind, Sample("b", b"other", 4), Outcome(4, 5, 0.8, 0.25))
    with ScriptedService(answer) as service, Client(service.url) as client:
        first, second = cells(mistakes.worst()[WRONG], client)
    assert first == Cell(PICTURE, seen, "3, read as 5", ("90.0% sure", "fax: a"))
    assert second.seen is None
    assert second.lines[0] == "80.0% sure, digit_score 0.250"
    assert set(targets) == {"/digits?explain=true"}


def transparent() -> bytes:
    return as_bytes(Image.new("RGBA", (10, 10), (255, 0, 0, 0)))


def turned() -> bytes:
    """A wide picture, white on the left, that EXIF says to turn: white comes to the top."""
    picture = Image.new("L", (80, 40), 0)
    picture.paste(255, (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    return as_bytes(picture, "PNG", exif=exif)


def test_a_sheet_shows_each_picture_upright_on_grey_beside_what_was_seen() -> None:
    deep = io.BytesIO()
    Image.fromarray(np.full((9, 9), 200 << 8, np.uint16)).save(deep, "PNG")
    seen = as_bytes(Image.new("L", (28, 28), 77))
    files = [PICTURE, transparent(), turned(), deep.getvalue(), PICTURE[:-30]]
    sheet = contact_sheet(
        {"Here": [Cell(file, seen, "a title", ("w" * 400, "ä: →")) for file in files]}
    )
    pixels = np.asarray(sheet)
    seen_at = np.argwhere((pixels == 77).all(axis=2))
    top, left = (int(each) for each in seen_at.min(axis=0))
    assert (seen_at[:, 0].max() - top + 1, left > MARGIN + SQUARE) == (SQUARE, True)

    def sent(index: int) -> np.ndarray:
        pitch = (sheet.width - MARGIN) // 6
        start = MARGIN + index * pitch
        return pixels[top : top + SQUARE, start : start + SQUARE, 0]

    assert [*sent(0)[60, ::28]] == [128, 200, 200, 128]  # twice as high as wide
    assert set(np.unique(sent(1))) == {128}
    assert (sent(2)[10, 56], sent(2)[100, 56], sent(2)[56, 5]) == (255, 0, 128)
    assert set(np.unique(sent(3))) == {200}
    assert set(np.unique(sent(4))) == {128}  # broken


def test_a_sheet_grows_by_rows_of_six() -> None:
    cell = Cell(PICTURE, None, "", ())
    heights = [contact_sheet({"": [cell] * count}).height for count in (1, 6, 7, 12, 13)]
    steps = [later - earlier for earlier, later in pairwise(heights)]
    assert steps[0] == steps[2] == 0
    assert steps[1] == steps[3] > SQUARE
