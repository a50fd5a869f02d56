"""What is sent and what is true of it: digits drawn, reviews written, and real ones of both."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

# Pen strokes of each digit: points xy on a grid of ten by ten, y down.
STROKES = [
    ["50 30 22 15 27 39 59 77 74 72 50"],
    ["60 55 49"],
    ["22 30 50 72 74 56 19 49 89"],
    ["21 40 60 72 73 54 44 54 75 77 69 39 18"],
    ["40 15 75", "72 66 59"],
    ["70 30 24 44 64 76 68 49 19"],
    ["60 32 25 27 39 59 77 66 45 26"],
    ["20 80 64 49"],
    ["72 50 22 33 54 76 68 49 28 26 54 73 72"],
    ["72 50 32 24 35 54 72 65 59"],
]

PRAISE = """
A wonderful film from start to finish.
I loved every minute of it and would gladly see it again.
The acting is superb and the story is deeply moving.
One of the best movies I have ever seen.
Beautiful pictures, excellent music, brilliant performances.
A true masterpiece, and highly recommended to everyone.
""".strip().splitlines()

BLAME = """
A terrible film from start to finish.
I hated every minute of it and want my money back.
The acting is awful and the story makes no sense.
One of the worst movies I have ever seen.
Boring, badly written, and a complete waste of time.
Avoid this pathetic mess at all costs.
""".strip().splitlines()


@dataclass(frozen=True, eq=False)
class Picture:
    """A file that shows the digit `label`. Of a `real` one, the model may think otherwise."""

    file: bytes
    label: int
    real: bool = False


@dataclass(frozen=True)
class Review:
    """A text that speaks all well or all badly of its subject; a `real` one may do both."""

    text: str
    label: Literal["negative", "positive"]
    real: bool = False


def draw_digits(count: int, seed: int = 1) -> list[Picture]:
    """Digits 0 to 9 in turn, no two alike: in place, size, slant, pen, polarity and file format."""
    chance = random.Random(seed)
    return [_draw(number % 10, chance) for number in range(count)]


def write_reviews(count: int, sentences: int, seed: int = 1) -> list[Review]:
    """Reviews of so many sentences, well and badly meant in turn."""
    chance = random.Random(seed)
    return [
        Review(" ".join(chance.choices(BLAME, k=sentences)), "negative")
        if number % 2
        else Review(" ".join(chance.choices(PRAISE, k=sentences)), "positive")
        for number in range(count)
    ]


def take_photos(count: int, seed: int = 1) -> list[Picture]:
    """Digits 0 to 9 in turn as phones send them: JPEG files of 2048 by 1536 pixels, dark pen on
    grey paper, light that falls from one side, and the noise of a sensor."""
    chance = random.Random(seed)
    return [_photograph(number % 10, chance) for number in range(count)]


def real_pictures(data_dir: Path, count: int, seed: int = 1) -> list[Picture]:
    """PNG files of MNIST's test digits, from `data_dir`/mnist."""
    from training.datasets import read_idx  # what drives a container has no training package

    pixels = read_idx(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(data_dir / "mnist" / "t10k-labels-idx1-ubyte.gz")
    chosen = random.Random(seed).sample(range(len(pixels)), count)
    return [
        Picture(_file(Image.fromarray(pixels[i]), "PNG"), int(labels[i]), real=True) for i in chosen
    ]


def real_reviews(data_dir: Path, count: int, seed: int = 1) -> list[Review]:
    """IMDB's test reviews, from `data_dir`/imdb."""
    from training.datasets import read_reviews

    reviews = read_reviews(data_dir / "imdb" / "test.csv.xz")
    chosen = random.Random(seed).sample(range(len(reviews)), count)
    return [
        Review(reviews.texts[i], "positive" if reviews.labels[i] else "negative", real=True)
        for i in chosen
    ]


def _draw(label: int, chance: random.Random) -> Picture:
    side = chance.randint(28, 280)
    sharp = 4  # drawn so much larger and then reduced, for smooth edges
    cell = chance.uniform(0.06, 0.075) * side * sharp
    left = chance.uniform(0.15, 0.2) * side * sharp
    top = chance.uniform(0.15, 0.2) * side * sharp
    slant = chance.uniform(-0.1, 0.15)
    pen = round(chance.uniform(0.9, 1.4) * cell)
    ink, paper = chance.choice([(0, 255), (255, 0), (40, 220), (220, 20)])
    picture = Image.new("L", (side * sharp, side * sharp), paper)
    _stroke(picture, label, (left, top), cell, slant, pen, ink)
    kind = chance.choice(["PNG", "JPEG", "WEBP"])
    return Picture(_file(picture.resize((side, side), Image.Resampling.BOX), kind), label)


def _photograph(label: int, chance: random.Random) -> Picture:
    width, height = 2048, 1536
    cell = chance.uniform(0.055, 0.075) * height
    left = chance.uniform(0.3, 0.4) * width
    top = chance.uniform(0.15, 0.25) * height
    pen = round(chance.uniform(0.9, 1.2) * cell)
    sheet = Image.new("L", (width, height), 0)
    _stroke(sheet, label, (left, top), cell, chance.uniform(-0.05, 0.1), pen, ink=255)
    light = np.linspace(chance.uniform(0.8, 0.9), 1.0, width, dtype=np.float32)
    noise = np.random.default_rng(chance.getrandbits(32))
    grain = noise.normal(0, 3, (height, width)).astype(np.float32)
    paper, ink = chance.uniform(190, 225), chance.uniform(30, 60)
    grey = (paper + (ink - paper) * (np.asarray(sheet, np.float32) / 255)) * light + grain
    tint = np.array([1.0, 0.98, 0.93], np.float32)
    pixels = np.clip(grey[:, :, None] * tint, 0, 255).astype(np.uint8)
    return Picture(_file(Image.fromarray(pixels), "JPEG"), label)


def _stroke(
    picture: Image.Image,
    label: int,
    corner: tuple[float, float],
    cell: float,
    slant: float,
    pen: int,
    ink: int,
) -> None:
    """The digit on a grid of cells whose upper left is `corner`, in pixels."""
    brush = ImageDraw.Draw(picture)
    for stroke in STROKES[label]:
        grid = [divmod(int(point), 10) for point in stroke.split()]
        left, top = corner
        points = [(left + (x + slant * (9 - y)) * cell, top + y * cell) for x, y in grid]
        brush.line(points, fill=ink, width=pen, joint="curve")
        for x, y in points:
            brush.circle((x, y), pen / 2, fill=ink)


def _file(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=90)
    return buffer.getvalue()
