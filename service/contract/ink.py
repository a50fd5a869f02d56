"""Grey levels to ink, light on black: light and shadow, polarity, grain and ruled lines."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from service.contract.decoding import Grey

Mask = npt.NDArray[np.bool_]
Level = npt.NDArray[Any]
"""float32; as of Grey."""

FAINTEST_INK = 12.0  # contrast, of 255, below which a picture is blank
FULL_INK = 77  # of 255, from which a pixel of ink extends a shape
LIT_SIDE = 256  # the scale on which the light on the paper is looked at
BORDER_SIDE = 32  # that on which its border is, where grain is averaged out
EVEN = 0.75  # of the border being alike, the light is taken for even
ALIKE = 0.08  # of the contrast
BILEVEL, BLACK = 0.85, 4  # so many pixels are as near to black or white where there is no grey
LEAST_LIT = 40  # pixels of a side, below which light is always taken for even
PEN = 0.22  # of the longer side, than which no stroke on unevenly lit paper is thicker,
PEN_IN_SHADOW = 0.07  # and than this, where a shadow is as narrow
LIGHT_PAPER, LIGHT_ON_LIGHT = 60, 0.8  # light ink on so light paper has to be so clear
GRAIN = 2.5  # standard deviations of the paper's grain do not count as ink
SMOOTHED = (0.5, 0.5, 0.7)  # pixels of a small picture, one after the other, until that is enough
MOST_GRAIN = 0.5  # of the contrast is taken for grain
RULED_PICTURE = 480  # the scale on which ruled lines are looked for
RULED_SIDE = 32  # a smaller picture has no ruled lines
RULED = 0.6  # of a side is the length of such a line, at least,
RULE = 0.025  # and less than this, or 2 pixels, its thickness
STRONGER = 1.4  # times a rule's level is a pen's
CLOSED = 5  # pixels: so far apart are parts of one line
MANY, CUT = 3, 0.1  # lines make a page ruled, on which lesser ones of this length are lines, too
OVERHANG = 0.35  # of a side, or as part of three lines, it goes on beyond what is written
EDGE = 0.3  # of a side, from which what comes in from there is no stroke but the end of the paper
FILLED = 0.4  # of its bounds, from which a shape is broad
SAMPLES = 4096  # pixels that stand for all where a quantile is asked for


def find_ink(grey: Grey) -> Grey:
    """How much is written on each pixel, (h, w): 0 on paper, up to 255; all 0 on a blank one."""
    raised = _raised(grey)
    contrast, grain = _contrast(raised), GRAIN * _grain(raised)
    for blur in SMOOTHED:
        if grain <= MOST_GRAIN * contrast:
            break
        raised = cv2.GaussianBlur(raised, (0, 0), blur * max(1.0, max(grey.shape) / 100))
        contrast, grain = _contrast(raised), GRAIN * _grain(raised)
    if contrast < (max(FAINTEST_INK, grain) if min(grey.shape) >= LEAST_LIT else FAINTEST_INK):
        return np.zeros_like(grey)
    floor = min(max(grain, _paper(raised, contrast)), MOST_GRAIN * contrast)
    raised -= np.float32(floor)
    np.maximum(raised, 0, out=raised)
    ink = cv2.convertScaleAbs(raised, alpha=255 / (contrast - floor))
    return _without_rules(ink) if min(grey.shape) >= RULED_SIDE else ink


def _raised(grey: Grey) -> Level:
    """How far each pixel stands out from the paper around it, more than 0 where ink is."""
    few = grey
    if min(grey.shape) > 2 * BORDER_SIDE:
        few = cv2.resize(grey, (BORDER_SIDE, BORDER_SIDE), interpolation=cv2.INTER_AREA)
    border = np.concatenate([few[0], few[-1], few[:, 0], few[:, -1]])
    paper = np.median(border)
    low, high, _, _ = cv2.minMaxLoc(few)
    if (np.abs(border - paper) <= ALIKE * (high - low)).mean() < EVEN:
        levels = _sampled(grey)
        if ((levels <= low + BLACK) | (levels >= high - BLACK)).mean() >= BILEVEL:
            # A frame or neighbours make the border uneven, not the light.
            paper = np.median(levels)
        elif min(grey.shape) >= LEAST_LIT:
            return _raised_from_lit(grey)
    raised = grey.astype(np.float32)
    raised -= np.float32(paper)
    return raised if _is_light(raised) else -raised


def _raised_from_lit(grey: Grey) -> Level:
    """As `_raised`, where the paper is not everywhere of one brightness.

    Closing (opening for light ink) fills strokes with the paper beside them and keeps the edges
    of shadows; what is lighter reflects more of the light there is, so ink is a quotient.
    """
    height, width = grey.shape
    ratio = min(1.0, LIT_SIDE / max(height, width))
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    few = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    few = cv2.medianBlur(few, 5)
    pen = round(PEN * max(size)) | 1
    around = [few.astype(np.float32) - cv2.medianBlur(few, side) for side in (pen // 2 | 1, pen)]
    light = _is_light(*around, light_paper=bool(np.median(few) > LIGHT_PAPER))
    paper = _paper_around(few, pen, light)
    in_shadow = _paper_around(few, round(PEN_IN_SHADOW * max(size)) | 1, light)
    for _ in range(2):  # shadows are told only when what is dark around the paper has gone
        inward, outside = _inward(cv2.subtract(few, paper) if light else cv2.subtract(paper, few))
        paper = np.where(outside, few, np.where(inward, in_shadow, paper))
    paper = cv2.resize(cv2.blur(paper, (5, 5)), (width, height), interpolation=cv2.INTER_LINEAR)
    raised: Level
    if light:
        raised = cv2.subtract(grey, paper, dtype=cv2.CV_32F)
    else:
        raised = cv2.divide(grey, np.maximum(paper, 1), scale=-255, dtype=cv2.CV_32F)
    raised -= np.float32(np.median(_sampled(raised)))  # type: ignore[arg-type]
    return raised


def _paper_around(few: Grey, pen: int, light: bool) -> Grey:
    """The paper without what is thinner than a pen."""
    height, width = few.shape
    kernel = np.ones((pen, pen), np.uint8)
    # Light that falls off goes on doing so beyond the border, else what is dark there would be ink.
    margins = [(min(pen // 2, side - 1),) * 2 for side in few.shape]
    framed = np.pad(few.astype(np.int16), margins, "reflect", reflect_type="odd")
    paper = cv2.morphologyEx(framed, cv2.MORPH_OPEN if light else cv2.MORPH_CLOSE, kernel)
    top, left = (framed.shape[0] - height) // 2, (framed.shape[1] - width) // 2
    return np.clip(paper[top : top + height, left : left + width], 0, 255).astype(np.uint8)


def _inward(raised: Grey) -> tuple[Mask, Mask]:
    """What comes in from the border, which may be a shadow with ink in it; and what of that is too
    broad for either, so that there the paper ends."""
    _, mask = cv2.threshold(raised, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    shares = np.array(
        [
            np.bincount(side, minlength=len(stats)) / len(side)
            for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        ]
    ).max(axis=0)
    filled = stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT] * FILLED
    broad = (shares >= EDGE) & (stats[:, cv2.CC_STAT_AREA] >= filled)
    shares[0] = broad[0] = 0
    return (shares > 0)[labels], broad[labels]


def _is_light(*raised: Level, light_paper: bool = False) -> bool:
    """Whether what stands out most, which is the ink, stands out upwards; where it is looked at in
    several ways, by the one that tells most clearly, but on light paper only if all are clear."""
    cubes = [each * each * each for each in raised]
    light = [float(each.sum()) / max(float(np.abs(each).sum()), 1.0) for each in cubes]
    return min(light) > LIGHT_ON_LIGHT if light_paper else max(light, key=abs) > 0


def _contrast(raised: Level) -> float:
    """What most of the ink reaches."""
    clipped = cv2.convertScaleAbs(np.maximum(raised, 0))
    threshold, _ = cv2.threshold(clipped, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    ink = raised[raised > threshold]
    return quantile(_sampled(ink), 0.8) if len(ink) else 0.0


def _sampled(levels: Any) -> Any:
    """Some thousands of an array, evenly spread: enough for a quantile."""
    return levels.ravel()[:: max(1, levels.size // SAMPLES)]


def quantile(levels: Level, share: float) -> float:
    """Of float32 (n,), between neighbours in a straight line: that of NumPy 2.4 to the last bit, in
    a quarter of its time, and the same whatever other versions of it say."""
    place = (len(levels) - 1) * share
    first = int(place)
    rest = place - first
    last = min(first + 1, len(levels) - 1)
    ordered = np.partition(levels, (first, last))
    low, high = ordered[first], ordered[last]
    if rest < 0.5:
        return float(low + (high - low) * np.float32(rest))
    return float(high - (high - low) * np.float32(1 - rest))


def _grain(raised: Level) -> float:
    """Standard deviation of the paper, from how far it goes to the side where no ink is: a tenth
    of a normal distribution lies 1.28 of them or more below its mean."""
    return max(0.0, -quantile(_sampled(raised), 0.1) / 1.28)


def _paper(raised: Level, contrast: float) -> float:
    """What the shades of the paper reach, most of which is not written on."""
    levels = _sampled(raised)
    paper = levels[levels < contrast / 2]
    return quantile(paper, 0.8) if len(paper) else 0.0


def _without_rules(ink: Grey) -> Grey:
    """Lines across the page, as on ruled and squared paper and around boxes of a form, are no ink,
    but for where a stroke crosses them."""
    ratio = min(1.0, RULED_PICTURE / max(ink.shape))
    few = ink
    if ratio < 1:
        few = cv2.resize(ink, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    mask = (few >= FULL_INK // 2).view(np.uint8)
    flat, upright = _rules(mask, few), _rules(mask.T, few.T).T
    if not (flat.any() or upright.any()):
        return ink
    rest = cv2.morphologyEx(mask & ~(flat | upright), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    _, _, width, height = cv2.boundingRect(rest)
    if not _beyond(flat, width):
        flat[:] = 0
    if not _beyond(upright.T, height):
        upright[:] = 0
    rules: Grey = flat | upright
    if not rules.any():
        return ink
    rules = cv2.dilate(rules, np.ones((3, 3), np.uint8))
    if ratio < 1:
        rules = cv2.resize(rules, ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
    written: Grey = ink * (1 - rules)
    return written


def _rules(mask: Grey, ink: Grey) -> Grey:
    """Which pixels of a mask of ink, both (h, w), belong to lines from side to side only."""
    height, width = mask.shape
    thickness = max(2, round(RULE * min(height, width)))
    run = max(6, width // 40)
    none: Grey = np.zeros_like(mask)
    # Closing adds 2 pixels at a border of the picture, opening 1, linking one less than a run.
    if cv2.boundingRect(mask)[2] + CLOSED - 1 + run < RULED * width:
        return none
    thick: Grey = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((thickness + 1, 1), np.uint8))
    thin: Grey = mask & ~thick
    thin = cv2.morphologyEx(thin, cv2.MORPH_CLOSE, np.ones((1, CLOSED), np.uint8))
    flat = cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    linked = cv2.dilate(flat, np.ones((3, run), np.uint8))
    if cv2.countNonZero(cv2.reduce(linked, 0, cv2.REDUCE_MAX)) < RULED * width:
        return none
    _, labels, stats, _ = cv2.connectedComponentsWithStats(linked, connectivity=8)
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    rules = (wide >= RULED * width) & (high <= thickness + 2 + wide // 6)
    rules[0] = False
    if not rules.any():
        return none
    found: Grey = flat & rules[labels].view(np.uint8)
    if rules.sum() >= MANY:  # the ends of others, which strokes cut off
        faint = ink <= STRONGER * ink[found > 0].mean()
        ends = (wide >= CUT * width) & (high <= thickness + 2 + wide // 6)
        found |= flat & (ends[labels] & faint).view(np.uint8)
    usual = round(1.6 * found.sum() / max(np.count_nonzero(found.any(axis=0)) * rules.sum(), 1)) + 1
    strokes: Grey = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((usual + 1, 1), np.uint8))
    found &= ~strokes
    return found


def _beyond(rules: Grey, written: int) -> bool:
    """Whether lines go on beyond what is written, or are too many to be a part of it."""
    rows = np.count_nonzero(np.diff(rules.any(axis=1).view(np.int8), prepend=0) == 1)
    overhang = cv2.boundingRect(rules)[2] - written
    return bool(rows >= MANY or overhang >= OVERHANG * rules.shape[1])
