"""Fitting the mood model to lessons, epoch by epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.batches import EncodedReviews, collate, shortened, shuffled_batches
from training.checkpoint import Checkpoint
from training.compute import MovingAverage, fast_bfloat16, one_cycle
from training.lessons import Teacher
from training.lstm import SentimentLSTM, predict
from training.progress import Epoch, progress
from training.sentiment_recipes import Recipe
from training.vocabulary import UNKNOWN_ID

Lesson = Callable[[int, Teacher | None], EncodedReviews]


def only(train: EncodedReviews) -> Lesson:
    """The same texts in every epoch, without a teacher."""

    def lesson_of(_: int, __: Teacher | None) -> EncodedReviews:
        return train

    return lesson_of


def fit(
    model: SentimentLSTM,
    lesson_of: Lesson,
    validation: EncodedReviews,
    recipe: Recipe,
    checkpoint: Checkpoint,
    device: torch.device,
) -> list[Epoch]:
    """Train `model` in place, and leave it as its average was after the epoch that was best on
    `validation`; `lesson_of` gives the texts of an epoch, by its number and the average so far.

    What is kept in the end is that alone, a fifth of what it takes to go on."""
    model.to(device)
    average = MovingAverage(model, recipe.averaging)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    history: list[Epoch] = []
    best: dict[str, Tensor] = {}
    if (state := checkpoint.load()) is not None:
        history, best = state["history"], state["best"]
        print(*history, f"resumed after epoch {len(history)}", sep="\n", flush=True)
        if len(history) < recipe.epochs:
            model.load_state_dict(state["model"])
            average.load_state_dict(state["average"])
            optimizer.load_state_dict(state["optimizer"])

    for number in range(len(history) + 1, recipe.epochs + 1):
        started = time.monotonic()
        teacher = partial(predict, average.network, device=device) if number > 1 else None
        lesson = shortened(lesson_of(number, teacher), recipe.train_tokens)
        model.train()
        total_loss = total_right = torch.zeros((), device=device)
        batches = list(shuffled_batches(lesson, recipe.batch_size))
        for i, batch in enumerate(progress(batches, f"epoch {number}")):
            if recipe.annealed:
                done = (number - 1 + i / len(batches)) / recipe.epochs
                optimizer.param_groups[0]["lr"] = recipe.learning_rate * one_cycle(done)
            ids, lengths, labels = collate(lesson, batch, device)
            dropped = torch.rand(ids.shape, device=device) < recipe.word_dropout
            ids = torch.where(dropped, UNKNOWN_ID, ids)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast_bfloat16(device)):
                logits = model(ids, lengths)[:, 0]
            loss = binary_cross_entropy_with_logits(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            average.update(model)
            total_loss = total_loss + loss.detach() * len(batch)
            total_right = total_right + ((logits > 0) == (labels > 0.5)).sum()
        logits = torch.from_numpy(predict(average.network, validation.ids, device))
        labels = torch.from_numpy(validation.labels)
        epoch = Epoch(
            number,
            total_loss.item() / len(lesson.ids),
            total_right.item() / len(lesson.ids),
            binary_cross_entropy_with_logits(logits, labels.float()).item(),
            ((logits > 0) == (labels > 0)).float().mean().item(),
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
            history=history,
            best=best,
        )
    checkpoint.save(history=history, best=best)
    model.load_state_dict(best)
    return history
