"""From a trained network to a folder that can be served: ONNX, checks, manifest, card."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from scipy.stats import binomtest

from service.contract.manifest import (
    MANIFEST,
    Abstention,
    Baseline,
    Calibration,
    GoldenCase,
    Manifest,
    Measured,
    Parity,
    Quantization,
    Tensor,
    describe_files,
)
from service.contract.probabilities import class_probabilities
from training.abstention import Judged
from training.card import CARD, write_card
from training.plots import (
    plot_confusion,
    plot_learning_curves,
    plot_reliability,
    plot_risk_by_coverage,
)
from training.progress import Epoch
from training.scores import Logits, Scored, Shares, calibration_error

MODEL = "model.onnx"
INT8 = "model.int8.onnx"
TOKENIZER = "tokenizer.json"
PARITY_LIMIT = 1e-5
INT8_LIMIT = 0.001
"""How much less accurate int8 may be on validation to serve: 0.1 points."""
SELDOM = 0.05


@dataclass(frozen=True)
class Form:
    """A graph, the file that it is published as, and what it answered."""

    file: str
    graph: onnx.ModelProto
    validation: Scored
    test: Scored


@dataclass(frozen=True)
class Origin:
    """How a network came about: what stays the same when it is published again."""

    recipe: Mapping[str, str | int | float | bool]
    seed: int
    data: Mapping[str, str]  # SHA-256 of the files it was trained on
    history: Sequence[Epoch]
    parity: Parity


@dataclass(frozen=True)
class Release:
    """All that a version consists of, before it has a number."""

    name: str
    labels: Sequence[str]
    fp32: Form
    preprocessing: int
    origin: Origin
    golden: Sequence[GoldenCase]
    temperature: float
    max_tokens: int | None = None
    tokenizer: str | None = None  # tokenizer.json
    int8: Form | None = None
    abstention: Abstention | None = None
    judged: Sequence[Judged] = ()  # parts of the data that calibration and abstention are shown on
    non_digit_scores: Shares | None = None  # of pictures that show no digit
    baseline: Baseline | None = None

    @property
    def served(self) -> Form:
        """What validation, test, temperature and golden cases of the manifest belong to."""
        return self.fp32 if self.int8 is None else form_to_serve(self.fp32, self.int8)


def form_to_serve(fp32: Form, int8: Form) -> Form:
    """The int8 form, unless validation shows that it is less accurate by more than 0.1 points.

    Where few labels change, so do a few right ones by chance: that more are lost than won counts
    only where a coin would seldom do the same (a sign test of those that change).
    """
    before, after = (form.validation.predicted() for form in (fp32, int8))
    labels = fp32.validation.labels
    lost = int(((before == labels) & (after != labels)).sum())
    won = int(((before != labels) & (after == labels)).sum())
    if lost - won <= INT8_LIMIT * len(labels):
        return int8
    chance = binomtest(lost, lost + won, alternative="greater").pvalue
    return fp32 if chance < SELDOM else int8


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
    served = release.served
    for form in (release.fp32, release.int8):
        if form is not None:
            onnx.save(form.graph, folder / form.file)
    if release.tokenizer is not None:
        (folder / TOKENIZER).write_text(release.tokenizer, encoding="utf-8")
    plot_learning_curves(release.origin.history, folder / "learning_curves.png")
    plot_confusion(
        served.test.labels, served.test.predicted(), release.labels, folder / "confusion.png"
    )
    if release.abstention is not None:
        plot_reliability(release.judged, folder / "reliability.png")
        plot_risk_by_coverage(release.judged, release.abstention, folder / "risk_coverage.png")
    graph = release.fp32.graph
    manifest = Manifest(
        name=release.name,
        version=version,
        labels=tuple(release.labels),
        inputs={value.name: _tensor(value) for value in graph.graph.input},
        outputs={value.name: _tensor(value) for value in graph.graph.output},
        preprocessing=release.preprocessing,
        max_tokens=release.max_tokens,
        serves=served.file,
        files=describe_files(folder, [served.file]),
        parameters=_parameters(graph),
        recipe=dict(release.origin.recipe),
        seed=release.origin.seed,
        data=dict(release.origin.data),
        test=served.test.accuracy(),
        validation=served.validation.accuracy(),
        calibration=Calibration(
            temperature=release.temperature,
            expected_error=calibration_error(served.test, release.temperature),
        ),
        parity=release.origin.parity,
        golden=tuple(release.golden),
        abstention=release.abstention,
        quantization=_quantization(release),
        baseline=release.baseline,
    )
    write_card(
        manifest, release.origin.history, release.judged, release.non_digit_scores, folder / CARD
    )
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


def _quantization(release: Release) -> Quantization | None:
    if release.int8 is None:
        return None
    forms = release.fp32, release.int8
    fp32, int8 = (class_probabilities(form.test.logits, release.temperature) for form in forms)
    return Quantization(
        fp32=Measured(
            validation=release.fp32.validation.accuracy(), test=release.fp32.test.accuracy()
        ),
        int8=Measured(
            validation=release.int8.validation.accuracy(), test=release.int8.test.accuracy()
        ),
        changed_labels=int((fp32.argmax(axis=1) != int8.argmax(axis=1)).sum()),
        largest_difference=float(np.abs(fp32 - int8).max()),
    )


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
