"""Many small pictures on one page, each with what is to be said about it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

COLUMNS = 6
SQUARE = 112  # four times the side of what a model sees
GAP, MARGIN = 8, 28
CELL_WIDTH, CELL_HEIGHT = 2 * SQUARE + GAP, SQUARE + 66
HEADING, ABOVE = 60, 12
PAPER, INK, PALE, NEUTRAL = (250, 250, 248), (28, 28, 30), (104, 104, 110), (128, 128, 128)

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Cell:
    """A picture as a file, the PNG that a model saw if known, a title and lines below it."""

    picture: bytes
    seen: bytes | None
    title: str
    lines: Sequence[str]


def contact_sheet(sections: Mapping[str, Sequence[Cell]]) -> Image.Image:
    """One heading for each section, then its cells in rows: the picture as it was sent on neutral
    grey, beside it what the model saw."""
    rows = sum(-(-len(cells) // COLUMNS) for cells in sections.values())
    width = 2 * MARGIN + COLUMNS * CELL_WIDTH + (COLUMNS - 1) * MARGIN
    height = 2 * MARGIN + len(sections) * HEADING + rows * CELL_HEIGHT
    page = Image.new("RGB", (width, height), PAPER)
    brush = ImageDraw.Draw(page)
    top = MARGIN
    for heading, cells in sections.items():
        brush.text((MARGIN, top + ABOVE), heading, INK, _font(22, bold=True))
        top += HEADING
        for start in range(0, len(cells), COLUMNS):
            for column, cell in enumerate(cells[start : start + COLUMNS]):
                _place(page, brush, cell, MARGIN + column * (CELL_WIDTH + MARGIN), top)
            top += CELL_HEIGHT
    return page


def save_sheet(sections: Mapping[str, Sequence[Cell]], path: Path) -> None:
    """`contact_sheet` as a PNG; makes the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(sections).save(path, "PNG", optimize=True)


def _place(page: Image.Image, brush: ImageDraw.ImageDraw, cell: Cell, left: int, top: int) -> None:
    page.paste(_fitted(_upright(cell.picture)), (left, top))
    beside = left + SQUARE + GAP
    if cell.seen is None:
        brush.rectangle((beside, top, beside + SQUARE - 1, top + SQUARE - 1), outline=NEUTRAL)
        brush.text(
            (beside + SQUARE / 2, top + SQUARE / 2), "not told", PALE, _font(12), anchor="mm"
        )
    else:
        page.paste(_fitted(_upright(cell.seen)), (beside, top))
    down = top + SQUARE + 5
    bold = _font(15, bold=True)
    brush.text((left, down), _shortened(cell.title, bold), INK, bold)
    for line in cell.lines:
        down += 18
        brush.text((left, down), _shortened(line, _font(12)), PALE, _font(12))


def _upright(file: bytes) -> Image.Image:
    """The first frame as a viewer shows it (mode RGB), what is transparent, or cannot be read, in
    neutral grey."""
    try:
        opened = Image.open(io.BytesIO(file))
        opened.draft("RGB", (2 * SQUARE, 2 * SQUARE))
        opened.load()
        picture = ImageOps.exif_transpose(opened)
    except Exception:  # Pillow's readers raise many kinds
        return Image.new("RGB", (1, 1), NEUTRAL)
    if picture.mode.startswith("I"):  # 16 bits
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    layers = picture.convert("RGBA")
    ground = Image.new("RGBA", layers.size, (*NEUTRAL, 255))
    return Image.alpha_composite(ground, layers).convert("RGB")


def _fitted(picture: Image.Image) -> Image.Image:
    """In the middle of a square; small pictures keep their pixels visible."""
    grows = max(picture.size) < SQUARE
    how = Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS
    ratio = SQUARE / max(picture.size)
    size = max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio))
    square = Image.new("RGB", (SQUARE, SQUARE), NEUTRAL)
    square.paste(picture.resize(size, how), ((SQUARE - size[0]) // 2, (SQUARE - size[1]) // 2))
    return square


def _shortened(text: str, font: Font) -> str:
    """As much of it as a cell is wide."""
    if font.getlength(text) <= CELL_WIDTH:
        return text
    while text and font.getlength(f"{text}…") > CELL_WIDTH:
        text = text[:-1]
    return f"{text}…"


def _font(size: int, *, bold: bool = False) -> Font:
    """DejaVu Sans, which matplotlib brings along."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, size)
