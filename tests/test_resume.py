"""A run that was interrupted goes on as if nothing had happened, and a seed repeats a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.contract.image import read_digit
from training import digits, pretraining, sentiment_fitting, sentiment_recipes
from training.batches import EncodedReviews
from training.checkpoint import Checkpoint
from training.cnn import DigitCNN
from training.compute import seed_everything
from training.datasets import Digits
from training.golden import as_bytes, draw_digit
from training.lessons import Teacher, probabilities
from training.lstm import SentimentLSTM, predict
from training.options import Options
from training.pretraining import Pretraining, pretrain
from training.progress import Epoch
from training.sentiment_fitting import Lesson, only

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


def random_reviews() -> EncodedReviews:
    """Reviews of random words, of which the last tells the mood."""
    rng = np.random.default_rng(5)
    rows = [rng.integers(2, 20, length) for length in rng.integers(1, 12, 60)]
    return EncodedReviews(rows, np.array([row[-1] % 2 for row in rows]))


def fit_sentiment(recipe: str, seed: int = 1, lesson_of: Lesson | None = None) -> Run:
    """On the same reviews in every epoch, unless there are other lessons."""
    reviews = random_reviews()
    seed_everything(seed)
    chosen = replace(sentiment_recipes.RECIPES[recipe], epochs=EPOCHS, batch_size=8)
    model = SentimentLSTM(20, embedding=6, hidden=5)
    lesson_of = lesson_of or only(reviews)
    path = options(recipe, seed).work_dir("sentiment") / "last.pt"
    kept = Checkpoint(path, chosen)
    history = sentiment_fitting.fit(model, lesson_of, reviews, chosen, kept, torch.device("cpu"))
    return finished(history, model)


def fit_taught(recipe: str, seed: int = 1) -> Run:
    """On reviews of which some, others in every epoch, have labels of the network so far."""
    reviews = random_reviews()

    def lesson_of(number: int, teacher: Teacher | None) -> EncodedReviews:
        if teacher is None:
            return reviews
        taught = np.arange(len(reviews.ids)) % EPOCHS == number - 1
        labels = np.where(taught, probabilities(teacher(reviews.ids)), reviews.labels)
        return EncodedReviews(reviews.ids, labels)

    return fit_sentiment(recipe, seed, lesson_of)


FITS = pytest.mark.parametrize("fit", [fit_digits, fit_sentiment, fit_taught])
Fit = Callable[..., Run]


class PowerCut(Checkpoint):
    """Ends the run after the second epoch."""

    saved = 0

    def save(self, **state: object) -> None:
        super().save(**state)
        self.saved += 1
        if self.saved == 2:
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

    module = digits if fit is fit_digits else sys.modules[__name__]
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


def test_of_moods_only_what_is_needed_to_publish_is_kept_in_the_end() -> None:
    run = fit_sentiment("default")
    path = options("default").work_dir("sentiment") / "last.pt"
    kept = torch.load(path, weights_only=False)
    assert Run(kept["history"], kept["best"]) == run
    assert not kept.keys() & {"model", "average", "optimizer"}


@FITS
def test_the_model_is_left_as_it_was_after_its_best_epoch(fit: Fit) -> None:
    run = fit("default")
    task = "digits" if fit is fit_digits else "sentiment"
    state = torch.load(options("default").work_dir(task) / "last.pt", weights_only=False)
    best = max(epoch.validation_accuracy for epoch in run.history)
    assert best > 0
    assert all(torch.equal(run.weights[name], value) for name, value in state["best"].items())


def test_every_epoch_but_the_first_has_the_average_so_far_as_its_teacher() -> None:
    reviews = random_reviews()
    taught = []

    def lesson_of(number: int, teacher: Teacher | None) -> EncodedReviews:
        taught.append(teacher is not None)
        if teacher is not None:
            kept = options("default").work_dir("sentiment") / "last.pt"
            state = torch.load(kept, weights_only=False)["average"]
            average = SentimentLSTM(20, embedding=6, hidden=5)
            average.load_state_dict(state["network"])
            expected = predict(average, reviews.ids, torch.device("cpu"))
            np.testing.assert_array_equal(teacher(reviews.ids), expected)
        assert number == len(taught)
        return reviews

    fit_sentiment("default", lesson_of=lesson_of)
    assert taught == [False] + [True] * (EPOCHS - 1)


def pretrained(checkpoint: type[Checkpoint], folder: str) -> list[Tensor]:
    """The weights of a tiny network after it was pretrained, and a random number behind them."""
    seed_everything(1)
    model = SentimentLSTM(20, embedding=6, hidden=5)
    plan = Pretraining(epochs=EPOCHS, reviews=25, tokens=8, learning_rate=1e-2, batch_size=8)
    kept = checkpoint(Path(folder) / "pretrained.pt", plan)
    pretrain(model, random_reviews().ids, plan, kept, torch.device("cpu"), seed=1)
    return [*model.state_dict().values(), torch.rand(1)]


def test_a_pretraining_that_was_interrupted_equals_one_that_was_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretraining, "FIRST", 3)
    monkeypatch.setattr(pretraining, "LAST", 18)
    whole = pretrained(Checkpoint, "whole")
    with pytest.raises(KeyboardInterrupt):
        pretrained(PowerCut, "cut")
    capsys.readouterr()
    resumed = pretrained(Checkpoint, "cut")
    first, *epochs = capsys.readouterr().out.splitlines()
    assert first == "pretraining: resumed after epoch 2"
    assert len(epochs) == EPOCHS - 2
    ended = pretrained(Checkpoint, "cut")
    assert capsys.readouterr().out == f"pretraining: resumed after epoch {EPOCHS}\n"
    for again in (resumed, ended):
        assert all(torch.equal(*pair) for pair in zip(again, whole, strict=True))
