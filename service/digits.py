"""Digits: picture -> features -> rows of one run -> answer."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from service.contract import decoding, image
from service.contract.image import DigitImage
from service.contract.manifest import ALWAYS_ANSWERED, Abstention, GoldenCase, Manifest
from service.contract.pieces import are_several
from service.contract.probabilities import digit_score, row_probabilities
from service.schemas import DigitAnswer, DigitReason, ExplainedDigitAnswer


class Digits:
    """One version of the digit model, but for the run itself."""

    preprocessing = image.VERSION
    runs_on_loop = True  # a full batch takes less than a millisecond
    max_padded = math.inf
    large = 2_000_000.0  # pixels
    max_large = 64_000_000.0  # as many as one bulk call may have

    def __init__(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:  # noqa: ARG002
        self._temperature = manifest.calibration.temperature
        self._abstention = manifest.abstention or ALWAYS_ANSWERED
        self.name = f"{manifest.name}/{manifest.version}"
        self._typical = [case.image for case in manifest.golden[:2] if case.image]

    @property
    def limits(self) -> dict[str, int]:
        return {"max_pixels": decoding.MAX_PIXELS}

    def is_light(self, upload: bytes) -> bool:
        """Whether decoding takes so little that it may hold up the event loop."""
        return decoding.is_small(upload)

    def decode(self, upload: bytes) -> DigitImage:
        """Raises what `contract.image.read_digit` raises."""
        return image.read_digit(upload)

    def weight(self, upload: bytes) -> float:
        """Pixels to decode."""
        return max(1, decoding.pixels(upload))

    def size(self, digit: DigitImage) -> int:  # noqa: ARG002
        """Every picture costs the same."""
        return 1

    def collate(self, digits: Sequence[DigitImage]) -> dict[str, npt.NDArray[np.generic]]:
        """`image` uint8 (b, 1, 28, 28)."""
        return {"image": np.array([digit.pixels for digit in digits])}

    def postprocess(self, logits: list[float], digit: DigitImage) -> DigitAnswer:
        """10 logits to the answer."""
        probabilities = row_probabilities(logits, self._temperature)
        confidence = max(probabilities)
        score = 0.0 if digit.box is None else digit_score(logits)
        doubt = reason(digit, score, confidence, self._abstention)
        return {
            "label": probabilities.index(confidence),
            "confidence": confidence,
            "probabilities": probabilities,
            "digit_score": score,
            "abstained": doubt is not None,
            "reason": doubt,
            "model": self.name,
        }

    def typical(self) -> Sequence[bytes]:
        """Inputs to learn costs from."""
        return self._typical

    def golden_input(self, case: GoldenCase) -> bytes:
        """The upload of a golden case."""
        return case.image or b""

    def golden_output(self, answer: DigitAnswer) -> tuple[str, list[float]]:
        """Label and probabilities as the manifest has them."""
        return str(answer["label"]), answer["probabilities"]


def reason(
    digit: DigitImage, score: float, confidence: float, thresholds: Abstention
) -> DigitReason | None:
    """Why an answer is not to be believed; None where it is."""
    if digit.box is None:
        return "blank"
    if score < thresholds.min_digit_score:
        return "several_digits" if are_several(digit.pixels[0]) else "not_a_digit"
    return "uncertain" if confidence < thresholds.min_confidence else None


def explained(answer: DigitAnswer, digit: DigitImage) -> ExplainedDigitAnswer:
    """The answer with what the model saw, and where in the upload that was."""
    _, png = cv2.imencode(".png", digit.pixels[0])
    seen = f"data:image/png;base64,{b64encode(png.tobytes()).decode()}"
    return {**answer, "seen": seen, "box": digit.box}
