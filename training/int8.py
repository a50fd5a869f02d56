"""Weights as whole numbers, with a scale for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

LARGEST_WEIGHT = 64
"""Of 127. CPUs with AVX2 but without VNNI add two products of a byte and a weight in 16 bits, which
so cannot overflow: they answer as others do (onnxruntime's `reduce_range`)."""


def quantize_rows(rows: Array, smallest: Array | float = 0.0) -> tuple[Array, Array]:
    """Weights (..., m) -> int8 (..., m) and their scales (...), none below `smallest`.

    One scale for each row loses less than one for all (Jacob et al., arXiv:1712.05877).
    """
    scale = np.maximum(np.abs(rows).max(axis=-1) / LARGEST_WEIGHT, smallest)
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(rows / scale[..., None]).astype(np.int8), scale
