"""What the graphs of digits make of the data, put together for publishing; only here and in
`sentiment_assessment` is test looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import onnxruntime
from PIL import Image

from service.contract import image
from service.contract.image import read_digit
from training.abstention import Judged, choose_thresholds, digit_scores, judge
from training.datasets import Digits, Splits
from training.export import (
    INT8,
    MODEL,
    Form,
    Origin,
    Release,
    form_to_serve,
    golden_case,
    open_graph,
)
from training.golden import as_bytes, golden_images
from training.held_out import Images, read_all
from training.scores import Logits, Scored, calibration_error, fit_temperature

DIGITS = [str(digit) for digit in range(10)]

VALIDATION, REALISTIC, TEST = "validation", "validation, realistic pictures", "test"


def digits_release(
    fp32: onnx.ModelProto,
    int8: onnx.ModelProto,
    data: Splits[Digits],
    origin: Origin,
    realistic: Digits | None = None,
    non_digits: Images | None = None,
) -> Release:
    """Measure both forms of a graph; all else is that of the one to serve.

    `realistic` are validation digits as people send them, in the form of MNIST, which count where
    temperature and thresholds are chosen; `non_digits`, pictures that show none, are only measured.
    """
    validation, test = as_read(data.validation), as_read(data.test)

    def measured(session: onnxruntime.InferenceSession) -> tuple[Scored, Scored]:
        return score_digits(session, validation), score_digits(session, test)

    forms = form(MODEL, fp32, measured), form(INT8, int8, measured)
    served = form_to_serve(*forms)
    session = open_graph(served.graph)
    chosen_on = [(VALIDATION, validation, served.validation)]
    if realistic is not None:
        chosen_on.append((REALISTIC, realistic, score_digits(session, realistic)))
    temperature = common_temperature([scored for _, _, scored in chosen_on])

    def judged(part: str, digits: Digits, scored: Scored) -> Judged:
        shown = np.array([pixels.any() for pixels in digits.images])
        return judge(part, scored, temperature, shown)

    chosen_by = [judged(*part) for part in chosen_on]
    return Release(
        name="digits",
        labels=DIGITS,
        fp32=forms[0],
        int8=forms[1],
        preprocessing=image.VERSION,
        origin=origin,
        golden=[
            golden_case(
                run_images(session, read_digit(png).pixels, 1), DIGITS, temperature, image=png
            )
            for png in golden_images()
        ],
        temperature=temperature,
        abstention=choose_thresholds(chosen_by),
        judged=[*chosen_by, judged(TEST, test, served.test)],
        non_digit_scores=(
            None
            if non_digits is None
            else digit_scores(run_images(session, non_digits, 64)) * non_digits.any(axis=(1, 2))
        ),
    )


def as_read(digits: Digits) -> Digits:
    """The same pictures as the service reads them from files."""
    uploads = (as_bytes(Image.fromarray(pixels)) for pixels in digits.images)
    return Digits(read_all(uploads), digits.labels)


def run_images(session: onnxruntime.InferenceSession, images: Images, batch: int) -> Logits:
    """Logits (n, 10) of images (n, 28, 28), `batch` of them at a time."""
    parts = np.split(images[:, None], range(batch, len(images), batch))
    return np.concatenate([session.run(None, {"image": part})[0] for part in parts])


def score_digits(session: onnxruntime.InferenceSession, digits: Digits) -> Scored:
    """Every image."""
    return Scored(run_images(session, digits.images, 64), digits.labels)


def common_temperature(parts: Sequence[Scored]) -> float:
    """Fitted to the first part or to all together, whichever leaves the smaller sum of errors."""
    fitted = fit_temperature(parts[0]), fit_temperature(*parts)
    return min(fitted, key=lambda t: sum(calibration_error(part, t) for part in parts))


def form(
    file: str,
    graph: onnx.ModelProto,
    measured: Callable[[onnxruntime.InferenceSession], tuple[Scored, Scored]],
) -> Form:
    """A graph with what `measured` says of its session on validation and test."""
    measures = Form(file, graph, *measured(open_graph(graph)))
    print(f"{file}: validation accuracy {measures.validation.accuracy().accuracy:.2%}", flush=True)
    return measures
