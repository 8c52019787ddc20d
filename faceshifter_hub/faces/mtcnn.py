"""MTCNN: three small networks that find faces and five landmarks, from coarse to fine.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint face detection and alignment using multi-task cascaded convolutional
networks", arXiv 1604.02878. The weights are those of the PyPI package `mtcnn` (MIT), which needs TensorFlow; only its
data files are read here.

Boxes are left, top, right, bottom edges in pixels.
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from math import ceil, prod
from pathlib import Path
from typing import Any, ClassVar

import cv2
import lz4.frame
import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin, FrozenMixin
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.faces.detection import Face
from faceshifter_hub.registry import PHOTOGRAPH, Interface

# (longest side of the searched frame, smallest face sought as a fraction of it); the second search is for pictures
# in which the first, cheap one found nobody
SEARCHES = ((1280, 1 / 32), (2560, 1 / 128))
SMALLEST_FACE = 20  # pixels
PYRAMID_STEP = 0.709  # about half the area a level
PROPOSAL_WINDOW, PROPOSAL_STRIDE = 12, 2  # pixels of a pyramid level
REFINEMENT_SIZE, OUTPUT_SIZE = 24, 48
PROPOSAL_THRESHOLD, REFINEMENT_THRESHOLD, OUTPUT_THRESHOLD = 0.6, 0.7, 0.7


class MTCNNDetector(FrozenMixin, ComponentMixin):
    """MTCNN on whole photographs. Parameters stand in the order of the package's data files."""

    kind: ClassVar[str] = "face_detector"

    @register_to_config
    def __init__(self):
        super().__init__()
        self.pnet = CascadeNet(
            [*_convolution(3, 10, 3, pool=2), *_convolution(10, 16, 3), *_convolution(16, 32, 3)],
            heads=[nn.Conv2d(32, 4, 1), nn.Conv2d(32, 2, 1)],
        )
        self.rnet = CascadeNet(
            [
                *_convolution(3, 28, 3, pool=3),
                *_convolution(28, 48, 3, pool=3),
                *_convolution(48, 64, 2),
                FlattenByColumns(),
                nn.Linear(576, 128),
                nn.PReLU(128),
            ],
            heads=[nn.Linear(128, 4), nn.Linear(128, 2)],
        )
        self.onet = CascadeNet(
            [
                *_convolution(3, 32, 3, pool=3),
                *_convolution(32, 64, 3, pool=3),
                *_convolution(64, 64, 3, pool=2),
                *_convolution(64, 128, 2),
                FlattenByColumns(),
                nn.Linear(1152, 256),
                nn.PReLU(256),
            ],
            heads=[nn.Linear(256, 4), nn.Linear(256, 10), nn.Linear(256, 2)],
        )

    @classmethod
    def from_files(cls, files: dict[str, Path]) -> "MTCNNDetector":
        """Build the detector from the package's `pnet.lz4`, `rnet.lz4` and `onet.lz4`.

        Raises:
            CheckpointError: A file is damaged, holds anything but float32 arrays, or belongs to another network.
        """
        detector = cls()
        for name in ("pnet", "rnet", "onet"):
            path = files[f"{name}.lz4"]
            _fill(getattr(detector, name), read_joblib_arrays(path), path)
        return detector.eval()

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the interface, which no configuration changes."""
        return PHOTOGRAPH

    @torch.no_grad()
    def detect(self, image: np.ndarray) -> list[Face]:
        """Return the faces of a photograph, (H, W, 3) uint8 RGB, the largest first.

        Large photographs are searched at reduced size: first for faces of at least 1/32 of the longest side, then, if
        there is none, for smaller ones.
        """
        longest = max(image.shape[:2])
        for limit, fraction in SEARCHES:
            scale = min(1.0, limit / longest)
            faces = self._search(_resized(image, scale), max(SMALLEST_FACE, fraction * scale * longest))
            if faces:
                return [
                    # edges scale; landmarks are pixel centres at integers
                    Face(face.box / scale, face.score, (face.landmarks + 0.5) / scale - 0.5)
                    for face in sorted(faces, key=lambda face: face.area, reverse=True)
                ]
        return []

    def _search(self, image: np.ndarray, smallest_face: float) -> list[Face]:
        frame = (image.astype(np.float32) - 127.5) / 128
        boxes = self._propose(frame, smallest_face)
        boxes = self._refine(frame, boxes)
        return self._output(frame, boxes)

    def _propose(self, frame: np.ndarray, smallest_face: float) -> np.ndarray:
        """Run P-Net over an image pyramid; return square candidate boxes (N, 4)."""
        candidates, scores = [np.zeros((0, 4))], [np.zeros(0)]
        scale = PROPOSAL_WINDOW / smallest_face
        while min(frame.shape[:2]) * scale >= PROPOSAL_WINDOW:
            regressions, logits = self._run(self.pnet, _resized(frame, scale)[None])
            score = logits.softmax(1)[0, 1].numpy()
            row, column = np.nonzero(score > PROPOSAL_THRESHOLD)
            corner = PROPOSAL_STRIDE * np.column_stack([column, row])
            boxes = np.hstack([corner, corner + PROPOSAL_WINDOW]) / scale
            keep = non_maximum_suppression(boxes, score[row, column], 0.5)
            candidates.append(_regressed(boxes, regressions[0, :, row, column].T.numpy())[keep])
            scores.append(score[row, column][keep])
            scale *= PYRAMID_STEP
        boxes = np.concatenate(candidates)
        return _squared(boxes[non_maximum_suppression(boxes, np.concatenate(scores), 0.7)], frame)

    def _refine(self, frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Let R-Net look again at the candidates; return those kept, square, (N, 4)."""
        if not len(boxes):
            return boxes
        regressions, logits = self._run(self.rnet, _crops(frame, boxes, REFINEMENT_SIZE))
        score = logits.softmax(1)[:, 1].numpy()
        good = score > REFINEMENT_THRESHOLD
        keep = non_maximum_suppression(boxes[good], score[good], 0.7)
        return _squared(_regressed(boxes, regressions.numpy())[good][keep], frame)

    def _output(self, frame: np.ndarray, boxes: np.ndarray) -> list[Face]:
        """Let O-Net decide, and place the landmarks."""
        if not len(boxes):
            return []
        regressions, points, logits = self._run(self.onet, _crops(frame, boxes, OUTPUT_SIZE))
        score = logits.softmax(1)[:, 1].numpy()
        relative = points.unflatten(1, (2, 5)).mT.numpy()  # (N, 5, 2), x and y as fractions of the box
        landmarks = boxes[:, None, :2] + relative * (boxes[:, 2:] - boxes[:, :2])[:, None]
        boxes = _regressed(boxes, regressions.numpy())
        good = np.flatnonzero(score > OUTPUT_THRESHOLD)
        keep = good[non_maximum_suppression(boxes[good], score[good], 0.7, of_smaller=True)]
        return [Face(boxes[i].astype(np.float32), float(score[i]), landmarks[i].astype(np.float32)) for i in keep]

    def _run(self, net: "CascadeNet", images: np.ndarray) -> list[torch.Tensor]:
        """Run one network on (B, H, W, 3) float32."""
        x = torch.from_numpy(images).permute(0, 3, 1, 2).to(self.device, self.dtype)
        return [output.float().cpu() for output in net(x)]


