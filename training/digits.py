"""Train the digit model: python -m training.digits [--recipe reference] [--help]."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR

from service.contract import image
from training.assessment import digits_release, run_images
from training.augment import random_affine
from training.checkpoint import Checkpoint
from training.cnn import DigitCNN
from training.compute import MovingAverage, fast_bfloat16, pick_device, seed_everything
from training.datasets import Digits, Splits, data_hashes, joined, load_digits
from training.export import Origin, Release, check_parity, open_graph, publish
from training.graphs import digits_graph
from training.held_out import PER_KIND, non_digit_images, realistic_digits
from training.int8_cnn import quantize_cnn
from training.options import WORK_DIR, Options, parse_options, run
from training.progress import Epoch, progress
from training.seen import candidates_seen, digits_seen, kept, others_seen, usual_and_unusual


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the result, besides data and seed."""

    epochs: int
    learning_rate: float
    annealed: bool  # one cycle of the learning rate, ending near zero; else constant
    weight_decay: float
    batch_norm: bool
    augmented: bool
    scenes: int  # pictures of each digit in scenes of other kinds, and half as many of no digit
    averaging: float  # decay of the moving average of the weights; 0 keeps the last ones
    bfloat16: bool  # train with half the bits where that is faster; costs a plain recipe accuracy
    batch_size: int = 64


RECIPES = {
    "default": Recipe(
        epochs=12,
        learning_rate=4e-3,
        annealed=True,
        weight_decay=5e-3,
        batch_norm=True,
        augmented=True,
        scenes=3,
        averaging=0.999,
        bfloat16=True,
        batch_size=128,
    ),
    "reference": Recipe(
        epochs=5,
        learning_rate=1e-3,
        annealed=False,
        weight_decay=0.0,
        batch_norm=False,
        augmented=False,
        scenes=0,
        averaging=0.0,
        bfloat16=False,
    ),
}


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    seed_everything(options.seed)
    data = load_digits(options.data_dir)
    if options.dry_run:
        data = Splits(*(part.sample(300) for part in (data.train, data.validation, data.test)))
    train, validation = in_scenes(data, recipe, options)
    model = DigitCNN(recipe.batch_norm)
    history = fit(model, train, validation, recipe, options)
    publish(assess(model, data, history, recipe, options), options.models_dir)
    shutil.rmtree(options.work_dir("digits"))  # what is published is not resumed


def in_scenes(
    data: Splits[Digits], recipe: Recipe, options: Options
) -> tuple[list[Digits], Digits]:
    """What the epochs train on, in turns, and what they are compared by: MNIST's pictures, and the
    same digits as the service finds them in scenes; to train on, also half as many of no digit,
    and what lines of these digits are cut into."""
    if not recipe.scenes:
        return [data.train], data.validation
    folder = WORK_DIR / f"scenes-{image.VERSION}{'-dry-run' if options.dry_run else ''}"
    half = data.train.take(np.arange(0, len(data.train), 2))
    train = []
    turns = min(recipe.scenes, recipe.epochs)
    for number in range(turns):
        print(f"scenes {number + 1} of {turns}", flush=True)
        found = kept(folder / f"digits-{number}.npz", partial(digits_seen, data.train, number))
        others = kept(folder / f"others-{number}.npz", partial(others_seen, half, number))
        lines = kept(folder / f"lines-{number}.npz", partial(candidates_seen, data.train, number))
        train.append(joined(data.train, found, others, lines))
    found = kept(folder / "validation.npz", partial(digits_seen, data.validation, recipe.scenes))
    return train, joined(data.validation, found)


