"""A model pack of hand-built ONNX graphs that insightface takes for its own, since the real weights are not free."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 640  # side of the square in which the detector looks
RECOGNITION_WEIGHTS = np.random.default_rng(0).standard_normal((3, 512), dtype=np.float32)
LANDMARKS = np.array([[-1.5, -1], [1.5, -1], [0, 0], [-1.2, 1.5], [1.2, 1.5]])
# the faces that the detector always finds in a reddish picture: centre and half side in units of 32 pixels, score
FACES = (((4, 5), 1.0, 0.95), ((12, 10), 4.0, 0.8))


def write_recogniser(path: Path) -> None:
    """Write a model that multiplies the mean colour of a 112-pixel face, RGB in [-1, 1], by a fixed matrix."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["input.1"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
    ]
    _save(nodes, ("batch", 3, 112, 112), {"embedding": ("batch", 512)}, {"weights": RECOGNITION_WEIGHTS}, path)


def write_detector(path: Path) -> None:
    """Write a model shaped like SCRFD (nine outputs, three strides, two anchors); red decides its scores."""
    nodes = [
        helper.make_node("Split", ["input.1", "one_each"], ["red", "green", "blue"], axis=1),
        helper.make_node("ReduceMean", ["red"], ["redness"], keepdims=0),
        helper.make_node("Mul", ["redness", "zero"], ["nothing"]),
    ]
    constants = {"zero": np.array(0, np.float32), "one_each": np.array([1, 1, 1], np.int64)}
    outputs: dict[str, tuple[int, ...]] = {}
    for name, width in {"score": 1, "box": 4, "points": 10}.items():
        for stride in (8, 16, 32):
            cells = SIZE // stride
            table = np.zeros((cells, cells, 2, width), np.float32)
            for (column, row), half, score in FACES if stride == 32 else ():
                # distances from the anchor in strides, for the box outwards
                answer = {"score": score, "box": half, "points": half / 4 * LANDMARKS.ravel()}[name]
                table[row, column, 0] = answer
            constants[f"{name}_{stride}_table"] = table.reshape(-1, width)
            operation, other = ("Mul", "redness") if name == "score" else ("Add", "nothing")
            nodes.append(helper.make_node(operation, [f"{name}_{stride}_table", other], [f"{name}_{stride}"]))
            outputs[f"{name}_{stride}"] = (cells * cells * 2, width)
    _save(nodes, (1, 3, SIZE, SIZE), outputs, constants, path)


def write_stranger(path: Path) -> None:
    """Write a model that insightface knows no task for."""
    _save([helper.make_node("Identity", ["input.1"], ["same"])], (1, 3, 7, 7), {"same": (1, 3, 7, 7)}, {}, path)


def _save(nodes, input_shape, outputs, constants, path):
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
