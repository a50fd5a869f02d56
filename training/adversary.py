"""Words moved to where a network is least sure of what it said."""

from __future__ import annotations

import torch
from torch import Tensor


def perturbed(vectors: Tensor, logits: Tensor, size: float) -> Tensor:
    """The vectors (b, t, e) of texts of which `logits` (b, 1) were told, moved towards the other
    mood by `size` lengths of a word, all words of a text together.

    This is the virtual adversarial perturbation of T. Miyato et al., arXiv:1605.07725: with one
    logit, what changes the answer most is along its gradient, and no power iteration is needed.
    """
    (slope,) = torch.autograd.grad(logits.sum(), vectors, retain_graph=True)
    towards_other = -logits.detach().sign()[:, :, None] * slope
    steepness = slope.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None]
    length = vectors.detach().norm(dim=2).mean()
    moved: Tensor = vectors + size * length / steepness * towards_other
    return moved
