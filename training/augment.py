"""Digits as other hands would have written them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


def random_affine(
    images: Tensor,
    *,
    degrees: float = 12.0,
    scale: float = 0.12,
    shear: float = 0.2,
    pixels: float = 2.0,
) -> Tensor:
    """Each image (b, 1, 28, 28) turned, stretched, slanted and moved by up to these bounds."""
    count, side = len(images), images.shape[-1]

    def uniform(bound: float) -> Tensor:
        return (torch.rand(count, device=images.device) * 2 - 1) * bound

    angle = uniform(math.radians(degrees))
    width, height = 1 + uniform(scale), 1 + uniform(scale)
    slant = uniform(shear)
    cos, sin = angle.cos(), angle.sin()
    rows = [
        torch.stack([cos / width, (cos * slant - sin) / width, uniform(2 * pixels / side)], 1),
        torch.stack([sin / height, (sin * slant + cos) / height, uniform(2 * pixels / side)], 1),
    ]
    grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)
