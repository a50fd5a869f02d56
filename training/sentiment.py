"""Train the sentiment model: python -m training.sentiment [--recipe reference] [--help]."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR

from service.contract.text import TextEncoder
from training.assessment import run_rows, sentiment_release
from training.batches import EncodedReviews, collate, encode, shuffled_batches
from training.checkpoint import Checkpoint
from training.compute import fast_bfloat16, pick_device, seed_everything
from training.datasets import Reviews, Splits, data_hashes, load_reviews, load_unlabelled
from training.export import Origin, Release, check_parity, open_graph, publish
from training.graphs import sentiment_graph
from training.int8_lstm import quantize_lstm
from training.lstm import SentimentLSTM
from training.options import Options, parse_options, run
from training.progress import Epoch, progress
from training.vectors import Vectors, read_glove, train_word2vec
from training.vocabulary import UNKNOWN_ID, build_tokenizer


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes the result, besides data and seed."""

    epochs: int
    learning_rate: float
    annealed: bool  # one cycle of the learning rate, ending near zero; else constant
    weight_decay: float
    word_dropout: float  # share of words read as unknown while training
    word2vec_epochs: int  # over train and unlabelled reviews; 0 starts from random vectors
    batch_size: int = 64
    vocabulary: int = 10_000
    embedding: int = 100
    dropout: float = 0.5
    train_tokens: int = 320  # longer reviews keep head and tail while training
    max_tokens: int = 1024  # what the served model reads


RECIPES = {
    "default": Recipe(
        epochs=5,
        learning_rate=2e-3,
        annealed=True,
        weight_decay=1e-2,
        word_dropout=0.1,
        word2vec_epochs=3,
    ),
    "reference": Recipe(
        epochs=5,
        learning_rate=1e-3,
        annealed=False,
        weight_decay=0.0,
        word_dropout=0.0,
        word2vec_epochs=0,
    ),
}


def main(options: Options) -> None:
    recipe = options.adjust(RECIPES[options.recipe])
    seed_everything(options.seed)
    data = load_reviews(options.data_dir)
    if options.dry_run:
        data = Splits(*(part.sample(200) for part in (data.train, data.validation, data.test)))
    tokenizer = build_tokenizer(data.train.texts, recipe.vocabulary)
    model = SentimentLSTM(tokenizer.get_vocab_size(), recipe.embedding, dropout=recipe.dropout)
    vectors = initial_vectors(tokenizer, data, recipe, options)
    if vectors is not None:
        model.embedding.weight.data.copy_(torch.from_numpy(vectors))
    train = encode(data.train, TextEncoder(tokenizer, recipe.train_tokens))
    validation = encode(data.validation, TextEncoder(tokenizer, recipe.max_tokens))
    history = fit(model, train, validation, recipe, options)
    publish(assess(model, data, tokenizer, history, recipe, options), options.models_dir)
    shutil.rmtree(options.work_dir("sentiment"))  # what is published is not resumed