class CascadeNet(nn.Module):
    """A trunk and the heads that read its features: box regression, (landmarks,) face or not."""

    def __init__(self, trunk: Sequence[nn.Module], heads: Sequence[nn.Module]):
        super().__init__()
        self.trunk = nn.Sequential(*trunk)
        self.heads = nn.ModuleList(heads)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        features = self.trunk(x)
        return [head(features) for head in self.heads]


class FlattenByColumns(nn.Module):
    """Flattens maps column by column, channels last, as the weights expect."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 2, 1).flatten(1)  # (B, C, H, W) -> (B, W H C)


def _convolution(in_channels: int, channels: int, kernel: int, pool: int | None = None) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(in_channels, channels, kernel), nn.PReLU(channels)]
    return [*layers, nn.MaxPool2d(pool, stride=2, ceil_mode=True)] if pool else layers


def _resized(image: np.ndarray, scale: float) -> np.ndarray:
    height, width = image.shape[:2]
    if scale == 1:
        return image
    return cv2.resize(image, (ceil(width * scale), ceil(height * scale)), interpolation=cv2.INTER_AREA)


def _regressed(boxes: np.ndarray, regressions: np.ndarray) -> np.ndarray:
    """Move each edge of the boxes (N, 4) by a fraction of the box's size."""
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + regressions * np.hstack([size, size])


