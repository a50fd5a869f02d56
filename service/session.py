"""The only file that knows onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

# It reports usage to its makers unless told otherwise before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

Array = npt.NDArray[np.generic]


class Session:
    """One loaded graph. `run` may be called from several threads at once."""

    def __init__(self, graph: bytes, threads: int) -> None:
        """`graph` is the content of an ONNX file: what was verified is what runs.

        Raises an Exception of onnxruntime where it cannot run that. Weights in other files are
        looked for in the current folder, so `artifact.refuse_external_data` comes before.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")  # not its own, too
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._session._model_bytes = None  # kept for a device that fails, of which there is none

    def signature(self) -> dict[str, tuple[str, tuple[int | str, ...]]]:
        """Element type and shape of every input and output, as in the manifest."""
        values = [*self._session.get_inputs(), *self._session.get_outputs()]
        return {value.name: (_element(value.type), tuple(value.shape)) for value in values}

    def run(self, inputs: Mapping[str, Array]) -> npt.NDArray[np.float32]:
        """The first output; one row for each row of the inputs."""
        output: npt.NDArray[np.float32] = self._session.run(None, dict(inputs))[0]
        return output


def _element(kind: str) -> str:
    """`tensor(int64)` -> `int64`; onnxruntime says `float`, as ONNX does."""
    return kind.removeprefix("tensor(").removesuffix(")")
