"""The sentiment network: embedding, two bidirectional LSTM layers, masked mean, one logit."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, embedding)
        widths = [embedding] + [2 * hidden] * (layers - 1)
        self.forward_layers = nn.ModuleList(
            nn.LSTM(width, hidden, batch_first=True) for width in widths
        )
        self.backward_layers = nn.ModuleList(
            nn.LSTM(width, hidden, batch_first=True) for width in widths
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * hidden, 1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (b, t) and lengths (b,), both int64 -> logits (b, 1)."""
        steps = torch.arange(ids.shape[1], device=ids.device)
        valid = steps < lengths[:, None]  # (b, t)
        mirror = torch.where(valid, lengths[:, None] - 1 - steps, steps)  # its own inverse
        states = self.dropout(self.embedding(ids))
        for left, right in zip(self.forward_layers, self.backward_layers, strict=True):
            ahead, _ = left(states)
            back, _ = right(_reorder(states, mirror))
            states = self.dropout(torch.cat([ahead, _reorder(back, mirror)], dim=2))
        total = (states.float() * valid[:, :, None]).sum(dim=1)
        logits: Tensor = self.output(total / lengths[:, None])
        return logits


def _reorder(states: Tensor, index: Tensor) -> Tensor:
    return states.gather(1, index[:, :, None].expand(-1, -1, states.shape[2]))
