"""Digits are learnt from several sets in turns, and beside them what is no digit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from service.contract.probabilities import digit_score, row_probabilities
from training.candidates import NO_DIGIT
from training.cnn import DigitCNN
from training.compute import seed_everything
from training.datasets import Digits, joined
from training.digits import RECIPES, fit, with_no_digit
from training.options import Options
from training.progress import Epoch


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def bars(seed: int, count: int = 24) -> Digits:
    """As many zeros as ones as twos, which are upright bars here or there."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
    labels = np.arange(count) % 3
    for image, label in zip(images, labels, strict=True):
        image[4:24, 4 + 8 * label : 8 + 8 * label] = 255
    return Digits(images, labels)


def no_digits(seed: int, count: int = 24) -> Digits:
    """Bars that lie."""
    upright = bars(seed, count)
    return Digits(upright.images.transpose(0, 2, 1).copy(), np.full(count, NO_DIGIT))


def fitted(
    turns: Sequence[Digits], folder: Path, monkeypatch: pytest.MonkeyPatch, epochs: int = 3
) -> list[Epoch]:
    """The epochs of a run in a folder of its own, with their times left out."""
    folder.mkdir()
    seed_everything(1)
    recipe = replace(RECIPES["default"], epochs=epochs, batch_size=8, augmented=False)
    model = DigitCNN(recipe.batch_norm)
    options = Options("default", Path(), Path(), "cpu", 1, None, dry_run=True)
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir(folder)
        history = fit(model, turns, bars(9), recipe, options)
    return [replace(epoch, seconds=0) for epoch in history]


def test_epochs_train_on_the_sets_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (bars(seed) for seed in range(3))
    turned = fitted([first, second], tmp_path / "turned", monkeypatch)
    spelt = fitted([first, second, first, third], tmp_path / "spelt", monkeypatch)
    other = fitted([first, second, third], tmp_path / "other", monkeypatch)
    assert turned == spelt
    assert turned[:2] == other[:2]
    assert turned[2] != other[2]


def test_sets_may_be_of_different_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is beyond the cycle of the learning rate."""
    turns = [bars(1, count=45), bars(2, count=10)]
    history = fitted(turns, tmp_path / "run", monkeypatch)
    assert len(history) == 3


def test_what_is_no_digit_is_learnt_beside_the_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [joined(bars(seed), no_digits(seed)) for seed in (1, 2)]
    history = fitted(turns, tmp_path / "run", monkeypatch, epochs=8)
    assert history[-1].train_accuracy > 0.9
    assert history[-1].validation_accuracy > 0.9


def test_the_score_of_a_digit_is_what_an_eleventh_logit_of_zero_leaves() -> None:
    torch.manual_seed(4)
    logits = torch.randn(200, 10, dtype=torch.float64) * torch.logspace(-1, 2, 200)[:, None]
    widened = with_no_digit(logits)
    assert widened.shape == (200, NO_DIGIT + 1)
    torch.testing.assert_close(widened[:, :NO_DIGIT], logits, rtol=0, atol=0)
    expected = 1 - widened.softmax(1)[:, NO_DIGIT]
    found = [digit_score(row) for row in logits.tolist()]
    assert found == pytest.approx(expected.tolist(), abs=1e-12)


def test_what_no_digit_takes_leaves_the_ten_as_they_are_to_each_other() -> None:
    torch.manual_seed(5)
    logits = torch.randn(20, 10, dtype=torch.float64) * 4
    ten = with_no_digit(logits).softmax(1)[:, :NO_DIGIT]
    among = ten / ten.sum(1, keepdim=True)
    for row, probabilities in zip(logits.tolist(), among.tolist(), strict=True):
        assert row_probabilities(row, 1.0) == pytest.approx(probabilities, abs=1e-12)
