"""From a trained network to a folder that can be served: ONNX, checks, manifest, card."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from service.contract.manifest import (
    MANIFEST,
    Accuracy,
    Calibration,
    GoldenCase,
    Manifest,
    Parity,
    Tensor,
    describe_files,
)
from service.contract.probabilities import class_probabilities
from training.card import write_card
from training.plots import plot_confusion, plot_learning_curves
from training.progress import Epoch

Logits = npt.NDArray[np.float32]  # (n, 10) or (n, 1)
Labels = npt.NDArray[np.int64]  # (n,)

MODEL = "model.onnx"
PARITY_LIMIT = 1e-5


@dataclass(frozen=True)
class Scored:
    """Logits of one part of the data, as the exported graph gives them, and the truth."""

    logits: Logits
    labels: Labels

    def accuracy(self) -> Accuracy:
        """How often the most probable label is the true one."""
        correct = int((self.predicted() == self.labels).sum())
        return Accuracy(
            correct=correct,
            samples=len(self.labels),
            accuracy=correct / len(self.labels),
            interval=wilson_interval(correct, len(self.labels)),
        )

    def predicted(self) -> Labels:
        """The most probable label of each."""
        labels: Labels = class_probabilities(self.logits, 1.0).argmax(axis=1)
        return labels


@dataclass(frozen=True)
class Release:
    """All that a version consists of, before it has a number."""

    name: str
    labels: Sequence[str]
    graph: onnx.ModelProto
    preprocessing: int
    recipe: Mapping[str, str | int | float | bool]
    seed: int
    data: Mapping[str, str]
    history: Sequence[Epoch]
    validation: Scored
    test: Scored
    parity: Parity
    golden: Sequence[GoldenCase]
    temperature: float
    max_tokens: int | None = None
    tokenizer: str | None = None  # tokenizer.json


def open_graph(graph: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A session over a graph that is not on disk yet."""
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def check_parity(torch_logits: Logits, onnx_logits: Sequence[Logits]) -> Parity:
    """Compare one torch result with several of ONNX (other batch sizes and lengths).

    Raises ValueError where a probability differs by 1e-5 or more: such a graph is not published.
    """
    reference = class_probabilities(torch_logits, 1.0)
    differences = [np.abs(class_probabilities(logits, 1.0) - reference) for logits in onnx_logits]
    largest = float(np.max([difference.max() for difference in differences]))  # NaN where one is
    if not largest < PARITY_LIMIT:
        raise ValueError(f"ONNX and torch differ by {largest:.1e}; the limit is {PARITY_LIMIT:.0e}")
    return Parity(samples=len(reference), largest_difference=largest)


def fit_temperature(scored: Scored) -> float:
    """The temperature of least negative log-likelihood (golden-section search on its logarithm)."""

    def loss(log_temperature: float) -> float:
        probabilities = class_probabilities(scored.logits, math.exp(log_temperature))
        true = probabilities[np.arange(len(scored.labels)), scored.labels]
        return -float(np.log(np.maximum(true, 1e-300)).mean())

    low, high = math.log(0.1), math.log(10.0)
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibration_error(scored: Scored, temperature: float, bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy, by bins of confidence
    of equal width (Naeini et al., AAAI 2015)."""
    probabilities = class_probabilities(scored.logits, temperature)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == scored.labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))


def wilson_interval(correct: int, samples: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share, 95% by default (JASA 22, 1927)."""
    share = correct / samples
    centre = share + z * z / (2 * samples)
    spread = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples**2))
    scale = 1 + z * z / samples
    return (max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def golden_case(
    logits: Logits, labels: Sequence[str], temperature: float, **source: Any
) -> GoldenCase:
    """What the served model must answer again to `image` or `text`; logits (1, k)."""
    probabilities = class_probabilities(logits, temperature)[0]
    return GoldenCase(
        label=labels[int(probabilities.argmax())],
        probabilities=tuple(float(p) for p in probabilities),
        **source,
    )


def publish(release: Release, models_dir: Path) -> Path:
    """Write the next version of a model, whole or not at all; returns its folder."""
    shelf = models_dir / release.name
    shelf.mkdir(parents=True, exist_ok=True)
    version = max((int(p.name) for p in shelf.iterdir() if p.name.isdecimal()), default=0) + 1
    folder = shelf / f".{version}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    onnx.save(release.graph, folder / MODEL)
    served = [MODEL]
    if release.tokenizer is not None:
        (folder / "tokenizer.json").write_text(release.tokenizer, encoding="utf-8")
        served.append("tokenizer.json")
    plot_learning_curves(release.history, folder / "learning_curves.png")
    plot_confusion(
        release.test.labels, release.test.predicted(), release.labels, folder / "confusion.png"
    )
    manifest = Manifest(
        name=release.name,
        version=version,
        labels=tuple(release.labels),
        inputs={value.name: _tensor(value) for value in release.graph.graph.input},
        outputs={value.name: _tensor(value) for value in release.graph.graph.output},
        preprocessing=release.preprocessing,
        max_tokens=release.max_tokens,
        serves=MODEL,
        files=describe_files(folder, served),
        parameters=_parameters(release.graph),
        recipe=dict(release.recipe),
        seed=release.seed,
        data=dict(release.data),
        test=release.test.accuracy(),
        validation=release.validation.accuracy(),
        calibration=Calibration(
            temperature=release.temperature,
            expected_error=calibration_error(release.test, release.temperature),
        ),
        parity=release.parity,
        golden=tuple(release.golden),
    )
    write_card(manifest, release.history, folder / "CARD.md")
    everything = [path.name for path in folder.iterdir()]
    manifest = manifest.model_copy(update={"files": describe_files(folder, everything)})
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    target = shelf / str(version)
    folder.rename(target)
    low, high = manifest.test.interval
    print(
        f"published {target}: test accuracy {manifest.test.accuracy:.2%} "
        f"(95% interval {low:.2%} to {high:.2%}), calibration error "
        f"{manifest.calibration.expected_error:.2%}",
        flush=True,
    )
    return target


def _parameters(graph: onnx.ModelProto) -> int:
    """Trained numbers in the graph: its floating-point constants but for scalars."""
    return sum(
        math.prod(tensor.dims)
        for tensor in graph.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.dims
    )


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    shape = tuple(dim.dim_param or dim.dim_value for dim in kind.shape.dim)
    return Tensor(type=onnx.TensorProto.DataType.Name(kind.elem_type).lower(), shape=shape)
