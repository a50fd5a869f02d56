"""What the graphs of moods make of the data, put together for publishing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from tokenizers import Tokenizer

from service.contract import text
from service.contract.manifest import Baseline, Parity
from service.contract.text import TextEncoder, pad
from training.abstention import Judged, choose_confidence, judge_text
from training.assessment import TEST, VALIDATION, common_temperature, form
from training.batches import EncodedReviews, Ids, encode
from training.cut_sentences import cut_sentences
from training.datasets import MOODS, Reviews, Splits
from training.export import (
    INT8,
    MODEL,
    Origin,
    Release,
    check_parity,
    form_to_serve,
    golden_case,
    open_graph,
)
from training.golden import GOLDEN_TEXTS
from training.lstm import SentimentLSTM, predict
from training.progress import progress
from training.scores import Logits, Scored
from training.sentences import CUT, read_sentences
from training.vocabulary import UNKNOWN_ID

ENGLISH = 0.999
"""The share of English sentences that have no more unknown words than the threshold."""


def sentiment_release(
    fp32: onnx.ModelProto,
    int8: onnx.ModelProto,
    tokenizer: Tokenizer,
    max_tokens: int,
    data: Splits[Reviews],
    origin: Origin,
    baseline: Baseline | None = None,
) -> Release:
    """Measure both forms of a graph; all else is that of the one to serve.

    Temperature and thresholds are chosen on validation, reviews and short sentences alike.
    """
    encoder = TextEncoder(tokenizer, max_tokens)
    validation, test = encode(data.validation, encoder), encode(data.test, encoder)

    def measured(session: onnxruntime.InferenceSession) -> tuple[Scored, Scored]:
        return score_reviews(session, validation), score_reviews(session, test)

    forms = form(MODEL, fp32, measured), form(INT8, int8, measured)
    served = form_to_serve(*forms)
    session = open_graph(served.graph)
    parts = [(VALIDATION, validation, served.validation)]
    for part, sentences in _sentences("validation").items():
        encoded = encode(sentences, encoder)
        parts.append((part, encoded, score_reviews(session, encoded)))
    temperature = common_temperature([scored for _, _, scored in parts])
    chosen_by = [_judged(*part, temperature) for part in parts]
    judged = [*chosen_by, _judged(TEST, test, served.test, temperature)]
    for part, sentences in _sentences("test").items():
        encoded = encode(sentences, encoder)
        scored = score_reviews(session, encoded)
        judged.append(_judged(part, encoded, scored, temperature))
    return Release(
        name="sentiment",
        labels=list(MOODS),
        fp32=forms[0],
        int8=forms[1],
        preprocessing=text.VERSION,
        origin=origin,
        golden=[
            golden_case(
                run_rows(session, [encoder.encode(words).ids], 1), MOODS, temperature, text=words
            )
            for words in GOLDEN_TEXTS
        ],
        temperature=temperature,
        max_tokens=max_tokens,
        tokenizer=tokenizer.to_str(),
        abstention=choose_confidence(chosen_by, most_unknown(data.validation.texts, encoder)),
        judged=judged,
        baseline=baseline,
    )


def compared_with_torch(
    graph: onnx.ModelProto, model: SentimentLSTM, reviews: Reviews, encoder: TextEncoder
) -> Parity:
    """Of up to 1,000 reviews, in batches of several sizes; raises as `check_parity`."""
    rows = encode(reviews.sample(min(1000, len(reviews))), encoder).ids
    logits = predict(model, rows, torch.device("cpu"), exact=True)[:, None]
    session = open_graph(graph)
    return check_parity(logits, [run_rows(session, rows, batch) for batch in (1, 7, 64)])


def most_unknown(reviews: Sequence[str], encoder: TextEncoder) -> float:
    """The share of unknown words that hardly a sentence of the reviews exceeds."""
    sentences, _ = cut_sentences(reviews, seed=0)
    return float(
        np.quantile([encoder.encode(each).unknown_fraction for each in sentences], ENGLISH)
    )


def run_rows(session: onnxruntime.InferenceSession, rows: Sequence[Ids], batch: int) -> Logits:
    """Logits (n, 1) of rows of ids, `batch` of them at a time, in the given order."""
    parts = [rows[i : i + batch] for i in range(0, len(rows), batch)]
    return np.concatenate([session.run(None, pad(part))[0] for part in progress(parts, "run")])


def score_reviews(session: onnxruntime.InferenceSession, reviews: EncodedReviews) -> Scored:
    """Every review, those of like length together."""
    order = np.argsort([len(ids) for ids in reviews.ids], kind="stable")
    logits = np.empty((len(order), 1), np.float32)
    logits[order] = run_rows(session, [reviews.ids[i] for i in order], 16)
    return Scored(logits, reviews.labels)


def _judged(part: str, reviews: EncodedReviews, scored: Scored, temperature: float) -> Judged:
    unknown = np.array([(row == UNKNOWN_ID).mean() for row in reviews.ids])
    return judge_text(part, scored, temperature, unknown)


def _sentences(part: str) -> dict[str, Reviews]:
    """Those cut from reviews, and all those written for this."""
    kinds = read_sentences(part)
    cut = kinds.pop(CUT)
    texts = [text for kind in kinds.values() for text in kind.texts]
    labels = np.concatenate([kind.labels for kind in kinds.values()])
    return {f"{part}, {CUT} sentences": cut, f"{part}, written sentences": Reviews(texts, labels)}
