"""Both networks from their equations, in NumPy and float64: what any engine must agree with.

Read it beside the equations; nothing here is fast. `X` is an input, `W` and `R` are weights on
inputs and on what a layer said before, `b` is a bias, `s` an activation function.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Array = npt.NDArray[np.float64]
Weights = dict[str, Array]


def read_weights(path: Path) -> Weights:
    """The trained numbers of an ONNX file by name, as `training.graphs` named them."""
    return {
        tensor.name: numpy_helper.to_array(tensor).astype(np.float64)
        for tensor in onnx.load(path).graph.initializer
    }


def digit_probabilities(weights: Weights, images: npt.NDArray[np.uint8]) -> Array:
    """images (n, 1, 28, 28), 0..255 -> probabilities (n, 10)."""
    a = images / 255  # (n, 1, 28, 28)
    for i in range(3):
        a = relu(convolution(a, weights[f"conv{i}.weight"], weights[f"conv{i}.bias"]))
        if i < 2:
            a = max_pooling(a)
    a = a.reshape(len(a), -1)  # (n, 576)
    a = relu(dense(a, weights["dense0.weight"], weights["dense0.bias"]))
    return softmax(dense(a, weights["dense1.weight"], weights["dense1.bias"]))


def positive_probability(weights: Weights, ids: npt.NDArray[np.int64]) -> float:
    """Word ids (t,) of one text, without padding -> the probability that it is positive."""
    x = weights["embedding"][ids]  # (t, 100)
    for i in range(2):
        x = bidirectional(x, *(weights[f"lstm{i}.{name}"] for name in "WRB"))
    y = dense(x.mean(axis=0), weights["output.weight"], weights["output.bias"])
    return float(sigmoid(y)[0])


def convolution(x: Array, w: Array, b: Array) -> Array:
    """Z = X * W + b: x (n, c, h, v), w (k, c, 3, 3), b (k,) -> (n, k, h - 2, v - 2).

    Every 3x3 window of X, weighted and summed; as in every framework, W is not mirrored.
    """
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    z: Array = np.einsum("nchvij,kcij->nkhv", windows, w, optimize=True) + b[:, None, None]
    return z


def max_pooling(z: Array) -> Array:
    """a = max z over windows of 2x2: (n, k, h, v) -> (n, k, h // 2, v // 2)."""
    n, k, h, v = z.shape
    whole = z[:, :, : h // 2 * 2, : v // 2 * 2]  # an odd last row or column is left out
    a: Array = whole.reshape(n, k, h // 2, 2, v // 2, 2).max(axis=(3, 5))
    return a


def dense(a: Array, w: Array, b: Array) -> Array:
    """W a + b: a (..., m), w (k, m), b (k,) -> (..., k)."""
    return a @ w.T + b


def bidirectional(x: Array, w: Array, r: Array, b: Array) -> Array:
    """One layer that reads the words x (t, m) in both directions -> (t, 2 h).

    w (2, 4 h, m), r (2, 4 h, h), b (2, 8 h): first the direction ahead, then the one back.
    """
    ahead = lstm(x, w[0], r[0], b[0])
    back = lstm(x[::-1], w[1], r[1], b[1])[::-1]
    return np.concatenate([ahead, back], axis=1)


def lstm(x: Array, w: Array, r: Array, b: Array) -> Array:
    """States h_1 .. h_t (t, h) of one direction over words x (t, m).

    w (4 h, m), r (4 h, h) and b (8 h,) hold the gates in ONNX's order i, o, f, c; b has the bias
    on the input, then the one on the state. [W, R] is the W of the equations, on [x, h].

    i = sigmoid(W_i [h, x] + b_i), o = sigmoid(W_o [h, x] + b_o), f = sigmoid(W_f [h, x] + b_f),
    C~ = tanh(W_c [h, x] + b_c), C = f * C + i * C~, h = o * tanh(C)
    """
    w_i, w_o, w_f, w_c = np.split(np.concatenate([w, r], axis=1), 4)  # each (h, m + h)
    on_input, on_state = np.split(b, 2)
    b_i, b_o, b_f, b_c = np.split(on_input + on_state, 4)  # each (h,)
    h, cell = np.zeros(r.shape[1]), np.zeros(r.shape[1])
    states = []
    for word in x:
        seen = np.concatenate([word, h])
        i = sigmoid(w_i @ seen + b_i)
        o = sigmoid(w_o @ seen + b_o)
        f = sigmoid(w_f @ seen + b_f)
        candidate = np.tanh(w_c @ seen + b_c)
        cell = f * cell + i * candidate
        h = o * np.tanh(cell)
        states.append(h)
    return np.stack(states)


def relu(z: Array) -> Array:
    """s(z) = max(z, 0)."""
    rectified: Array = np.maximum(z, 0)
    return rectified


def sigmoid(z: Array) -> Array:
    """s(z) = 1 / (1 + exp(-z)), written so that it cannot overflow."""
    half: Array = 0.5 * (1 + np.tanh(z / 2))
    return half


def softmax(z: Array) -> Array:
    """exp(z) / sum of exp(z) over the last axis; the largest is taken off first, which changes
    nothing but overflow."""
    odds: Array = np.exp(z - z.max(axis=-1, keepdims=True))
    shares: Array = odds / odds.sum(axis=-1, keepdims=True)
    return shares
