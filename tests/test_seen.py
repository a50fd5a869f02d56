"""The pictures that the digit model trains on: repeatable, labelled, never blank, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from service.contract.image import INK_SIDE, read_digit
from training import digits, scenes, seen, strokes
from training.candidates import NO_DIGIT
from training.datasets import Digits, Splits, joined
from training.digits import RECIPES, in_scenes
from training.golden import as_bytes, draw_digit
from training.options import Options
from training.seen import (
    OTHERS,
    candidates_seen,
    digits_seen,
    kept,
    others_seen,
    usual_and_unusual,
)

LABELS = np.arange(40) % 10
MAKERS = [digits_seen, others_seen, candidates_seen]


def drawn() -> Digits:
    """Four widths of the pen for every digit."""
    pixels = [
        read_digit(as_bytes(draw_digit(label, canvas=(280, 260), size=(150, 140), pen=pen))).pixels
        for pen in (9, 14, 19, 24)
        for label in range(10)
    ]
    return Digits(np.concatenate(pixels), LABELS)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process, where starting others would take longer than the work."""
    threads = cv2.getNumThreads()
    monkeypatch.setattr(seen, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    yield
    cv2.setNumThreads(threads)


def same(first: Digits, second: Digits) -> bool:
    return np.array_equal(first.images, second.images) and np.array_equal(
        first.labels, second.labels
    )


@pytest.mark.parametrize("make", MAKERS)
def test_a_seed_gives_the_same_pictures_however_many_processes_make_them(
    make: Callable[[Digits, int], Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "CHUNK", 15)
    made = []
    for processes in (1, 2):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, count=processes: set(range(count)))
        made.append(make(drawn(), 5))
    assert same(*made)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("make", MAKERS)
def test_other_seeds_and_other_parts_give_other_pictures(
    make: Callable[[Digits, int], Digits], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again, other = (make(drawn(), seed) for seed in (5, 5, 6))
    assert same(first, again)
    assert not same(first, other)
    monkeypatch.setattr(seen, "CHUNK", 40)
    twice = make(joined(drawn(), drawn()), 5)
    half = len(first)
    assert same(first, twice.take(np.arange(half)))
    assert not np.array_equal(first.images[:20], twice.images[half : half + 20])


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("make", MAKERS)
def test_pictures_have_the_form_of_mnist_and_none_is_blank(
    make: Callable[[Digits, int], Digits],
) -> None:
    made = make(drawn(), 1)
    assert made.images.shape == (len(made.labels), 28, 28)
    assert [part.dtype.name for part in (made.images, made.labels)] == ["uint8", "int64"]
    assert made.images.any(axis=(1, 2)).all()
    assert len(made) > len(LABELS) / 2
    for pixels in made.images:
        assert max(cv2.boundingRect(pixels)[2:]) <= INK_SIDE


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("label", range(10))
def test_digits_keep_their_labels_but_for_a_few_drawings_of_our_own(label: int) -> None:
    only = drawn().take(np.flatnonzero(np.tile(label == LABELS, 20)) % len(LABELS))
    found = digits_seen(only, label).labels
    share = (found == label).mean()
    assert share > 0.75
    assert set(found.tolist()) <= set(range(10))


def test_our_own_drawings_are_of_every_digit() -> None:
    rng = np.random.default_rng(3)
    labels = set()
    for _ in range(300):
        shape, label = strokes.styled(rng)
        assert shape.shape == (strokes.SHAPE, strokes.SHAPE)
        labels.add(label)
    assert labels == set(range(10))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", OTHERS)
def test_every_kind_of_what_is_no_digit_is_seen_and_labelled_so(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, make = OTHERS[kind]
    monkeypatch.setattr(seen, "OTHERS", {kind: (1.0, make)})
    found = others_seen(drawn(), 2)
    assert len(found) >= 10
    assert set(found.labels.tolist()) == {NO_DIGIT}
    assert len({pixels.tobytes() for pixels in found.images}) == len(found)


def test_the_shares_of_what_is_no_digit_make_a_whole() -> None:
    assert sum(share for share, _ in OTHERS.values()) == pytest.approx(1)


def test_a_scene_is_a_picture_of_some_size_with_more_than_paper_on_it() -> None:
    rng = np.random.default_rng(4)
    ink = strokes.handwritten(drawn().images[8], rng)
    sizes = set()
    for number in range(100):
        picture = scenes.scene(ink, rng, ink if number % 4 == 0 else None)
        assert picture.dtype == np.uint8
        assert picture.ndim == 2
        assert min(picture.shape) >= 6
        assert np.ptp(picture) > 10
        sizes.add(picture.shape)
    assert len(sizes) > 50


@pytest.mark.usefixtures("here")
def test_usual_and_unusual_pictures_are_these_digits_and_others() -> None:
    images = usual_and_unusual(drawn())
    np.testing.assert_array_equal(images[: len(LABELS)], drawn().images)
    assert 2 * len(LABELS) < len(images) <= 3 * len(LABELS)


def test_what_is_kept_is_made_once_and_read_back(tmp_path: Path) -> None:
    calls = []

    def make() -> Digits:
        calls.append(1)
        return drawn()

    path = tmp_path / "deep" / "digits-0.npz"
    assert same(kept(path, make), drawn())
    assert same(kept(path, make), drawn())
    assert len(calls) == 1
    assert list(path.parent.iterdir()) == [path]


def test_what_could_not_be_made_or_written_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "digits-0.npz"

    def stopped() -> Digits:
        raise KeyboardInterrupt

    def unwritable() -> Digits:
        return Digits(drawn().images, np.array([lambda: 0], object))

    for make in (stopped, unwritable):
        with pytest.raises((KeyboardInterrupt, AttributeError)):
            kept(path, make)
        assert not path.exists()
    assert same(kept(path, drawn), drawn())
    assert list(tmp_path.iterdir()) == [path]


def options(recipe: str) -> Options:
    return Options(recipe, Path(), Path(), "cpu", 1, None, dry_run=True)


@pytest.mark.usefixtures("here")
def test_every_turn_holds_the_digits_and_them_in_scenes_and_what_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = Splits(drawn(), drawn().take(np.arange(10)), drawn())
    recipe = replace(RECIPES["default"], scenes=2)
    turns, validation = in_scenes(data, recipe, options("default"))
    assert len(turns) == 2
    for turn in turns:
        assert same(turn.take(np.arange(40)), data.train)
        assert (turn.labels[40:] != NO_DIGIT).sum() > 25
        assert (turn.labels == NO_DIGIT).sum() > 10
    assert not same(*turns)
    assert same(validation.take(np.arange(10)), data.validation)
    assert 5 < len(validation) - 10 <= 10
    assert NO_DIGIT not in validation.labels

    def made_again(*_: object) -> Digits:
        raise AssertionError("what is kept is not made again")

    for make in MAKERS:
        monkeypatch.setattr(digits, make.__name__, made_again)
    again, _ = in_scenes(data, recipe, options("default"))
    assert all(same(*pair) for pair in zip(turns, again, strict=True))


def test_a_recipe_without_scenes_trains_on_the_digits_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = Splits(drawn(), drawn(), drawn())
    turns, validation = in_scenes(data, RECIPES["reference"], options("reference"))
    assert turns == [data.train]
    assert validation is data.validation
    assert list(tmp_path.iterdir()) == []