def fit(
    model: DigitCNN, train: Sequence[Digits], validation: Digits, recipe: Recipe, options: Options
) -> list[Epoch]:
    """Train `model` in place, and leave it as it was after its best epoch on `validation`."""
    device = pick_device(options.device)
    model.to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = MovingAverage(model, recipe.averaging)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = sum(
        -(-len(train[epoch % len(train)]) // recipe.batch_size) for epoch in range(recipe.epochs)
    )
    schedule = (
        OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
        if recipe.annealed
        else ConstantLR(optimizer, factor=1)
    )
    half = recipe.bfloat16 and fast_bfloat16(device)
    checkpoint = Checkpoint(options.work_dir("digits") / "last.pt", recipe)
    history: list[Epoch] = []
    best: dict[str, Tensor] = {}
    if (state := checkpoint.load()) is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        history, best = state["history"], state["best"]
        print(*history, f"resumed after epoch {len(history)}", sep="\n", flush=True)

    for number in range(len(history) + 1, recipe.epochs + 1):
        started = time.monotonic()
        model.train()
        total_loss = total_right = 0.0
        images, labels = tensors(train[(number - 1) % len(train)], device)
        batches = torch.randperm(len(images)).split(recipe.batch_size)
        if len(batches[-1]) == 1:  # of which batch normalisation can make nothing
            batches = batches[:-1]
        for batch in progress(batches, f"epoch {number}"):
            seen = images[batch].float() / 255
            if recipe.augmented:
                seen = random_affine(seen)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                logits = model(seen.contiguous(memory_format=torch.channels_last))
            if recipe.scenes:
                logits = with_no_digit(logits)
            loss = cross_entropy(logits.float(), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update(model)
            total_loss += loss.item() * len(batch)
            total_right += (logits.argmax(1) == labels[batch]).sum().item()
        logits = predict(average.network, validation, device)
        truth = torch.from_numpy(validation.labels)
        epoch = Epoch(
            number,
            total_loss / len(images),
            total_right / len(images),
            cross_entropy(logits, truth).item(),
            (logits.argmax(1) == truth).float().mean().item(),
            time.monotonic() - started,
        )
        print(epoch, flush=True)
        if epoch.validation_accuracy > max((e.validation_accuracy for e in history), default=0):
            best = {key: value.clone() for key, value in average.network.state_dict().items()}
        history.append(epoch)
        checkpoint.save(
            model=model.state_dict(),
            average=average.state_dict(),
            optimizer=optimizer.state_dict(),
            schedule=schedule.state_dict(),
            history=history,
            best=best,
        )
    model.load_state_dict(best)
    return history


def with_no_digit(logits: Tensor) -> Tensor:
    """Logits (b, 10) -> (b, 11): that of no digit is 0, which loses nothing, since what counts are
    differences. So the ten tell by themselves how likely there is a digit at all."""
    return torch.nn.functional.pad(logits, (0, 1))


def tensors(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images uint8 (n, 1, 28, 28) and labels (n,)."""
    images = torch.from_numpy(digits.images.copy())[:, None]
    return images.to(device), torch.from_numpy(digits.labels).to(device)


@torch.no_grad()
def predict(model: nn.Module, digits: Digits, device: torch.device) -> Tensor:
    """Logits (n, 10) on the CPU."""
    model.eval()
    images, _ = tensors(digits, device)
    return torch.cat([model(part.float() / 255).cpu() for part in images.split(500)])


def assess(
    model: DigitCNN,
    data: Splits[Digits],
    history: list[Epoch],
    recipe: Recipe,
    options: Options,
) -> Release:
    """Export, compare with torch, quantize, and measure what is exported."""
    graph = digits_graph(*model.folded())
    session = open_graph(graph)
    compared = data.test.take(np.arange(min(2000, len(data.test))))
    reference = predict(model.cpu(), compared, torch.device("cpu")).numpy()
    runs = [run_images(session, compared.images, batch) for batch in (1, 7, 64, 2000)]
    origin = Origin(
        recipe={"name": options.recipe, **asdict(recipe)},
        seed=options.seed,
        data=data_hashes(options.data_dir / "mnist"),
        history=history,
        parity=check_parity(reference, runs),
    )
    int8 = quantize_cnn(graph, usual_and_unusual(data.train))
    count = 5 if options.dry_run else PER_KIND
    realistic = realistic_digits(data.validation, count)
    return digits_release(graph, int8, data, origin, realistic, non_digit_images(count))


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES))
