"""A run that was interrupted goes on as if nothing had happened, and a seed repeats a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.contract.image import read_digit
from training import digits, sentiment
from training.batches import EncodedReviews
from training.checkpoint import Checkpoint
from training.cnn import DigitCNN
from training.compute import seed_everything
from training.datasets import Digits
from training.golden import as_bytes, draw_digit
from training.lstm import SentimentLSTM
from training.options import Options
from training.progress import Epoch

EPOCHS = 4
RECIPES = ["default", "reference"]


@pytest.fixture(autouse=True)
def _own_folder_and_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def options(recipe: str, seed: int = 1) -> Options:
    return Options(recipe, Path(), Path(), "cpu", seed, EPOCHS, dry_run=True)


@dataclass(frozen=True, eq=False)
class Run:
    """What a run leaves behind; two of them are equal if every number of them is."""

    history: list[Epoch]
    weights: dict[str, Tensor]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Run)
        untimed, others = (
            [replace(epoch, seconds=0) for epoch in run.history] for run in (self, other)
        )
        return untimed == others and all(
            torch.equal(tensor, other.weights[name]) for name, tensor in self.weights.items()
        )


def finished(history: list[Epoch], model: nn.Module) -> Run:
    return Run(history, {name: value.clone() for name, value in model.state_dict().items()})


def fit_digits(recipe: str, seed: int = 1) -> Run:
    """On drawn digits of four widths of the pen, some of them each turn."""
    labels = np.arange(40) % 10
    drawn = [draw_digit(i % 10, pen=12 + 6 * (i // 10)) for i in range(len(labels))]
    images = np.concatenate([read_digit(as_bytes(picture)).pixels for picture in drawn])
    seed_everything(seed)
    chosen = replace(digits.RECIPES[recipe], epochs=EPOCHS, batch_size=8)
    model = DigitCNN(chosen.batch_norm)
    validation = Digits(images[30:], labels[30:])
    turns = [Digits(images[i : i + 20], labels[i : i + 20]) for i in (0, 5, 10)]
    return finished(digits.fit(model, turns, validation, chosen, options(recipe, seed)), model)


def fit_sentiment(recipe: str, seed: int = 1) -> Run:
    """On reviews of random words, of which the last tells the mood."""
    rng = np.random.default_rng(5)
    rows = [rng.integers(2, 20, length) for length in rng.integers(1, 12, 60)]
    reviews = EncodedReviews(rows, np.array([row[-1] % 2 for row in rows]))
    seed_everything(seed)
    chosen = replace(sentiment.RECIPES[recipe], epochs=EPOCHS, batch_size=8)
    model = SentimentLSTM(20, embedding=6, hidden=5)
    history = sentiment.fit(model, reviews, reviews, chosen, options(recipe, seed))
    return finished(history, model)


FITS = pytest.mark.parametrize("fit", [fit_digits, fit_sentiment])
Fit = Callable[..., Run]


class PowerCut(Checkpoint):
    """Ends the run after the second epoch."""

    def save(self, **state: object) -> None:
        super().save(**state)
        if len(state["history"]) == 2:  # type: ignore[arg-type]
            raise KeyboardInterrupt


@FITS
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_run_that_was_interrupted_equals_one_that_was_not(
    fit: Fit, recipe: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("whole").mkdir()
    with monkeypatch.context() as elsewhere:
        elsewhere.chdir("whole")
        whole = fit(recipe)

    module = digits if fit is fit_digits else sentiment
    with monkeypatch.context() as interrupted:
        interrupted.setattr(module, "Checkpoint", PowerCut)
        with pytest.raises(KeyboardInterrupt):
            fit(recipe)
    capsys.readouterr()
    resumed = fit(recipe)
    assert "resumed after epoch 2" in capsys.readouterr().out
    assert len(resumed.history) == EPOCHS
    assert resumed == whole


@FITS
def test_the_same_seed_gives_the_same_weights_and_another_one_others(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        Path(name).mkdir()
        with monkeypatch.context() as elsewhere:
            elsewhere.chdir(name)
            runs.append(fit("default", seed))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@FITS
def test_a_run_that_has_ended_is_not_trained_again(fit: Fit) -> None:
    assert fit("default") == fit("default")


@FITS
def test_the_model_is_left_as_it_was_after_its_best_epoch(fit: Fit) -> None:
    run = fit("default")
    task = "digits" if fit is fit_digits else "sentiment"
    state = torch.load(options("default").work_dir(task) / "last.pt", weights_only=False)
    best = max(epoch.validation_accuracy for epoch in run.history)
    assert best > 0
    assert all(torch.equal(run.weights[name], value) for name, value in state["best"].items())


@dataclass(frozen=True)
class Config:
    rate: float = 0.1


def test_a_checkpoint_brings_back_state_and_random_numbers(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "last.pt", Config())
    assert checkpoint.load() is None
    seed_everything(3)
    checkpoint.save(weights=torch.arange(3), epoch=7)
    expected = torch.rand(4), np.random.rand(4)
    seed_everything(4)
    state = checkpoint.load()
    assert state is not None
    assert (state["weights"].tolist(), state["epoch"]) == ([0, 1, 2], 7)
    torch.testing.assert_close(torch.rand(4), expected[0], rtol=0, atol=0)
    np.testing.assert_array_equal(np.random.rand(4), expected[1])


def test_a_checkpoint_of_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    Checkpoint(path, Config()).save(epoch=1)
    assert Checkpoint(path, Config(rate=0.2)).load() is None
    assert Checkpoint(path, Config()).load() is not None


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "last.pt", Config())
    checkpoint.save(epoch=1)
    with pytest.raises(AttributeError):
        checkpoint.save(epoch=2, unwritable=lambda: None)
    state = checkpoint.load()
    assert state is not None
    assert state["epoch"] == 1
    checkpoint.save(epoch=3)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
    checkpoint.remove()
    assert checkpoint.load() is None
