"""The two networks as ONNX graphs, built node by node from trained weights.

Built by hand because no torch exporter carries sequence lengths into ONNX's LSTM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, from_numpy, nn

from training.lstm import SentimentLSTM

Array = npt.NDArray[Any]

OPSETS = {"": 21, "com.microsoft": 1}  # ONNX's own operators, and those of onnxruntime
IR_VERSION = 10
LSTM_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Graph:
    """Nodes and constants as they are added; every node has one output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def constant(self, name: str, value: Array) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def model(
        self, name: str, *inputs: onnx.ValueInfoProto, output: onnx.ValueInfoProto
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, name, list(inputs), [output], self._constants)
        domains = sorted({"", *(node.domain for node in self._nodes)})
        opsets = [helper.make_opsetid(domain, OPSETS[domain]) for domain in domains]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


def digits_graph(
    convolutions: Sequence[tuple[Array, Array]], dense: Sequence[tuple[Array, Array]]
) -> onnx.ModelProto:
    """image uint8 (b, 1, 28, 28) -> logits (b, 10), from (weight, bias) pairs in torch's layout.

    Scaling to 0..1 is part of the graph; every convolution but the last is pooled by 2.
    """
    graph = Graph()
    x = graph.add("Cast", "image", to=TensorProto.FLOAT)
    x = graph.add("Mul", x, graph.constant("scale", np.array(1 / 255, np.float32)))
    for i, (weight, bias) in enumerate(convolutions):
        names = graph.constant(f"conv{i}.weight", weight), graph.constant(f"conv{i}.bias", bias)
        x = graph.add("Relu", graph.add("Conv", x, *names, kernel_shape=[3, 3]))
        if i < len(convolutions) - 1:
            x = graph.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = graph.add("Flatten", x)
    for i, (weight, bias) in enumerate(dense):
        names = graph.constant(f"dense{i}.weight", weight), graph.constant(f"dense{i}.bias", bias)
        x = graph.add("Gemm", x, *names, transB=1, output="logits" if i else None)
        if not i:
            x = graph.add("Relu", x)
    return graph.model(
        "digits",
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 1, 28, 28]),
        output=helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10]),
    )


def sentiment_graph(model: SentimentLSTM) -> onnx.ModelProto:
    """ids int64 (b, t), lengths int32 (b,) -> logits (b, 1).

    Padding is never read: `sequence_lens` ends each row, and the outputs behind it are zero, so
    that their sum over time is the sum over the words.
    """
    graph = Graph()
    hidden = model.output.in_features // 2
    time_major = graph.add("Transpose", "ids", perm=[1, 0])
    x = graph.add("Gather", graph.constant("embedding", _array(model.embedding.weight)), time_major)
    directions = zip(model.forward_layers, model.backward_layers, strict=True)
    merged = graph.constant("merged_shape", np.array([0, 0, 2 * hidden]))
    for i, (ahead, back) in enumerate(directions):
        if i:
            x = graph.add("Reshape", graph.add("Transpose", x, perm=[0, 2, 1, 3]), merged)
        weights = (
            graph.constant(f"lstm{i}.{name}", np.stack([ahead_part, back_part]))
            for name, ahead_part, back_part in zip(
                "WRB", _onnx_lstm(ahead), _onnx_lstm(back), strict=True
            )
        )
        x = graph.add("LSTM", x, *weights, "lengths", direction="bidirectional", hidden_size=hidden)
    total = graph.add("ReduceSum", x, graph.constant("time_axis", np.array([0])), keepdims=0)
    total = graph.add("Transpose", total, perm=[1, 0, 2])  # (b, 2, hidden)
    total = graph.add("Reshape", total, graph.constant("row_shape", np.array([0, 2 * hidden])))
    count = graph.add("Cast", "lengths", to=TensorProto.FLOAT)
    count = graph.add("Unsqueeze", count, graph.constant("last_axis", np.array([1])))
    mean = graph.add("Div", total, count)
    weight = graph.constant("output.weight", _array(model.output.weight))
    bias = graph.constant("output.bias", _array(model.output.bias))
    graph.add("Gemm", mean, weight, bias, transB=1, output="logits")
    return graph.model(
        "sentiment",
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "time"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        output=helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1]),
    )


def trained_weights(graph: onnx.ModelProto) -> dict[str, Tensor]:
    """What a `SentimentLSTM` loads to be the network that `sentiment_graph` was given."""
    constants = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    weights = {
        "embedding.weight": constants["embedding"],
        "output.weight": constants["output.weight"],
        "output.bias": constants["output.bias"],
    }
    for layer in range(sum(name.endswith(".W") for name in constants)):
        for direction, name in enumerate(("forward_layers", "backward_layers")):
            weight, recurrent, bias = (
                constants[f"lstm{layer}.{part}"][direction] for part in "WRB"
            )
            for kind, rows in zip(LSTM_PARTS, (weight, recurrent, *np.split(bias, 2)), strict=True):
                weights[f"{name}.{layer}.{kind}"] = _torch_gates(rows)
    return {name: from_numpy(value.copy()) for name, value in weights.items()}


def _onnx_lstm(lstm: nn.Module) -> tuple[Array, Array, Array]:
    """W, R and B of one direction: gates in ONNX's order i, o, f, c; both biases in a row."""
    weight, recurrent, bias, recurrent_bias = (
        _gates(_array(getattr(lstm, name))) for name in LSTM_PARTS
    )
    return weight, recurrent, np.concatenate([bias, recurrent_bias])


def _gates(rows: Array) -> Array:
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, o, f, g])


def _torch_gates(rows: Array) -> Array:
    i, o, f, g = np.split(rows, 4)
    return np.concatenate([i, f, g, o])


def _array(parameter: Tensor) -> Array:
    return parameter.detach().cpu().numpy()
