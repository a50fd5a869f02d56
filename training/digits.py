"""Train the digit model: python -m training.digits [--recipe reference] [--help]."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR
from torch.optim.swa_utils import AveragedModel

from training.assessment import as_read, digits_release, run_images
from training.augment import random_affine
from training.checkpoint import Checkpoint
from training.cnn import DigitCNN
from training.compute import fast_bfloat16, pick_device, seed_everything
from training.datasets import Digits, Splits, data_hashes, load_digits
from training.export import Origin, Release, check_parity, open_graph, publish
from training.graphs import digits_graph
from training.int8_cnn import quantize_cnn
from training.options import Options, parse_options, run
from training.progress import Epoch, progress


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the result, besides data and seed."""

    epochs: int
    learning_rate: float
    annealed: bool  # one cycle of the learning rate, ending near zero; else constant
    weight_decay: float
    batch_norm: bool
    augmented: bool
    averaging: float  # decay of the moving average of the weights; 0 keeps the last ones
    bfloat16: bool  # train with half the bits where that is faster; costs a plain recipe accuracy
    batch_size: int = 64


RECIPES = {
    "default": Recipe(
        epochs=30,
        learning_rate=4e-3,
        annealed=True,
        weight_decay=5e-3,
        batch_norm=True,
        augmented=True,
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
        averaging=0.0,
        bfloat16=False,
    ),
}


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    seed_everything(options.seed)
    data = load_digits(options.data_dir)
    if options.dry_run:
        data = Splits(*(part.sample(1000) for part in (data.train, data.validation, data.test)))
    model = DigitCNN(recipe.batch_norm)
    history = fit(model, data.train, data.validation, recipe, options)
    publish(assess(model, data, history, recipe, options), options.models_dir)
    shutil.rmtree(options.work_dir("digits"))  # what is published is not resumed


def fit(
    model: DigitCNN, train: Digits, validation: Digits, recipe: Recipe, options: Options
) -> list[Epoch]:
    """Train `model` in place, and leave it as it was after its best epoch on `validation`."""
    device = pick_device(options.device)
    model.to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images, labels = tensors(train, device)
    average = AveragedModel(model, avg_fn=moving_average(recipe.averaging), use_buffers=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = recipe.epochs * -(-len(train) // recipe.batch_size)
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
        batches = torch.randperm(len(train)).split(recipe.batch_size)
        for batch in progress(batches, f"epoch {number}"):
            seen = random_affine(images[batch]) if recipe.augmented else images[batch]
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                logits = model(seen.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(logits.float(), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total_loss += loss.item() * len(batch)
            total_right += (logits.argmax(1) == labels[batch]).sum().item()
        logits = predict(average.module, validation, device)
        truth = torch.from_numpy(validation.labels)
        epoch = Epoch(
            number,
            total_loss / len(train),
            total_right / len(train),
            cross_entropy(logits, truth).item(),
            (logits.argmax(1) == truth).float().mean().item(),
            time.monotonic() - started,
        )
        print(epoch, flush=True)
        if epoch.validation_accuracy > max((e.validation_accuracy for e in history), default=0):
            best = {key: value.clone() for key, value in average.module.state_dict().items()}
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


def moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average that starts short, so that it soon forgets the first steps."""

    def average(before: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        weight = min(decay, float((1 + steps) / (10 + steps)))
        return before + (now - before) * (1 - weight) if now.is_floating_point() else now

    return average


def tensors(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 28, 28) as floats 0..1 and labels (n,)."""
    images = torch.from_numpy(digits.images.copy())[:, None].float() / 255
    return images.to(device), torch.from_numpy(digits.labels).to(device)


@torch.no_grad()
def predict(model: nn.Module, digits: Digits, device: torch.device) -> Tensor:
    """Logits (n, 10) on the CPU."""
    model.eval()
    images, _ = tensors(digits, device)
    return torch.cat([model(part).cpu() for part in images.split(500)])


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
    int8 = quantize_cnn(graph, as_read(data.train).images)
    return digits_release(graph, int8, data, origin)


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES))
