"""The committed fp32 graphs compute what the equations say, and so does the yardstick itself.

How far int8 is from fp32 is the matter of `test_int8_cnn` and `test_int8_lstm`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from service.contract.image import read_digit
from service.contract.manifest import MANIFEST, Manifest
from service.contract.probabilities import class_probabilities
from service.contract.text import TextEncoder, pad
from service.session import Session
from tests import oracle
from tests.committed import committed
from training.datasets import read_idx, read_reviews
from training.golden import GOLDEN_TEXTS, golden_images

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def digits(models_dir: Path) -> Path:
    return committed(models_dir, "digits").folder


@pytest.fixture(scope="module")
def sentiment(models_dir: Path) -> Path:
    return committed(models_dir, "sentiment").folder


def digits_apart(folder: Path, images: npt.NDArray[np.uint8]) -> float:
    """Largest difference of a probability from the equations; images (n, 28, 28)."""
    batch = images[:, None]
    served = class_probabilities(
        Session((folder / "model.onnx").read_bytes(), 1).run({"image": batch}), 1.0
    )
    expected = oracle.digit_probabilities(oracle.read_weights(folder / "model.onnx"), batch)
    return float(np.abs(served - expected).max())


def moods_apart(folder: Path, texts: list[str]) -> float:
    """As `digits_apart`; all texts in one padded batch."""
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    encoder = TextEncoder.load(folder / "tokenizer.json", manifest.max_tokens or 0)
    rows = [encoder.encode(text).ids for text in texts]
    served = class_probabilities(
        Session((folder / "model.onnx").read_bytes(), 1).run({**pad(rows)}), 1.0
    )[:, 1]
    weights = oracle.read_weights(folder / "model.onnx")
    expected = np.array([oracle.positive_probability(weights, row) for row in rows])
    return float(np.abs(served - expected).max())


def test_drawn_digits_get_the_probabilities_of_the_equations(digits: Path) -> None:
    drawn = np.concatenate([read_digit(png).pixels for png in golden_images()])
    assert digits_apart(digits, drawn) < TOLERANCE


def test_mnist_digits_get_the_probabilities_of_the_equations(digits: Path, data_dir: Path) -> None:
    images = read_idx(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert digits_apart(digits, images[::50]) < TOLERANCE  # 200 of them


def test_noise_and_extremes_get_the_probabilities_of_the_equations(digits: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (8, 28, 28), dtype=np.uint8)
    flat = np.stack([np.full((28, 28), level, np.uint8) for level in (0, 128, 255)])
    assert digits_apart(digits, np.concatenate([noise, flat])) < TOLERANCE


def test_own_texts_get_the_probabilities_of_the_equations(sentiment: Path) -> None:
    assert moods_apart(sentiment, [*GOLDEN_TEXTS, "", "good", "not good"]) < TOLERANCE


def test_reviews_get_the_probabilities_of_the_equations(sentiment: Path, data_dir: Path) -> None:
    """32 test reviews, from the shortest to the longest."""
    texts = sorted(read_reviews(data_dir / "imdb" / "test.csv.xz").texts, key=len)
    chosen = [texts[i] for i in np.linspace(0, len(texts) - 1, 32).astype(int)]
    assert moods_apart(sentiment, chosen) < TOLERANCE


def test_convolution_of_a_worked_example() -> None:
    """An edge filter over a step from 0 to 1; W is applied as it stands, not mirrored."""
    x = np.array([[[[0.0, 0, 1, 1]] * 3]])
    w = np.array([[[[-1.0, 0, 2]] * 3]])
    np.testing.assert_array_equal(oracle.convolution(x, w, np.array([0.5])), [[[[6.5, 6.5]]]])


def test_max_pooling_of_a_worked_example_leaves_out_an_odd_edge() -> None:
    z = np.array([[[[1.0, 5, 9], [7, 3, 9], [9, 9, 9]]]])
    np.testing.assert_array_equal(oracle.max_pooling(z), [[[[7.0]]]])


def test_lstm_of_a_worked_example() -> None:
    """One unit, two words. The gates depend on their biases alone but for C~ = tanh(x)."""
    w, r = np.array([[0.0], [0], [0], [1]]), np.zeros((4, 1))
    gates = {"i": 1.0, "o": 2.0, "f": -1.0, "c": 0.0}
    b = np.array([*gates.values(), 0, 0, 0, 0])
    i, o, f = (1 / (1 + np.exp(-gates[gate])) for gate in "iof")
    cell = i * np.tanh(0.3)
    later = f * cell + i * np.tanh(-0.7)
    states = oracle.lstm(np.array([[0.3], [-0.7]]), w, r, b)
    np.testing.assert_allclose(states[:, 0], [o * np.tanh(cell), o * np.tanh(later)], rtol=1e-12)


def test_the_direction_back_is_the_direction_ahead_over_the_mirrored_text() -> None:
    rng = np.random.default_rng(5)
    w, r, b = rng.normal(size=(1, 8, 3)), rng.normal(size=(1, 8, 2)), rng.normal(size=(1, 16))
    x = rng.normal(size=(6, 3))
    both = oracle.bidirectional(x, *(np.concatenate([part, part]) for part in (w, r, b)))
    mirrored = oracle.bidirectional(x[::-1], *(np.concatenate([p, p]) for p in (w, r, b)))
    np.testing.assert_allclose(both[:, 2:], mirrored[::-1, :2], rtol=1e-12)


def test_softmax_and_sigmoid_do_not_overflow() -> None:
    np.testing.assert_array_equal(oracle.softmax(np.array([0.0, 1e4])), [0, 1])
    np.testing.assert_array_equal(oracle.sigmoid(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])
