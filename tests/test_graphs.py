"""Exported graphs compute what torch computes, whatever the weights and the shape of the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch

from service.contract.probabilities import class_probabilities
from service.contract.text import pad
from training.cnn import DigitCNN
from training.export import PARITY_LIMIT, open_graph
from training.graphs import digits_graph, sentiment_graph, trained_weights
from training.lstm import SentimentLSTM

VOCABULARY = 500
BATCHES = [1, 2, 7, 16, 64]


@pytest.fixture(autouse=True)
def _repeatable_on_one_thread() -> Iterator[None]:
    """Several threads would only wait for each other where the machine has other work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    yield
    torch.set_num_threads(threads)


def digit_network(*, batch_norm: bool) -> DigitCNN:
    """Random weights, and where it normalises, statistics far from those it starts with."""
    network = DigitCNN(batch_norm).eval()
    for norm in network.norms:
        if isinstance(norm, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.2, 4)
            norm.weight.data.uniform_(-2, 2)
            norm.bias.data.normal_(0, 0.5)
    return network


def sentiment_network() -> SentimentLSTM:
    """Random weights, the last ones large enough for probabilities all over the range."""
    network = SentimentLSTM(VOCABULARY).eval()
    network.output.weight.data.normal_()
    return network


def largest_difference(reference: torch.Tensor, logits: npt.NDArray[np.float32]) -> float:
    expected = class_probabilities(reference.numpy(), 1.0)
    return float(np.abs(class_probabilities(logits, 1.0) - expected).max())


@torch.no_grad()
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "folded_batch_norm"])
def test_digit_graph_agrees_with_torch(batch_norm: bool) -> None:
    network = digit_network(batch_norm=batch_norm)
    session = open_graph(digits_graph(*network.folded()))
    rng = np.random.default_rng(1)
    for batch in BATCHES:
        images = rng.integers(0, 256, (batch, 1, 28, 28), dtype=np.uint8)
        reference = network(torch.from_numpy(images).float() / 255)
        logits = session.run(None, {"image": images})[0]
        assert logits.shape == (batch, 10)
        assert largest_difference(reference, logits) < PARITY_LIMIT


@torch.no_grad()
def test_sentiment_graph_agrees_with_torch_at_every_length_and_batch_size() -> None:
    """Alone at lengths from 1 to 300; then both ends of that range and others in one batch."""
    network = sentiment_network()
    session = open_graph(sentiment_graph(network))
    rng = np.random.default_rng(2)
    batches = [[length] for length in (1, 2, 3, 10, 31, 100, 300)]
    batches += [[1, 300, *rng.integers(1, 301, batch - 2).tolist()] for batch in BATCHES[1:]]
    for lengths in batches:
        rows = [rng.integers(0, VOCABULARY, length) for length in lengths]
        inputs = pad(rows)
        ids, counts = (torch.from_numpy(inputs[name]).long() for name in ("ids", "lengths"))
        logits = session.run(None, {**inputs})[0]
        assert logits.shape == (len(rows), 1)
        assert largest_difference(network(ids, counts), logits) < PARITY_LIMIT


@torch.no_grad()
def test_what_stands_behind_the_end_of_a_row_is_not_read() -> None:
    """Neither by torch nor by ONNX: other ids there change no byte."""
    network = sentiment_network()
    session = open_graph(sentiment_graph(network))
    ids = np.random.default_rng(3).integers(0, VOCABULARY, (4, 40))
    lengths = np.array([40, 1, 17, 33], np.int32)
    other = np.where(np.arange(40) < lengths[:, None], ids, VOCABULARY - 1 - ids)
    first, second = (session.run(None, {"ids": x, "lengths": lengths})[0] for x in (ids, other))
    assert first.tobytes() == second.tobytes()
    counts = torch.from_numpy(lengths).long()
    torch_first, torch_second = (network(torch.from_numpy(x), counts) for x in (ids, other))
    assert torch.equal(torch_first, torch_second)


def test_a_published_graph_gives_its_network_back_to_the_last_bit() -> None:
    network = sentiment_network()
    weights = trained_weights(sentiment_graph(network))
    expected = network.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "folded_batch_norm"])
def test_digit_graph_has_93_322_parameters_with_or_without_batch_norm(batch_norm: bool) -> None:
    graph = digits_graph(*digit_network(batch_norm=batch_norm).folded())
    numbers = (np.prod(tensor.dims) for tensor in graph.graph.initializer if tensor.dims)
    assert sum(numbers) == 93_322


@torch.no_grad()
def test_folding_a_network_in_training_changes_neither_its_weights_nor_its_statistics() -> None:
    network = digit_network(batch_norm=True).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    digits_graph(*network.folded())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
