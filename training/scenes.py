"""Ink on paper, on a screen or on a wall, as a camera, a scanner or a program would show it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator

from service.contract.decoding import Grey
from service.contract.ink import Level


def scene(ink: Grey, rng: Generator, neighbour: Grey | None = None) -> Grey:
    """A picture (h, w) of ink (h', w'), light on black; `neighbour`, where given, reaches in from
    one side."""
    written = laid_out(_trimmed(ink), rng)
    if neighbour is not None:
        written = _reaching_in(written, _trimmed(neighbour), rng)
    if rng.random() < 0.08:
        written = _crossed_out(written, rng)
    paper, pen = rng.uniform(0, 255, 2)
    if rng.random() < 0.75:  # most paper is light
        paper, pen = max(paper, pen), min(paper, pen)
    if abs(paper - pen) < 25 or rng.random() < 0.35:
        paper, pen = (255.0, 0.0) if rng.random() < 0.5 else (0.0, 255.0)
    contrast = abs(paper - pen)
    cover = written.astype(np.float32) * np.float32((pen - paper) / 255)
    if rng.random() < 0.25:  # ink that does not cover everywhere
        cover *= _clouds(written.shape, rng, 12, rng.uniform(0.3, 0.9), 1.0)
    level: Level = cover + np.float32(paper)
    if rng.random() < 0.2:
        level += _stripes(written.shape, rng) * np.float32(rng.uniform(-0.45, 0.45) * contrast)
    if rng.random() < 0.4:
        level *= _light(written.shape, rng)
    if rng.random() < 0.3:
        level = cv2.GaussianBlur(level, (0, 0), rng.uniform(0.3, 0.4 + max(written.shape) / 45))
    if rng.random() < 0.45:
        level += _grain(written.shape, rng) * np.float32(contrast)
    grey = cv2.convertScaleAbs(np.clip(level, 0, 255))
    if rng.random() < 0.06:
        grey = _specks(grey, rng)
    return _compressed(grey, rng) if rng.random() < 0.25 else grey


def laid_out(ink: Grey, rng: Generator) -> Grey:
    """On a canvas: tight or with room, large or of few pixels."""
    few = rng.random() < 0.4
    size = rng.uniform(9, 24) if few else rng.uniform(24, 80)
    room = 1.0 if rng.random() < 0.2 else rng.uniform(1.02, 3.0)
    ratio = size / max(ink.shape)
    height, width = (max(1, round(side * ratio)) for side in ink.shape)
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    if room == 1.0:
        down, across = height, width
    elif few and rng.random() < 0.6:
        down = across = 28
        if max(height, width) > 28:
            down, across = height, width
    else:
        down, across = (
            max(side, round(size * room * rng.uniform(0.8, 1.25))) for side in small.shape
        )
    canvas = np.zeros((max(down, 6), max(across, 6)), np.uint8)
    top = rng.integers(0, canvas.shape[0] - height + 1)
    left = rng.integers(0, canvas.shape[1] - width + 1)
    canvas[top : top + height, left : left + width] = small
    return canvas


def _trimmed(ink: Grey) -> Grey:
    x, y, width, height = cv2.boundingRect((ink > 60).view(np.uint8))
    return ink[y : y + height, x : x + width] if width else ink


def _reaching_in(written: Grey, neighbour: Grey, rng: Generator) -> Grey:
    """What is next to a digit in a row, cut off by the edge of the picture."""
    x, y, width, height = cv2.boundingRect(written)
    size = max(1, min(round(height * rng.uniform(0.8, 1.2)), written.shape[0]))
    broad = max(1, round(size * neighbour.shape[1] / neighbour.shape[0]))
    other = cv2.resize(neighbour, (broad, size), interpolation=cv2.INTER_AREA)
    shown = max(1, round(broad * rng.uniform(0.1, 0.45)))
    gap = max(1, round(rng.uniform(0.05, 0.2) * height))
    top = int(np.clip(y + rng.integers(-2, 3), 0, written.shape[0] - size))
    edge = np.zeros((len(written), gap + shown), np.uint8)
    if rng.random() < 0.5:
        edge[top : top + size, gap:] = other[:, :shown]
        return np.hstack([written[:, : x + width], edge])
    edge[top : top + size, :shown] = other[:, -shown:]
    return np.hstack([edge, written[:, x:]])


def _crossed_out(written: Grey, rng: Generator) -> Grey:
    """A bar of paper over the ink: a fold, a reflection, a gap of the pen."""
    x, y, width, height = cv2.boundingRect(written)
    size = max(1, round(max(width, height) * rng.uniform(0.04, 0.14)))
    hidden = written.copy()
    if rng.random() < 0.5:
        at = y + round(height * rng.uniform(0.1, 0.9))
        hidden[at : at + size] = 0
    else:
        at = x + round(width * rng.uniform(0.1, 0.9))
        hidden[:, at : at + size] = 0
    return hidden


def _clouds(shape: tuple[int, ...], rng: Generator, cells: int, low: float, high: float) -> Level:
    """Smooth random levels between two bounds."""
    grid = rng.uniform(low, high, (cells, cells)).astype(np.float32)
    return cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _stripes(shape: tuple[int, ...], rng: Generator) -> Level:
    """Waves or rules across the picture in any direction, 0 to 1."""
    angle = rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)])
    rows, columns = np.indices(shape, dtype=np.float32)
    along = rows * math.cos(angle) + columns * math.sin(angle)
    period = rng.uniform(3, max(shape) / 2 + 4)
    wave = (along / period + rng.random()) % 1
    share = rng.choice([0.5, rng.uniform(0.05, 0.3)])
    stripes: Level = (wave < share).astype(np.float32)
    return stripes


def _light(shape: tuple[int, ...], rng: Generator) -> Level:
    """Light that falls off, and shadows with soft or sharp edges; 1 is full light."""
    light = _clouds(shape, rng, 2, rng.uniform(0.4, 0.9), 1.0)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * math.pi)
        rows, columns = np.indices(shape, dtype=np.float32)
        down, right = rows - shape[0] / 2, columns - shape[1] / 2
        across = down * math.cos(angle) + right * math.sin(angle)
        edge = (across / max(shape) + rng.uniform(-0.4, 0.4)) / rng.uniform(0.01, 0.3)
        light *= 1 - np.clip(edge, 0, 1) * np.float32(rng.uniform(0.2, 0.6))
    return light


def _grain(shape: tuple[int, ...], rng: Generator) -> Level:
    """Noise of paper or camera, in shares of the contrast."""
    noise: Level = rng.standard_normal(shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(0.01, 0.28))
    if rng.random() < 0.4:
        noise = cv2.blur(noise, (2, 2)) * 2
    return noise


def _specks(grey: Grey, rng: Generator) -> Grey:
    """Salt and pepper."""
    dice = rng.random(grey.shape, dtype=np.float32)
    share = rng.uniform(0.005, 0.06)
    speckled = grey.copy()
    speckled[dice < share] = 0
    speckled[dice > 1 - share] = 255
    return speckled


def _compressed(grey: Grey, rng: Generator) -> Grey:
    """Through JPEG."""
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 80))])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)  # type: ignore[return-value]
