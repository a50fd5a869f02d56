"""A digit on a sign or a board: each takes one in the form of MNIST and gives a photograph."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from training.worlds.ink import Mask, anywhere, enlarged, outline, redrawn, thick
from training.worlds.strokes import Grey
from training.worlds.surfaces import (
    FELT,
    Colour,
    daylight,
    field,
    jpeg,
    painted,
    photo_size,
    photographed,
    plain,
    tilted,
)


def white_on_black_sign(digit: Grey, rng: Generator) -> bytes:
    """Light paint on a dark plate that fills the picture."""
    frame = photo_size(rng, 200, 700)
    size = min(frame) * rng.uniform(0.5, 0.8)
    shape = enlarged(digit, rng, 6)
    mask = outline(shape, size) if rng.random() < 0.5 else thick(shape, size, size * 0.14)
    plates: list[Colour] = [(18, 18, 20), (14, 26, 70), (12, 55, 35), (70, 14, 18), (45, 45, 48)]
    plate = plain(frame, plates[rng.integers(len(plates))])
    bright = rng.uniform(205, 250)
    sign = painted(plate, anywhere(mask, frame, rng, 0.1), (bright, bright, bright * 0.97))
    light = daylight(frame, rng, rng.uniform(0.1, 0.4))
    return jpeg(photographed(tilted(sign, rng), light, rng), rng)


def blackboard(digit: Grey, rng: Generator) -> bytes:
    """Chalk on a blackboard that has been wiped."""
    frame = photo_size(rng, 400, 800)
    boards: list[Colour] = [(38, 58, 48), (42, 44, 46), (30, 34, 33), (48, 70, 60)]
    board = plain(frame, boards[rng.integers(len(boards))])
    long, fine = min(frame) / 3, min(frame) / 60
    wiped = cv2.resize(field((frame[0], round(frame[1] * fine / long)), rng, fine), frame[::-1])
    dust: Mask = np.clip(field(frame, rng, long) * 0.6 + wiped * 0.5 + 0.4, 0, 2)
    angle = rng.uniform(-40, 40)
    turn = cv2.getRotationMatrix2D((frame[1] / 2, frame[0] / 2), angle, 1.5)
    dust = cv2.warpAffine(dust, turn, frame[::-1])
    board = painted(board, dust * rng.uniform(0.06, 0.16), (190, 195, 190))
    size = min(frame) * rng.uniform(0.35, 0.7)
    mask = redrawn(enlarged(digit, rng), size, size * rng.uniform(0.05, 0.1), 0.006, rng)
    cover = anywhere(mask, frame, rng, 0.1)
    rough = field(frame, rng, 2) * 0.5 + field(frame, rng, 1) * 0.25
    cover *= np.clip(0.75 + rough, 0.1, 1) * rng.uniform(0.75, 0.95)
    chalks: list[Colour] = [(235, 235, 230), (240, 225, 140), (230, 235, 240), (240, 190, 195)]
    drawn = painted(board, cover, chalks[rng.integers(len(chalks))])
    light = daylight(frame, rng, rng.uniform(0.05, 0.35))
    return jpeg(photographed(tilted(drawn, rng), light, rng), rng)


def whiteboard(digit: Grey, rng: Generator) -> bytes:
    """A marker on a whiteboard that mirrors a lamp."""
    frame = photo_size(rng, 400, 900)
    height, width = frame
    white = rng.uniform(195, 225)
    board = plain(frame, (white, white, white + 3))
    size = min(frame) * rng.uniform(0.3, 0.65)
    mask = redrawn(enlarged(digit, rng), size, size * rng.uniform(0.04, 0.08), 0.004, rng)
    streaks = np.clip(0.9 + field(frame, rng, 5) * 0.12, 0.5, 1)
    cover = anywhere(mask, frame, rng, 0.14) * streaks
    drawn = tilted(painted(board, cover, FELT[rng.integers(len(FELT))]), rng, 0.12)
    lamp: Mask = np.zeros(frame, np.float32)
    centre = (round(width * rng.uniform(0, 1)), round(height * rng.uniform(0, 1)))
    axes = (round(width * rng.uniform(0.05, 0.2)), round(height * rng.uniform(0.03, 0.12)))
    cv2.ellipse(lamp, centre, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.5, 0.85), -1)
    glare = cv2.resize(
        cv2.GaussianBlur(cv2.resize(lamp, None, fx=0.125, fy=0.125), (0, 0), min(frame) / 100),
        (width, height),
    )
    light = daylight(frame, rng, rng.uniform(0.1, 0.4))
    return jpeg(photographed(painted(drawn, glare, (255, 255, 255)), light, rng), rng)