def initial_vectors(
    tokenizer: Tokenizer, data: Splits[Reviews], recipe: Recipe, options: Options
) -> Vectors | None:
    """From the file that was named, or by word2vec where the recipe says so (kept for a resume)."""
    if options.vectors is not None:
        try:
            return read_glove(options.vectors, tokenizer, recipe.embedding, options.seed)
        except ValueError as error:
            sys.exit(str(error))
    if not recipe.word2vec_epochs:
        return None
    kept = options.work_dir("sentiment") / "word2vec.npy"
    if not kept.exists():
        texts = data.train.texts
        if not options.dry_run:
            texts = texts + load_unlabelled(options.data_dir, data.test)
        print(f"word2vec: {recipe.word2vec_epochs} epochs over {len(texts):,} reviews", flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_name("partial.npy")
        epochs = recipe.word2vec_epochs
        np.save(partial, train_word2vec(texts, tokenizer, recipe.embedding, epochs, options.seed))
        partial.replace(kept)
    vectors: Vectors = np.load(kept)
    return vectors


def fit(
    model: SentimentLSTM,
    train: EncodedReviews,
    validation: EncodedReviews,
    recipe: Recipe,
    options: Options,
) -> list[Epoch]:
    """Train `model` in place, and leave it as it was after its best epoch on `validation`."""
    device = pick_device(options.device)
    model.to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    steps = recipe.epochs * -(-len(train.ids) // recipe.batch_size)
    schedule = (
        OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
        if recipe.annealed
        else ConstantLR(optimizer, factor=1)
    )
    checkpoint = Checkpoint(options.work_dir("sentiment") / "last.pt", recipe)
    history: list[Epoch] = []
    best: dict[str, Tensor] = {}
    if (state := checkpoint.load()) is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        history, best = state["history"], state["best"]
        print(*history, f"resumed after epoch {len(history)}", sep="\n", flush=True)

    for number in range(len(history) + 1, recipe.epochs + 1):
        started = time.monotonic()
        model.train()
        total_loss = total_right = 0.0
        batches = list(shuffled_batches(train, recipe.batch_size))
        for batch in progress(batches, f"epoch {number}"):
            ids, lengths, labels = collate(train, batch, device)
            dropped = torch.rand(ids.shape, device=device) < recipe.word_dropout
            ids = torch.where(dropped, UNKNOWN_ID, ids)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast_bfloat16(device)):
                logits = model(ids, lengths)[:, 0]
            loss = binary_cross_entropy_with_logits(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total_loss += loss.item() * len(batch)
            total_right += ((logits > 0) == (labels > 0.5)).sum().item()
        logits = predict(model, validation, device)
        labels = torch.from_numpy(validation.labels)
        epoch = Epoch(
            number,
            total_loss / len(train.ids),
            total_right / len(train.ids),
            binary_cross_entropy_with_logits(logits, labels.float()).item(),
            ((logits > 0) == (labels > 0)).float().mean().item(),
            time.monotonic() - started,
        )
        print(epoch, flush=True)
        if epoch.validation_accuracy > max((e.validation_accuracy for e in history), default=0):
            best = {key: value.clone() for key, value in model.state_dict().items()}
        history.append(epoch)
        checkpoint.save(
            model=model.state_dict(),
            optimizer=optimizer.state_dict(),
            schedule=schedule.state_dict(),
            history=history,
            best=best,
        )
    model.load_state_dict(best)
    return history


@torch.no_grad()
def predict(model: SentimentLSTM, reviews: EncodedReviews, device: torch.device) -> Tensor:
    """Logits (n,) in fp32, in the order of `reviews`, on the CPU."""
    model.eval()
    order = np.argsort([len(ids) for ids in reviews.ids], kind="stable")
    logits = torch.empty(len(order))
    for start in progress(range(0, len(order), 64), "validate"):
        index = order[start : start + 64]
        ids, lengths, _ = collate(reviews, index, device)
        logits[index] = model(ids, lengths)[:, 0].cpu()
    return logits


def assess(
    model: SentimentLSTM,
    data: Splits[Reviews],
    tokenizer: Tokenizer,
    history: list[Epoch],
    recipe: Recipe,
    options: Options,
) -> Release:
    """Export, compare with torch, quantize, and measure what is exported."""
    encoder = TextEncoder(tokenizer, recipe.max_tokens)
    graph = sentiment_graph(model.cpu())
    compared = encode(data.test.sample(min(1000, len(data.test))), encoder)
    reference = predict(model, compared, torch.device("cpu"))[:, None].numpy()
    session = open_graph(graph)
    origin = Origin(
        recipe={
            "name": options.recipe,
            **asdict(recipe),
            **({"vectors": options.vectors.name} if options.vectors else {}),
        },
        seed=options.seed,
        data=data_hashes(options.data_dir / "imdb"),
        history=history,
        parity=check_parity(
            reference, [run_rows(session, compared.ids, batch) for batch in (1, 7, 64)]
        ),
    )
    return sentiment_release(
        graph, quantize_lstm(graph), tokenizer, recipe.max_tokens, data, origin
    )


if __name__ == "__main__":
    run(main, parse_options(__doc__ or "", RECIPES, vectors=True))
