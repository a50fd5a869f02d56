"""The digits model in int8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.export import open_graph
from training.graphs import Graph
from training.int8 import Array, quantize_rows

ONNXRUNTIME = "com.microsoft"
LARGEST_BIAS = 2**30
"""In 32 bits it leaves room for the sum of the products."""


def quantize_cnn(model: onnx.ModelProto, images: npt.NDArray[np.uint8]) -> onnx.ModelProto:
    """The graph of `training.graphs.digits_graph` in whole numbers; same names and shapes.

    What a layer says is a uint8 whose scale is fixed by the largest that it says about `images`
    (n, 28, 28), and zero is where ReLU cuts off; weights are int8 with a scale for each unit,
    biases int32, logits floats again (Jacob et al., arXiv:1712.05877). No step mixes rows, and
    sums of integers have no order: an answer is the same in any batch.

    Channels come last, which is how onnxruntime convolves whole numbers: the operators are those
    that it makes of ONNX's own by itself, but without transposing.
    """
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    said = np.array([1.0, *_largest_activations(model, images)]) / 255  # scales, from the pixels on
    layers = _Layers()
    pieces = layers.graph.constant("pieces", np.array([0, 28, 7, 4]))
    x = layers.graph.add("Reshape", "image", pieces)
    kernel = _pools_at_once(weights["conv0.weight"])
    bias = np.tile(weights["conv0.bias"], 8)
    x = layers.convolution("conv0", x, kernel, bias, said[0], said[1], strides=[2, 1])
    x = layers.graph.add("Reshape", x, layers.graph.constant("places", np.array([0, 72, 4, 64])))
    x = layers.largest(x, [1, 4])
    x = layers.graph.add("Reshape", x, layers.graph.constant("pooled", np.array([0, 12, 12, 32])))
    for i in (1, 2):
        kernel, bias = weights[f"conv{i}.weight"], weights[f"conv{i}.bias"]
        x = layers.convolution(f"conv{i}", x, kernel, bias, said[i], said[i + 1])
        if i == 1:
            x = layers.largest(x, [2, 2])
    x = layers.graph.add("Flatten", x)
    channels_last = weights["dense0.weight"].reshape(64, 64, 3, 3).transpose(0, 2, 3, 1)
    x = layers.dense("dense0", x, channels_last, weights["dense0.bias"], said[3], said[4])
    layers.dense("logits", x, weights["dense1.weight"], weights["dense1.bias"], said[4])
    return layers.graph.model("digits", *model.graph.input, output=model.graph.output[0])


def _largest_activations(model: onnx.ModelProto, images: npt.NDArray[np.uint8]) -> Array:
    """The largest number that each ReLU gives for any of the images, and never quite zero."""
    relus = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    for name in relus:
        watched.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = open_graph(watched)
    parts = np.split(images[:, None], range(500, len(images), 500))
    largest = [[x.max() for x in session.run(relus, {"image": part})] for part in parts]
    above_zero: Array = np.maximum(np.max(largest, axis=0), 1e-6)
    return above_zero


def _pools_at_once(weight: Array) -> Array:
    """Kernels 3x3 (c, 1, 3, 3) -> those of a convolution that has two pools in its window.

    One channel is too little work for each window that is gathered. So a window is 5 pixels high
    and two pieces of 4 wide, (8 c, 4, 5, 2). Its units stand for the place in a pool, which of two
    neighbouring pools, and the channel, in this order: the pool is the largest of the four places.
    The fifth row weighs nothing. It makes 12 rows of pools from the 28 of pixels, since the 13th
    is what the second pooling leaves out.
    """
    c = len(weight)
    windows = np.zeros((2, 2, 2, c, 5, 8), weight.dtype)
    for down, right, pool in np.ndindex(2, 2, 2):
        left = 2 * pool + right
        windows[down, right, pool, :, down : down + 3, left : left + 3] = weight[:, 0]
    return windows.reshape(8 * c, 5, 2, 4).transpose(0, 3, 1, 2)


class _Layers:
    """Layers of whole numbers as they are added to a graph, with weights in torch's layout."""

    def __init__(self) -> None:
        self.graph = Graph()
        self._zero = self.graph.constant("zero", np.array(0, np.uint8))

    def convolution(
        self,
        name: str,
        x: str,
        weight: Array,
        bias: Array,
        scale: float,
        next_scale: float,
        strides: Sequence[int] = (1, 1),
    ) -> str:
        """x uint8 (b, h, w, i), weight (o, i, kh, kw) -> uint8 (b, h', w', o) after ReLU."""
        weight, bias, weight_scale = _whole(weight, bias, scale)
        return self.graph.add(
            "QLinearConv",
            *(x, self._scale(f"{name}.input", scale), self._zero),
            *self._weights(name, weight, weight_scale),
            *(self._scale(f"{name}.output", next_scale), self._zero),
            self.graph.constant(f"{name}.bias", bias),
            domain=ONNXRUNTIME,
            channels_last=1,
            kernel_shape=weight.shape[2:],
            strides=strides,
        )

    def dense(
        self,
        name: str,
        x: str,
        weight: Array,
        bias: Array,
        scale: float,
        next_scale: float | None = None,
    ) -> str:
        """x uint8 (b, i), weight (o, ...) -> uint8 (b, o) after ReLU; without a scale, floats."""
        weight, bias, weight_scale = _whole(weight.reshape(len(weight), -1), bias, scale)
        output: tuple[str, ...] = ()
        if next_scale is not None:
            output = self._scale(f"{name}.output", next_scale), self._zero
        return self.graph.add(
            "QGemm",
            *(x, self._scale(f"{name}.input", scale), self._zero),
            *self._weights(name, weight.T, weight_scale),
            self.graph.constant(f"{name}.bias", bias),
            *output,
            output=None if output else name,
            domain=ONNXRUNTIME,
        )

    def largest(self, x: str, shape: Sequence[int]) -> str:
        """Max-pooling of x (b, h, w, c) by a shape."""
        return self.graph.add(
            "NhwcMaxPool", x, domain=ONNXRUNTIME, kernel_shape=shape, strides=shape
        )

    def _scale(self, name: str, value: float) -> str:
        return self.graph.constant(f"{name}.scale", np.array(value, np.float32))

    def _weights(self, name: str, weight: Array, scale: Array) -> tuple[str, str, str]:
        return (
            self.graph.constant(f"{name}.weight", np.ascontiguousarray(weight)),
            self.graph.constant(f"{name}.weight.scale", scale),
            self.graph.constant(f"{name}.weight.zero", np.zeros(len(scale), np.int8)),
        )


def _whole(weight: Array, bias: Array, scale: float) -> tuple[Array, Array, Array]:
    """weight int8 (o, ...), bias int32 (o,) in steps of both scales, scales of the weight (o,)."""
    smallest = np.abs(bias) / (scale * LARGEST_BIAS)
    rows, weight_scale = quantize_rows(weight.reshape(len(weight), -1), smallest)
    steps = np.rint(bias / (scale * weight_scale.astype(np.float64)))
    return rows.reshape(weight.shape), steps.astype(np.int32), weight_scale
