"""Engines that run an ONNX file on the CPU: arrays in, arrays out."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from faceshifter_hub.errors import CheckpointError, MissingPackageError, first_line
from faceshifter_hub.runtimes import Engine

if TYPE_CHECKING:
    import openvino

EXTRAS: dict[Engine, str] = {"onnxruntime": "onnx", "openvino": "openvino"}
Run = Callable[[Sequence[np.ndarray]], list[np.ndarray]]


def is_installed(engine: Engine) -> bool:
    """Whether an engine's package is there; it is not imported."""
    return find_spec(engine) is not None


def open_graph(engine: Engine, path: Path) -> Run:
    """Open an ONNX file; what it returns may be called by several threads at a time.

    Raises:
        MissingPackageError: The engine is not installed.
        CheckpointError: The engine does not take the file.
    """
    if not is_installed(engine):
        raise MissingPackageError(
            f"The runtime {engine} is not installed; install it: pip install 'faceshifter-hub[{EXTRAS[engine]}]'."
        )
    try:
        return {"onnxruntime": _open_onnxruntime, "openvino": _open_openvino}[engine](path)
    except Exception as error:  # both engines have exceptions of their own, or none but RuntimeError
        raise CheckpointError(
            f"{path} cannot be run by {engine} ({first_line(error)}); use the runtime torch."
        ) from error


def _open_onnxruntime(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    # threads that wait for work by spinning take the cores from torch, cv2 and decoders between two calls
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        return session.run(None, dict(zip(names, arrays, strict=True)))

    return run


@cache
def _openvino_core() -> "openvino.Core":
    """Return the one core of this process.

    Each gives the thread that makes it a stack to take signals on, and takes it away again without looking who came
    after it: of several, the thread would be left one that is gone, and the next signal, Ctrl-C say, would kill it.
    """
    import openvino

    return openvino.Core()


def _open_openvino(path: Path) -> Run:
    core = _openvino_core()
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = core.compile_model(core.read_model(path), "CPU", settings)

    def run(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        # a request of its own: its memory becomes the result's, and threads do not share it
        results = model.create_infer_request().infer(list(arrays), share_inputs=True, share_outputs=True)
        return [results[output] for output in model.outputs]

    return run
