"""An answer never depends on its batch-mates, not even by rounding: the committed models obey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from service.contract.image import read_digit
from service.session import Session
from tests.committed import Ids, committed, run_ids
from tests.oracle import read_weights
from training.golden import GOLDEN_TEXTS, golden_images

BATCHES = [1, 2, 3, 7, 8, 16, 64]


@pytest.fixture(scope="module")
def digits(models_dir: Path) -> Session:
    return committed(models_dir, "digits").session()


@pytest.fixture(scope="module")
def sentiment(models_dir: Path) -> Session:
    return committed(models_dir, "sentiment").session()


@pytest.fixture(scope="module")
def pictures() -> npt.NDArray[np.uint8]:
    """64 of them (64, 1, 28, 28): drawn digits, then noise, then flat ones."""
    drawn = np.stack([read_digit(png).pixels for png in golden_images()])
    noise = np.random.default_rng(1).integers(0, 256, (52, 1, 28, 28), dtype=np.uint8)
    flat = np.stack([np.full((1, 28, 28), level, np.uint8) for level in (0, 255)])
    return np.concatenate([drawn, noise, flat])


def random_rows(count: int, longest: int) -> list[Ids]:
    """Rows of 1 to `longest` ids."""
    rng = np.random.default_rng(2)
    return [rng.integers(0, 5_000, length) for length in rng.integers(1, longest + 1, count)]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_digit_gets_the_same_bytes_alone_and_at_every_place_of_a_batch(
    digits: Session, pictures: npt.NDArray[np.uint8], batch: int
) -> None:
    alone = [digits.run({"image": picture[None]}).tobytes() for picture in pictures[:batch]]
    for turn in range(batch):
        order = np.roll(np.arange(batch), turn)
        together = digits.run({"image": pictures[order]})
        assert [row.tobytes() for row in together] == [alone[i] for i in order]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_text_gets_the_same_bytes_alone_and_at_every_place_of_a_batch(
    sentiment: Session, batch: int
) -> None:
    rows = random_rows(batch, longest=6)
    alone = [run_ids(sentiment, [row]).tobytes() for row in rows]
    for turn in range(batch):
        order = np.roll(np.arange(batch), turn)
        together = run_ids(sentiment, [rows[i] for i in order])
        assert [row.tobytes() for row in together] == [alone[i] for i in order]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_text_gets_the_same_bytes_among_texts_of_any_length(
    sentiment: Session, batch: int
) -> None:
    rows = random_rows(batch, longest=100)
    alone = [run_ids(sentiment, [row]).tobytes() for row in rows]
    assert [row.tobytes() for row in run_ids(sentiment, rows)] == alone


@pytest.mark.parametrize("padding", [1, 8, 333])
def test_more_padding_changes_no_byte(sentiment: Session, padding: int) -> None:
    rows = random_rows(7, longest=40)
    plain, padded = run_ids(sentiment, rows), run_ids(sentiment, rows, padding)
    assert padded.tobytes() == plain.tobytes()
    for row in rows:
        assert run_ids(sentiment, [row], padding).tobytes() == run_ids(sentiment, [row]).tobytes()


def test_real_texts_get_the_same_bytes_together_and_beside_the_longest_that_is_read(
    models_dir: Path, sentiment: Session
) -> None:
    encoder = committed(models_dir, "sentiment").encoder()
    longest = encoder.encode("word " * 2 * encoder.max_tokens).ids
    rows = [encoder.encode(text).ids for text in GOLDEN_TEXTS]
    alone = [run_ids(sentiment, [row]).tobytes() for row in rows]
    together = run_ids(sentiment, [*rows, longest])
    assert [row.tobytes() for row in together[:-1]] == alone


def test_the_strongest_words_get_the_same_bytes_alone_and_beside_each_other(
    models_dir: Path, sentiment: Session
) -> None:
    """Repeated, they drive units as far as they go; beside them stand the faintest words, and
    ends of rows at every place."""
    weights = read_weights(committed(models_dir, "sentiment").folder / "model.onnx")
    by_strength = np.argsort(np.abs(weights["embedding"]).max(axis=1))
    strong, faint = by_strength[-8:], by_strength[:8]
    rows = [np.full(length, word) for word, length in zip(strong, range(1, 300, 40), strict=True)]
    rows += [np.resize(faint, length) for length in (1, 2, 9, 31, 150)]
    rows += [np.resize(strong, 120), np.full(1, strong[-1]), np.resize(by_strength, 64)]
    alone = [run_ids(sentiment, [row]).tobytes() for row in rows]
    for order in (np.arange(16), np.arange(16)[::-1], np.roll(np.arange(16), 5)):
        together = run_ids(sentiment, [rows[i] for i in order])
        assert [row.tobytes() for row in together] == [alone[i] for i in order]


def test_the_same_batch_gives_the_same_bytes_again_and_in_a_new_session(models_dir: Path) -> None:
    model = committed(models_dir, "sentiment")
    rows = random_rows(16, longest=30)
    first, second = model.session(), model.session()
    expected = run_ids(first, rows).tobytes()
    assert {run_ids(session, rows).tobytes() for session in (first, second)} == {expected}