def _squared(boxes: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Grow boxes (N, 4) to squares on whole pixels; drop those without a pixel of the frame."""
    side = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True).round()
    corner = ((boxes[:, :2] + boxes[:, 2:] - side) / 2).round()
    height, width = frame.shape[:2]
    inside = (corner < (width, height)).all(1) & (corner + side > 0).all(1) & (side[:, 0] > 0)
    return np.hstack([corner, corner + side])[inside]


def _crops(frame: np.ndarray, boxes: np.ndarray, size: int) -> np.ndarray:
    """Cut square boxes (N, 4) out of the frame, grey beyond its edges, resized to (N, size, size, 3)."""
    height, width = frame.shape[:2]
    crops = np.empty((len(boxes), size, size, 3), np.float32)
    for crop, (left, top, right, bottom) in zip(crops, boxes.astype(int), strict=True):
        inside = frame[max(0, top) : bottom, max(0, left) : right]
        margins = max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width)
        padded = cv2.copyMakeBorder(inside, *margins, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        cv2.resize(padded, (size, size), dst=crop, interpolation=cv2.INTER_AREA)
    return crops


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, of_smaller: bool = False
) -> np.ndarray:
    """Keep the best of boxes that overlap.

    Args:
        boxes: (N, 4).
        scores: (N,).
        threshold: Largest overlap, in [0, 1], of two boxes that both stay.
        of_smaller: Measure the overlap as a fraction of the smaller box, instead of the union.

    Returns:
        Indices of the boxes kept, best first.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, keep = np.argsort(-scores), []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        overlap = (high - low).clip(min=0).prod(1)
        whole = np.minimum(area[best], area[rest]) if of_smaller else area[best] + area[rest] - overlap
        order = rest[overlap <= threshold * whole]
    return np.array(keep, int)


def read_joblib_arrays(path: Path) -> list[np.ndarray]:
    """Read a list of float32 arrays that joblib pickled and lz4 compressed, without trusting the pickle.

    Raises:
        CheckpointError: The file is damaged or holds anything else.
    """
    try:
        arrays = _ArrayUnpickler(io.BytesIO(lz4.frame.decompress(path.read_bytes()))).load()
    except Exception as error:  # damaged or hostile bytes fail in any way they like
        raise CheckpointError(f"{path} is no list of numpy arrays ({error}); install the package anew.") from error
    if not (isinstance(arrays, list) and all(isinstance(array, np.ndarray) for array in arrays)):
        raise CheckpointError(f"{path} is no list of numpy arrays; install the package anew.")
    return arrays


class _ArrayUnpickler(pickle._Unpickler):
    """An unpickler in which every name a file may use stands for something inert.

    joblib writes an array as a pickled header, one byte that counts the padding, the padding, and the raw numbers
    in the midst of the pickle; reading those needs a hook that only the pure Python unpickler has.
    """

    def __init__(self, stream: io.BytesIO):
        super().__init__(stream)
        self.stream = stream

    def find_class(self, module: str, name: str) -> object:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None

    def load_build(self) -> None:
        super().load_build()  # type: ignore[misc]  # the pure-Python unpickler's stack machine has no types
        stack: list[Any] = self.stack  # type: ignore[attr-defined]
        if isinstance(stack[-1], _ArrayHeader):
            stack[-1] = stack[-1].read_array(self.stream)

    dispatch: ClassVar[dict[int, Any]] = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}


class _ArrayHeader:
    """Stands for `joblib.numpy_pickle.NumpyArrayWrapper`: the attributes of an array whose numbers follow."""

    shape: tuple[int, ...]
    order: str
    dtype: "_Float32"

    def read_array(self, stream: io.BytesIO) -> np.ndarray:
        if not isinstance(self.dtype, _Float32) or self.order != "C":
            raise pickle.UnpicklingError("an array is not float32 in C order")
        (padding,) = stream.read(1)
        stream.read(padding)
        numbers = np.frombuffer(stream.read(4 * prod(self.shape)), "<f4")
        return numbers.reshape(self.shape).copy()


class _Float32:
    """Stands for `numpy.dtype` and can be nothing but little-endian float32."""

    def __init__(self, code: str, *_: object):
        if code != "f4":
            raise pickle.UnpicklingError(f"an array is of type {code}")

    def __setstate__(self, state: tuple) -> None:
        if state[1] != "<":
            raise pickle.UnpicklingError("an array is not little-endian")


_ADMITTED = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _ArrayHeader,
    ("numpy", "dtype"): _Float32,
    ("numpy", "ndarray"): None,  # the header's `subclass`, which nothing reads
}


def _fill(net: nn.Module, arrays: list[np.ndarray], path: Path) -> None:
    """Copy Keras's arrays, channels last, into the parameters of a network, in the same order."""
    parameters = list(net.parameters())
    tensors = [torch.from_numpy(_channels_first(array)) for array in arrays]
    if [tensor.shape for tensor in tensors] != [parameter.shape for parameter in parameters]:
        raise CheckpointError(f"{path} holds the weights of another network; install the package anew.")
    with torch.no_grad():
        for parameter, tensor in zip(parameters, tensors, strict=True):
            parameter.copy_(tensor)


def _channels_first(array: np.ndarray) -> np.ndarray:
    if array.ndim == 4:  # convolution: (height, width, in, out) -> (out, in, height, width)
        return array.transpose(3, 2, 0, 1)
    if array.ndim == 2:  # dense: (in, out) -> (out, in)
        return array.T
    return array.reshape(-1)  # a bias; a slope of PReLU, (1, 1, channels) after a convolution
