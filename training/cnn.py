"""The digit network: three convolutions and two dense layers, 93,322 parameters as served."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

Weights = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class DigitCNN(nn.Module):
    """Logits of ten digits.

    Batch normalisation, where it is on, steadies training only: `folded` turns it into the
    weights before it, so that serving costs the same either way.
    """

    def __init__(self, batch_norm: bool = True) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3) for before, after in ((1, 32), (32, 64), (64, 64))
        )
        self.dense = nn.ModuleList([nn.Linear(576, 64), nn.Linear(64, 10)])
        norms = [nn.BatchNorm2d(32), nn.BatchNorm2d(64), nn.BatchNorm2d(64), nn.BatchNorm1d(64)]
        self.norms = nn.ModuleList(norm if batch_norm else nn.Identity() for norm in norms)

    def forward(self, images: Tensor) -> Tensor:
        """images (b, 1, 28, 28), floats 0..1 -> logits (b, 10)."""
        x = images
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=False)):
            x = norm(convolution(x)).relu()
            if i < 2:
                x = nn.functional.max_pool2d(x, 2)
        x = self.norms[3](self.dense[0](x.flatten(1))).relu()
        logits: Tensor = self.dense[1](x)
        return logits

    def folded(self) -> tuple[list[Weights], list[Weights]]:
        """(weight, bias) of the convolutions and of the dense layers, without any normalisation."""
        pairs = list(self._folded_pairs())
        return pairs[:3], pairs[3:]

    def _folded_pairs(self) -> Iterator[Weights]:
        layers = [*self.convolutions, *self.dense]
        for layer, norm in zip(layers, [*self.norms, nn.Identity()], strict=True):
            weight = layer.weight.detach().cpu().double().numpy()
            bias = layer.bias.detach().cpu().double().numpy()
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                mean, variance, gain, shift = (
                    tensor.detach().cpu().double().numpy()
                    for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
                    if tensor is not None
                )
                scale = gain / np.sqrt(variance + norm.eps)
                weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
                bias = (bias - mean) * scale + shift
            yield weight.astype(np.float32), bias.astype(np.float32)
