"""What sentiment graphs make of the reviews, put together for publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from tokenizers import Tokenizer

from service.contract.manifest import Parity
from service.contract.text import VERSION, TextEncoder, pad
from training.batches import EncodedReviews, encode
from training.datasets import Reviews, Splits
from training.export import INT8, MODEL, Form, Release, form_to_serve, golden_case, open_graph
from training.golden import GOLDEN_TEXTS
from training.progress import Epoch, progress
from training.scores import Logits, Scored, fit_temperature

LABELS = ["negative", "positive"]


def run_rows(
    session: onnxruntime.InferenceSession, rows: Sequence[npt.NDArray[np.int64]], batch: int
) -> Logits:
    """Logits (n, 1) of rows of ids, `batch` of them at a time, in the given order."""
    parts = [rows[i : i + batch] for i in range(0, len(rows), batch)]
    return np.concatenate([session.run(None, pad(part))[0] for part in progress(parts, "run")])


def score(session: onnxruntime.InferenceSession, reviews: EncodedReviews) -> Scored:
    """Every review, those of like length together."""
    order = np.argsort([len(ids) for ids in reviews.ids], kind="stable")
    logits = np.empty((len(order), 1), np.float32)
    logits[order] = run_rows(session, [reviews.ids[i] for i in order], 16)
    return Scored(logits, reviews.labels)


def sentiment_release(
    fp32: onnx.ModelProto,
    int8: onnx.ModelProto,
    tokenizer: Tokenizer,
    max_tokens: int,
    data: Splits[Reviews],
    *,
    parity: Parity,
    recipe: Mapping[str, str | int | float | bool],
    seed: int,
    hashes: Mapping[str, str],
    history: Sequence[Epoch],
) -> Release:
    """Measure both forms of a graph; temperature and golden cases are those of the one to serve.

    Here and only here is test looked at.
    """
    encoder = TextEncoder(tokenizer, max_tokens)
    validation, test = (encode(part, encoder) for part in (data.validation, data.test))

    def measured(file: str, graph: onnx.ModelProto) -> Form:
        session = open_graph(graph)
        form = Form(file, graph, score(session, validation), score(session, test))
        print(f"{file}: validation accuracy {form.validation.accuracy().accuracy:.2%}", flush=True)
        return form

    forms = measured(MODEL, fp32), measured(INT8, int8)
    served = form_to_serve(*forms)
    temperature = fit_temperature(served.validation)
    session = open_graph(served.graph)
    return Release(
        name="sentiment",
        labels=LABELS,
        fp32=forms[0],
        int8=forms[1],
        preprocessing=VERSION,
        recipe=recipe,
        seed=seed,
        data=hashes,
        history=history,
        parity=parity,
        golden=[
            golden_case(
                run_rows(session, [encoder.encode(text).ids], 1), LABELS, temperature, text=text
            )
            for text in GOLDEN_TEXTS
        ],
        temperature=temperature,
        max_tokens=max_tokens,
        tokenizer=tokenizer.to_str(),
    )
