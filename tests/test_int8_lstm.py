"""The sentiment model in int8 answers as in fp32, and never otherwise for what shares their run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from onnx import numpy_helper

from service.contract.probabilities import class_probabilities
from service.contract.text import pad
from tests.committed import Ids, committed
from training import int8_lstm
from training.datasets import read_reviews
from training.export import open_graph
from training.golden import GOLDEN_TEXTS
from training.graphs import sentiment_graph
from training.int8_lstm import quantize_lstm
from training.lstm import SentimentLSTM

WORDS = 300


def network(embedding: float = 1.0, weights: float = 1.0) -> onnx.ModelProto:
    """Random, small, with word vectors and LSTM weights so many times as large as at the start."""
    torch.manual_seed(3)
    model = SentimentLSTM(WORDS, embedding=20, hidden=32).eval()
    model.embedding.weight.data *= embedding
    model.embedding.weight.data[:, 7] = 0  # a feature that no word has
    for layers in (model.forward_layers, model.backward_layers):
        for parameter in layers.parameters():
            parameter.data *= weights
    model.output.weight.data.normal_()
    return sentiment_graph(model)


GRAPHS = {
    "as trained": {},
    "faint words": {"embedding": 1e-3},
    "loud words": {"embedding": 50.0},
    "saturated units": {"embedding": 10.0, "weights": 10.0},
}


def logits(graph: onnx.ModelProto, rows: list[Ids]) -> npt.NDArray[np.float32]:
    answers: npt.NDArray[np.float32] = open_graph(graph).run(None, {**pad(rows)})[0]
    return answers


def rows_of_every_kind(count: int = 16) -> list[Ids]:
    """One word, many, one again and again; lengths from 1 to 200."""
    rng = np.random.default_rng(4)
    rows = [rng.integers(0, WORDS, length) for length in rng.integers(1, 60, count - 6)]
    rows += [np.full(length, rng.integers(WORDS)) for length in (1, 2, 50, 120, 200)]
    return [*rows, np.arange(9)]


@pytest.mark.parametrize("kind", GRAPHS)
def test_an_answer_is_the_same_alone_and_among_rows_of_any_kind(kind: str) -> None:
    session = open_graph(quantize_lstm(network(**GRAPHS[kind])))
    rows = rows_of_every_kind()
    alone = [session.run(None, {**pad([row])})[0].tobytes() for row in rows]
    rng = np.random.default_rng(5)
    for batch in (2, 3, 5, 16, 16):
        order = rng.permutation(len(rows))[:batch]
        together = session.run(None, {**pad([rows[i] for i in order])})[0]
        assert [row.tobytes() for row in together] == [alone[i] for i in order]


@pytest.mark.parametrize("kind", GRAPHS)
def test_what_stands_behind_the_end_of_a_row_changes_no_byte(kind: str) -> None:
    session = open_graph(quantize_lstm(network(**GRAPHS[kind])))
    batch = pad(rows_of_every_kind())
    expected = session.run(None, {**batch})[0].tobytes()
    ends = np.arange(batch["ids"].shape[1] + 30) < batch["lengths"][:, None]
    noise = np.random.default_rng(6).integers(0, WORDS, ends.shape)
    noise[:, : batch["ids"].shape[1]][ends[:, :-30]] = batch["ids"][ends[:, :-30]]
    found = session.run(None, {"ids": noise, "lengths": batch["lengths"]})[0]
    assert found.tobytes() == expected


def test_without_the_two_units_an_answer_would_depend_on_its_batch_mates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the tests above are known to see what they are for."""
    monkeypatch.setattr(int8_lstm, "LARGEST_CELL", 0.0)
    session = open_graph(quantize_lstm(network()))
    rows = rows_of_every_kind()
    alone = [session.run(None, {**pad([row])})[0].tobytes() for row in rows]
    assert [row.tobytes() for row in session.run(None, {**pad(rows)})[0]] != alone


def test_int8_takes_and_gives_what_fp32_does() -> None:
    fp32 = network()
    int8 = quantize_lstm(fp32)
    assert int8.graph.input == fp32.graph.input
    assert int8.graph.output == fp32.graph.output
    assert int8.ByteSize() < fp32.ByteSize()


def test_quantizing_leaves_the_graph_that_it_was_given_as_it_was() -> None:
    fp32 = network()
    before = fp32.SerializeToString(deterministic=True)
    quantize_lstm(fp32)
    assert fp32.SerializeToString(deterministic=True) == before


def test_int8_answers_nearly_as_fp32_does() -> None:
    fp32, rows = network(), rows_of_every_kind(64)
    expected, found = (
        class_probabilities(logits(graph, rows), 1.0) for graph in (fp32, quantize_lstm(fp32))
    )
    assert np.abs(found - expected).max() < 0.02
    assert np.ptp(expected[:, 1]) > 0.2, "the answers differ among each other by far more"


def test_no_sum_of_two_products_overflows_16_bits_on_a_cpu_without_vnni() -> None:
    """255 times two weights, added."""
    for tensor in quantize_lstm(network()).graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            largest = int(np.abs(numpy_helper.to_array(tensor).astype(int)).max())
            assert 2 * 255 * largest < 2**15


def test_own_texts_get_nearly_the_probabilities_of_the_fp32_graph(models_dir: Path) -> None:
    model = committed(models_dir, "sentiment")
    encoder = model.encoder()
    rows = [encoder.encode(text).ids for text in [*GOLDEN_TEXTS, "", "good", "not good"]]
    assert forms_apart(model.folder, rows) < 0.02


def test_reviews_get_nearly_the_probabilities_of_the_fp32_graph(
    models_dir: Path, data_dir: Path
) -> None:
    """32 test reviews, from the shortest to the longest."""
    model = committed(models_dir, "sentiment")
    encoder = model.encoder()
    texts = sorted(read_reviews(data_dir / "imdb" / "test.csv.xz").texts, key=len)
    chosen = [texts[i] for i in np.linspace(0, len(texts) - 1, 32).astype(int)]
    assert forms_apart(model.folder, [encoder.encode(text).ids for text in chosen]) < 0.02


def test_the_committed_int8_graph_is_what_becomes_of_the_fp32_one(models_dir: Path) -> None:
    folder = committed(models_dir, "sentiment").folder
    again, published = (
        quantize_lstm(onnx.load(folder / "model.onnx")),
        onnx.load(folder / "model.int8.onnx"),
    )
    expected, found = (
        {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
        for graph in (again, published)
    )
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        np.testing.assert_array_equal(found[name], numbers)
    assert published.graph.node == again.graph.node


def forms_apart(folder: Path, rows: list[Ids]) -> float:
    """Largest difference of a probability between the two forms of a published model."""
    forms = (onnx.load(folder / name) for name in ("model.onnx", "model.int8.onnx"))
    fp32, int8 = (class_probabilities(logits(graph, rows), 1.0) for graph in forms)
    return float(np.abs(int8 - fp32).max())
