"""The sentiment model in int8."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from training.int8 import Array, quantize_rows

OPEN_GATE = 100.0
"""Bias of a gate that is exactly 1."""

WIDEST_GATE = 17.844
LARGEST_CELL = 8.60055
"""Where onnxruntime's approximations of the logistic function and of tanh are largest, a little
more than 1: found by trying every float from 1 to 32 on its AVX-512, AVX2 and SSE kernels."""


def quantize_lstm(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph of `training.graphs.sentiment_graph` with its LSTMs in int8; same names and shapes.

    Weights become int8 with a scale for each gate of each unit, inputs and states uint8 as they
    arrive: com.microsoft.DynamicQuantizeLSTM of onnxruntime. It scales by the smallest and the
    largest number among all rows of a run, so that an answer would depend on its batch-mates. Here
    both are fixed:

    - A word vector gets two more features, +1 and -1. The others lie in between, since each feature
      is divided by its largest magnitude over the vocabulary and the weights on it are multiplied
      by it (the scaling of SmoothQuant, Xiao et al., arXiv:2211.10438).
    - A direction of a layer gets two more units. They begin with a cell of +c and -c and keep it,
      forget gate 1 and candidate 0, so that at every word of every row they say the largest and the
      smallest that any unit can say. Nothing weighs them. The second layer reads them as well.

    Everything else stays fp32. No step mixes rows, and sums of integers have no order.
    """
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    hidden = constants["lstm0.R"].shape[2]
    scale = np.maximum(np.abs(constants["embedding"]).max(axis=0), np.finfo(np.float32).tiny)
    vectors = np.clip(constants["embedding"] / scale, -1, 1)
    ends = np.tile(np.array([1, -1], np.float32), (len(vectors), 1))
    constants["embedding"] = np.concatenate([vectors, ends], axis=1)
    constants["lstm0.W"] = constants["lstm0.W"] * scale
    cells = np.zeros((2, 1, hidden + 2), np.float32)
    cells[:, :, -2:] = LARGEST_CELL, -LARGEST_CELL
    constants |= {
        "merged_shape": np.array([0, 0, 2 * (hidden + 2)]),
        "row_shape": np.array([0, 2 * (hidden + 2)]),
        "output.weight": _widened(constants["output.weight"], 2, axis=1),
        "cells": cells,
        "one": np.array([1]),
    }
    nodes = [  # the first cells of every row (2, b, hidden + 2)
        helper.make_node("Shape", ["lengths"], ["batch_size"]),
        helper.make_node("Concat", ["batch_size", "one"], ["cells_shape"], axis=0),
        helper.make_node("Expand", ["cells", "cells_shape"], ["first_cells"]),
    ]
    for node in model.graph.node:
        nodes.append(_quantized(node, constants) if node.op_type == "LSTM" else node)
    graph = helper.make_graph(
        nodes,
        model.graph.name,
        model.graph.input,
        model.graph.output,
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    opsets = [*model.opset_import, helper.make_opsetid("com.microsoft", 1)]
    quantized = helper.make_model(graph, opset_imports=opsets, ir_version=model.ir_version)
    onnx.checker.check_model(quantized, full_check=True)
    return quantized


def _quantized(lstm: onnx.NodeProto, constants: dict[str, Array]) -> onnx.NodeProto:
    """The int8 form of a bidirectional LSTM, two units larger; its weights in `constants` too."""
    x, weight, recurrent, bias, lengths = lstm.input
    read = 1 if weight == "lstm0.W" else 2  # directions of the layer below, or the word vectors
    hidden = constants[recurrent].shape[2] + 2
    constants[bias] = _widened(constants[bias], 8, axis=1)
    gates = constants[bias].reshape(2, 8, hidden)  # i, o, f, c of the input, then of the state
    gates[:, 1, -2:] = WIDEST_GATE
    gates[:, 2, -2:] = OPEN_GATE
    scales: list[str] = []
    for name, blocks in ((weight, read), (recurrent, 1)):
        rows = _widened(_widened(constants[name], blocks, axis=2), 4, axis=1)  # (2, 4 hidden, m)
        numbers, scale = quantize_rows(rows)
        constants[name] = numbers.transpose(0, 2, 1)
        constants[f"{name}.scale"] = scale
        constants[f"{name}.zero"] = np.zeros(scale.shape, np.int8)
        scales += [f"{name}.scale", f"{name}.zero"]
    return helper.make_node(
        "DynamicQuantizeLSTM",
        [x, weight, recurrent, bias, lengths, "", "first_cells", "", *scales],
        lstm.output,
        domain="com.microsoft",
        direction="bidirectional",
        hidden_size=hidden,
    )


def _widened(numbers: Array, blocks: int, axis: int) -> Array:
    """Two zeros behind each of the equal blocks of an axis."""
    parts = np.split(numbers, blocks, axis)
    zeros = np.zeros_like(parts[0].take([0, 0], axis))
    return np.concatenate([part for block in parts for part in (block, zeros)], axis)
