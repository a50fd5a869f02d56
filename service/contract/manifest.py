"""What a model folder says of itself: `models/<name>/<version>/manifest.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MANIFEST = "manifest.json"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class Tensor(_Frozen):
    """Element type as ONNX names it, and shape; a named dimension may have any length."""

    type: str
    shape: tuple[int | str, ...]


class File(_Frozen):
    """A file of the folder, as it must be found."""

    sha256: Sha256
    bytes: int


class Accuracy(_Frozen):
    """Correct answers among `samples`, with the 95% interval of the share (Wilson's)."""

    correct: int
    samples: int
    accuracy: Share
    interval: tuple[Share, Share]


class Calibration(_Frozen):
    """Logits are divided by `temperature`, fitted on validation (Guo et al., arXiv:1706.04599).

    `expected_error` is the expected calibration error on test, 15 bins of equal width.
    """

    temperature: Annotated[float, Field(gt=0)]
    expected_error: Share


class Abstention(_Frozen):
    """An answer below or above one of the thresholds is not to be believed.

    They were chosen on validation, of which they leave the share `coverage`.
    """

    coverage: Share
    min_confidence: Share
    min_digit_score: Share = 0.0  # of a model that tells digits from what is none
    max_unknown_fraction: Share = 1.0  # of the words of a text


class Parity(_Frozen):
    """Largest difference of a probability between torch and ONNX over `samples` test inputs."""

    samples: int
    largest_difference: float


class Measured(_Frozen):
    """What one form of a graph reaches."""

    validation: Accuracy
    test: Accuracy


class Baseline(Measured):
    """What a simpler model reaches on the same split."""

    method: str


class Quantization(_Frozen):
    """What int8 changes; the form that `serves` was chosen by accuracy on validation.

    `changed_labels` counts test samples, of which `largest_difference` is that of a probability.
    """

    fp32: Measured
    int8: Measured
    changed_labels: int
    largest_difference: Share


class GoldenCase(_Frozen):
    """A raw input with the answer that the served model must give again."""

    image: bytes | None = None
    text: str | None = None
    label: str
    probabilities: tuple[Share, ...]


class Manifest(_Frozen):
    """Written last, so that a folder with a manifest is whole."""

    name: str
    version: Annotated[int, Field(ge=1)]
    labels: tuple[str, ...]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    preprocessing: int  # VERSION of contract.image or contract.text
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    serves: str  # which file of the folder answers requests
    files: dict[str, File]
    parameters: int
    recipe: dict[str, str | int | float | bool]
    seed: int
    data: dict[str, Sha256]
    test: Accuracy
    validation: Accuracy
    calibration: Calibration
    parity: Parity
    golden: tuple[GoldenCase, ...]
    abstention: Abstention | None = None  # without it only what is blank or empty is abstained from
    quantization: Quantization | None = None  # of a version with two forms of its graph
    baseline: Baseline | None = None


ALWAYS_ANSWERED = Abstention(coverage=1, min_confidence=0)
"""The thresholds of a version that has none."""


def describe_files(folder: Path, names: list[str]) -> dict[str, File]:
    """Hash and size of the named files."""
    return {
        name: File(sha256=sha256(folder / name), bytes=(folder / name).stat().st_size)
        for name in sorted(names)
    }


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mismatched(folder: Path, files: Mapping[str, File]) -> str | None:
    """The first file that is missing or other than described, and in what; None if all agree."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected.bytes:
            return f"{name} has {path.stat().st_size} bytes where {expected.bytes} were published"
        if sha256(path) != expected.sha256:
            return f"{name} has another SHA-256 than the one published"
    return None
