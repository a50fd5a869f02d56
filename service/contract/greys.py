"""Colours to grey levels that keep ink apart from paper."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

COLOURED = 0.25  # a smaller share of the variance of colours lies in brightness
OPAQUE_CONTRAST = 24.0  # of grey levels, from which opaque parts show paper and ink by themselves

Colours = npt.NDArray[Any]
"""uint8 (height, width), or (height, width, 3 or 4)."""


def grey_levels(picture: Image.Image) -> Colours:
    """Grey levels of mode L, RGB or RGBA."""
    if picture.mode == "L":
        # Half of what np.asarray takes, which asks the picture for its interface first.
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width)
    colours = np.asarray(picture)
    if picture.mode == "RGBA":
        colours = _opaque(colours)
    return _brightest_contrast(colours, cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))


def _opaque(colours: Colours) -> Colours:
    """RGBA to RGB: what is transparent takes the colour of paper, so that ink stays visible."""
    grey = cv2.cvtColor(colours, cv2.COLOR_RGBA2GRAY).astype(np.float32)
    alpha = colours[..., 3].astype(np.float32) / 255
    weight = max(float(alpha.sum()), 1.0)
    mean = float((grey * alpha).sum()) / weight
    spread = float((np.square(grey - mean) * alpha).sum()) / weight
    if spread > OPAQUE_CONTRAST**2:
        paper = float(np.median(grey[alpha > 0.5])) if (alpha > 0.5).any() else mean
    else:  # only the ink is opaque
        paper = 255.0 if mean < 128 else 0.0
    mixed = colours[..., :3] * alpha[..., None] + paper * (1 - alpha[..., None])
    return np.rint(mixed).astype(np.uint8)


def _brightest_contrast(colours: Colours, grey: Colours) -> Colours:
    """`grey`, unless colours of like brightness tell ink from paper: then their main axis."""
    few = cv2.resize(colours, (48, 48), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    covariance = np.cov(few, rowvar=False)
    strengths, axes = np.linalg.eigh(covariance)
    weights = np.array([0.299, 0.587, 0.114])
    if strengths[-1] < 1 or weights @ covariance @ weights * 3 > COLOURED * strengths[-1]:
        return grey
    along = (colours - few.mean(axis=0)) @ axes[:, -1] / np.sqrt(3)
    levels: Colours = np.clip(np.rint(along + 128), 0, 255).astype(np.uint8)
    return levels
