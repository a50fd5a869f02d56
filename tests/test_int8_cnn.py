"""The digits model in whole numbers answers nearly as in fp32, and never otherwise for what shares
its run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from onnx import numpy_helper

from service.contract.image import read_digit
from service.contract.probabilities import class_probabilities
from tests.committed import committed
from training.assessment import digits_release, run_images
from training.cnn import DigitCNN
from training.datasets import Digits, Splits, load_digits, read_idx
from training.export import Form, Origin, check_parity, form_to_serve, open_graph
from training.golden import golden_images
from training.graphs import digits_graph
from training.int8_cnn import quantize_cnn
from training.scores import Scored
from training.seen import usual_and_unusual

Images = npt.NDArray[np.uint8]
BATCHES = [1, 2, 3, 7, 8, 16, 64]


def network(weights: float = 1.0, bias: float = 0.0) -> onnx.ModelProto:
    """Random, with its first weights so many times as large, and one unit of a bias alone."""
    torch.manual_seed(3)
    convolutions, dense = DigitCNN().eval().folded()
    convolutions[0] = convolutions[0][0] * np.float32(weights), convolutions[0][1]
    for (weight, biases), least in ((convolutions[1], 1e-20), (dense[0], 0)):
        weight[5] = least
        biases[5] = bias
    dense[1] = dense[1][0] * 20, dense[1][1]  # answers that differ from each other
    return digits_graph(convolutions, dense)


NETWORKS = {
    "as at the start": {},
    "faint": {"weights": 1e-3},
    "loud": {"weights": 1e3},
    "a unit of a bias alone": {"bias": 0.7},
}


def pictures(count: int = 64) -> Images:
    """Strokes, noise and flat ones (n, 28, 28)."""
    drawn = np.concatenate([read_digit(png).pixels for png in golden_images()])
    flat = np.stack([np.full((28, 28), level, np.uint8) for level in (0, 1, 255)])
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (count - len(drawn) - len(flat), 28, 28), dtype=np.uint8)
    return np.concatenate([drawn, flat, noise])


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_answer_is_the_same_alone_and_at_every_place_of_any_batch(kind: str) -> None:
    images = pictures()
    session = open_graph(quantize_cnn(network(**NETWORKS[kind]), images[:20]))
    alone = [row.tobytes() for row in run_images(session, images, 1)]
    for batch in BATCHES:
        for turn in range(batch):
            order = np.roll(np.arange(batch), turn)
            together = run_images(session, images[order], batch)
            assert [row.tobytes() for row in together] == [alone[i] for i in order]


@pytest.mark.parametrize("kind", NETWORKS)
def test_whole_numbers_answer_nearly_as_fp32_does(kind: str) -> None:
    fp32, images = network(**NETWORKS[kind]), pictures()
    expected, found = (
        run_images(open_graph(graph), images, 64) for graph in (fp32, quantize_cnn(fp32, images))
    )
    assert np.abs(found - expected).max() < 0.04 * np.abs(expected).max()


def test_a_picture_louder_than_all_that_were_shown_keeps_its_answer_finite() -> None:
    fp32, images = network(), pictures()
    faint = images // 64
    logits = run_images(open_graph(quantize_cnn(fp32, faint)), images, 8)
    assert np.isfinite(logits).all()


def test_a_network_that_says_nothing_still_answers() -> None:
    fp32 = network(weights=0.0)
    logits = run_images(
        open_graph(quantize_cnn(fp32, np.zeros((4, 28, 28), np.uint8))), pictures(), 8
    )
    assert np.isfinite(logits).all()


def test_all_that_is_trained_is_in_whole_numbers_and_nothing_is_measured_while_it_runs() -> None:
    graph = quantize_cnn(network(), pictures()).graph
    operators = [node.op_type for node in graph.node]
    assert {op for op in operators if op not in ("Reshape", "Flatten")} == {
        "QLinearConv",
        "NhwcMaxPool",
        "QGemm",
    }
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            assert tensor.name.endswith(".scale")


def test_no_sum_of_two_products_overflows_16_bits_on_a_cpu_without_vnni() -> None:
    """255 times two weights, added."""
    for tensor in quantize_cnn(network(), pictures()).graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            largest = int(np.abs(numpy_helper.to_array(tensor).astype(int)).max())
            assert 2 * 255 * largest < 2**15


def test_whole_numbers_take_and_give_what_fp32_does_and_leave_it_as_it_was() -> None:
    fp32 = network()
    before = fp32.SerializeToString(deterministic=True)
    int8 = quantize_cnn(fp32, pictures())
    assert fp32.SerializeToString(deterministic=True) == before
    assert (int8.graph.input, int8.graph.output) == (fp32.graph.input, fp32.graph.output)
    assert int8.ByteSize() < fp32.ByteSize() / 3


def test_fp32_serves_where_whole_numbers_lose_too_much() -> None:
    """Scales that were taken from black pictures cut off all that others say."""
    fp32, images = network(), np.tile(pictures(), (8, 1, 1))
    labels = run_images(open_graph(fp32), images, 64).argmax(axis=1)
    assert len(set(labels.tolist())) > 1
    data = Splits(*(Digits(images, labels) for _ in range(3)))
    black = quantize_cnn(network(weights=0.0), np.zeros((4, 28, 28), np.uint8))
    logits = run_images(open_graph(fp32), images, 64)
    origin = Origin({}, 1, {}, [], check_parity(logits, [logits]))
    release = digits_release(fp32, black, data, origin)
    assert release.int8 is not None
    assert form_to_serve(release.fp32, release.int8) is release.served is release.fp32
    assert release.golden[3].label == str(
        run_images(open_graph(fp32), read_digit(golden_images()[3]).pixels, 1).argmax()
    )


def answered(right: Sequence[bool]) -> Scored:
    """Of two classes, with the first one true."""
    logits = np.where(np.array(right)[:, None], [[1, 0]], [[0, 1]]).astype(np.float32)
    return Scored(logits, np.zeros(len(logits), np.int64))


@pytest.mark.parametrize(
    ("lost", "won", "serves"),
    [
        (0, 0, "int8"),
        (0, 9, "int8"),
        (1, 0, "int8"),
        (4, 0, "int8"),
        (7, 2, "int8"),
        (300, 299, "int8"),
        (5, 0, "fp32"),
        (11, 2, "fp32"),
        (300, 250, "fp32"),
    ],
)
def test_fp32_serves_where_more_is_lost_than_a_coin_would_take(
    lost: int, won: int, serves: str
) -> None:
    """Of 1,000, one may be lost in any case."""
    before = [True] * 600 + [False] * 400
    after = [False] * lost + [True] * (600 - lost) + [True] * won + [False] * (400 - won)
    fp32, int8 = (
        Form(name, network(), answered(right), answered(right))
        for name, right in (("fp32", before), ("int8", after))
    )
    assert form_to_serve(fp32, int8).file == serves


def forms(models_dir: Path) -> list[onnx.ModelProto]:
    """fp32 and int8 as committed."""
    folder = committed(models_dir, "digits").folder
    return [onnx.load(folder / name) for name in ("model.onnx", "model.int8.onnx")]


def test_digits_are_served_in_whole_numbers_which_cost_no_accuracy(models_dir: Path) -> None:
    manifest = committed(models_dir, "digits").manifest
    both = manifest.quantization
    assert both is not None
    assert manifest.serves == "model.int8.onnx"
    assert (manifest.validation, manifest.test) == (both.int8.validation, both.int8.test)
    assert abs(both.int8.validation.accuracy - both.fp32.validation.accuracy) <= 0.001
    moved = abs(both.int8.test.correct - both.fp32.test.correct)
    assert moved <= both.changed_labels <= 0.001 * manifest.test.samples
    assert both.largest_difference < 0.1
    assert manifest.calibration.expected_error < 0.005


def test_drawn_digits_get_nearly_the_probabilities_of_the_fp32_graph(models_dir: Path) -> None:
    images = np.concatenate([read_digit(png).pixels for png in golden_images()])
    fp32, int8 = (
        class_probabilities(run_images(open_graph(graph), images, 10), 1.0)
        for graph in forms(models_dir)
    )
    assert np.abs(int8 - fp32).max() < 0.005


def test_mnist_digits_get_nearly_the_probabilities_of_the_fp32_graph(
    models_dir: Path, data_dir: Path
) -> None:
    images = read_idx(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")[::20]
    fp32, int8 = (
        class_probabilities(run_images(open_graph(graph), images, 64), 1.0)
        for graph in forms(models_dir)
    )
    assert np.abs(int8 - fp32).max() < 0.05
    assert np.abs(int8 - fp32).mean() < 0.0005


def test_the_committed_int8_graph_is_what_becomes_of_the_fp32_one(
    models_dir: Path, data_dir: Path
) -> None:
    """But for the last bit of a scale, since other CPUs add floats otherwise."""
    fp32, published = forms(models_dir)
    again = quantize_cnn(fp32, usual_and_unusual(load_digits(data_dir).train))
    expected, found = (
        {t.name: numpy_helper.to_array(t) for t in graph.graph.initializer}
        for graph in (again, published)
    )
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        steps = 1 if numbers.dtype == np.int32 else 0
        np.testing.assert_allclose(found[name], numbers, rtol=1e-5, atol=steps, err_msg=name)
    assert published.graph.node == again.graph.node
