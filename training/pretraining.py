"""Pretraining without labels: the network learns to tell words that it does not see."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.batches import EncodedReviews, Ids, in_turn, padded, shortened, shuffled_batches
from training.checkpoint import Checkpoint
from training.compute import fast_bfloat16, moved, one_cycle
from training.lstm import SentimentLSTM
from training.progress import progress
from training.vocabulary import UNKNOWN_ID

FIRST, LAST = 100, 10_000  # ids of the words that are asked for: neither glue nor rare
MASKED = 0.3  # of those words


class WordHead(nn.Module):
    """Log-odds of words from the states at their places, by way of their own vectors (Press and
    Wolf, arXiv:1608.05859)."""

    def __init__(self, embedding: nn.Embedding, width: int) -> None:
        super().__init__()
        self._embedding = embedding
        self.project = nn.Linear(width, embedding.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(LAST - FIRST))

    def forward(self, states: Tensor) -> Tensor:
        """States (n, width) -> logits (n, LAST - FIRST)."""
        logits: Tensor = self.project(states) @ self._embedding.weight[FIRST:LAST].T + self.bias
        return logits


@dataclass(frozen=True)
class Pretraining:
    """How long, and with what."""

    epochs: int
    reviews: int  # of an epoch
    tokens: int  # longer reviews keep head and tail
    learning_rate: float
    weight_decay: float = 1e-2
    batch_size: int = 64


def pretrain(
    model: SentimentLSTM,
    rows: Sequence[Ids],
    plan: Pretraining,
    checkpoint: Checkpoint,
    device: torch.device,
    seed: int,
) -> None:
    """Train all of `model` but its output, in place, on rows of word ids.

    Words are hidden as unknown ones, which the network so learns to guess from both sides (Devlin
    et al., arXiv:1810.04805).
    """
    model.to(device)
    head = WordHead(model.embedding, model.output.in_features).to(device)
    both = nn.ModuleList([model, head])
    optimizer = torch.optim.AdamW(
        both.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
    )
    done, count = 0, min(plan.reviews, len(rows))
    if (state := checkpoint.load()) is not None:
        both.load_state_dict(state["both"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["done"]
        print(f"pretraining: resumed after epoch {done}", flush=True)
    for number in range(done + 1, plan.epochs + 1):
        started = time.monotonic()
        chosen = [rows[i] for i in in_turn(len(rows), count, number, seed)]
        texts = shortened(EncodedReviews(chosen, np.zeros(len(chosen))), plan.tokens)
        batches = list(shuffled_batches(texts, plan.batch_size))
        model.train()
        total_loss, total_words = torch.zeros((), device=device), 0
        for i, batch in enumerate(progress(batches, f"pretraining {number}")):
            share_done = (number - 1 + i / len(batches)) / plan.epochs
            optimizer.param_groups[0]["lr"] = plan.learning_rate * one_cycle(share_done)
            ids, lengths = padded([texts.ids[row] for row in batch], torch.device("cpu"))
            asked = (ids >= FIRST) & (ids < LAST) & (torch.rand(ids.shape) < MASKED)
            if not asked.any():
                continue
            places, words = asked.flatten().nonzero()[:, 0], ids[asked] - FIRST
            ids = torch.where(asked, UNKNOWN_ID, ids)
            ids, lengths, places, words = (
                moved(each, device) for each in (ids, lengths, places, words)
            )
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast_bfloat16(device)):
                states = model.states(ids, lengths)
                logits = head(states.flatten(0, 1)[places])
            loss = cross_entropy(logits.float(), words)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
            optimizer.step()
            total_loss += loss.detach() * len(words)
            total_words += len(words)
        print(
            f"pretraining {number:2}: loss {total_loss / max(total_words, 1):.4f} a hidden word, "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )
        checkpoint.save(both=both.state_dict(), optimizer=optimizer.state_dict(), done=number)
