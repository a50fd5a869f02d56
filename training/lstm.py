"""The sentiment network: embedding, two bidirectional LSTM layers, masked mean, one logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from training.batches import Ids, padded
from training.compute import fast_bfloat16
from training.progress import progress

ALIGNED = 128


class LockedDropout(nn.Module):
    """Drops the same features at every word of a text (Gal and Ghahramani, arXiv:1512.05287)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, states: Tensor) -> Tensor:
        """States (b, t, features)."""
        if not self.training or not self.share:
            return states
        rows, _, features = states.shape
        kept = torch.rand(rows, 1, features, device=states.device) >= self.share
        return states * (kept / (1 - self.share)).to(states.dtype)


class AlignedLSTM(nn.LSTM):
    """One layer and direction of an LSTM, with weights as nn.LSTM has them.

    On a GPU it is given features that are nothing, up to a multiple of ALIGNED: only for such does
    cuDNN keep all steps of a text in one kernel, which takes half the time.
    """

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """States (b, t, input) -> states (b, t, hidden), and the last ones."""
        if states.is_cuda and self.input_size % ALIGNED:
            return self.aligned(states)
        read, (last, _) = super().forward(states)
        return read, last

    def aligned(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, with the features that are nothing."""
        rest = (0, -self.input_size % ALIGNED)
        nothing = states.new_zeros(1, len(states), self.hidden_size)
        of_input, *others = cast(list[Tensor], self._flat_weights)
        weights = [pad(of_input, rest), *others]
        read, last, _ = torch.lstm(
            pad(states, rest), (nothing, nothing), weights, True, 1, 0.0, self.training, False, True
        )
        return read, last


class SentimentLSTM(nn.Module):
    """Log-odds that a text is positive, independent of padding.

    Each direction is an LSTM of its own that reads the words from its end, padding last, so that
    no valid output has seen padding; this is what ONNX's `sequence_lens` computes, and several
    times faster to train on a CPU than packed sequences.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding: int = 100,
        hidden: int = 256,
        layers: int = 2,
        dropout: float = 0.5,
        embedding_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, embedding)
        widths = [embedding] + [2 * hidden] * (layers - 1)
        self.forward_layers = nn.ModuleList(
            AlignedLSTM(width, hidden, batch_first=True) for width in widths
        )
        self.backward_layers = nn.ModuleList(
            AlignedLSTM(width, hidden, batch_first=True) for width in widths
        )
        self.embedding_dropout = LockedDropout(embedding_dropout)
        self.dropout = LockedDropout(dropout)
        self.output = nn.Linear(2 * hidden, 1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (b, t) and lengths (b,), both int64 -> logits (b, 1)."""
        valid = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        total = (self.states(ids, lengths).float() * valid[:, :, None]).sum(dim=1)
        logits: Tensor = self.output(total / lengths[:, None])
        return logits

    def states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """What the last layer says at every word (b, t, 2 hidden), the words before in the first
        half and those behind in the second; padding has no meaning."""
        steps = torch.arange(ids.shape[1], device=ids.device)
        valid = steps < lengths[:, None]  # (b, t)
        mirror = torch.where(valid, lengths[:, None] - 1 - steps, steps)  # its own inverse
        states: Tensor = self.embedding_dropout(self.embedding(ids))
        for left, right in zip(self.forward_layers, self.backward_layers, strict=True):
            ahead, _ = left(states)
            back, _ = right(_reorder(states, mirror))
            states = self.dropout(torch.cat([ahead, _reorder(back, mirror)], dim=2))
        return states


def _reorder(states: Tensor, index: Tensor) -> Tensor:
    return states.gather(1, index[:, :, None].expand(-1, -1, states.shape[2]))


@torch.no_grad()
def predict(
    model: SentimentLSTM, rows: Sequence[Ids], device: torch.device, exact: bool = False
) -> npt.NDArray[np.float32]:
    """Logits (n,) of rows of ids; in half precision where that is fast, unless `exact`."""
    model.eval()
    fast = fast_bfloat16(device) and not exact
    order = np.argsort([len(ids) for ids in rows], kind="stable")
    logits = np.empty(len(rows), np.float32)
    size = 128 if device.type == "cuda" else 64
    for start in progress(range(0, len(order), size), "predict"):
        index = order[start : start + size]
        ids, lengths = padded([rows[i] for i in index], device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast):
            logits[index] = model(ids, lengths)[:, 0].float().cpu().numpy()
    return logits
