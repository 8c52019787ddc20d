"""MTCNN: three small networks that find faces and five landmarks, from coarse to fine.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint face detection and alignment using multi-task cascaded convolutional
networks", arXiv 1604.02878. The weights are those of the PyPI package `mtcnn` (MIT), which needs TensorFlow; only its
data files are read here.

Boxes are left, top, right, bottom edges in pixels.
"""

import io
import pickle
from collections.abc import Mapping, Sequence
from math import ceil, floor, log2, prod
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
from faceshifter_hub.faces.overlap import non_maximum_suppression
from faceshifter_hub.registry import PHOTOGRAPH, Interface

# smallest face sought, as a fraction of the photograph's longest side; the second search is for pictures in which the
# first, cheap one found nobody
SEARCHES = (1 / 24, 1 / 128)
SMALLEST_FACE = 20  # pixels
PYRAMID_STEP = 0.709  # about half the area a level
GREY = 127.5  # level in the middle, 0 to the networks
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
    def detect(self, image: np.ndarray, smallest: float | None = None) -> list[Face]:
        """Return the faces of a photograph, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB.
            smallest: Side in pixels from which faces are sought, 20 at least; by default 1/24 of the longest side and,
                if no face is as large, 1/128.
        """
        frames = _halvings(image)
        sides = [fraction * max(image.shape[:2]) for fraction in SEARCHES]
        for side in sides if smallest is None else [min(smallest, sides[0])]:
            boxes = self._propose(frames, max(SMALLEST_FACE, side))
            faces = self._output(frames, self._refine(frames, boxes))
            if faces:
                return sorted(faces, key=lambda face: face.area, reverse=True)
        return []

    def _propose(self, frames: Sequence[np.ndarray], smallest_face: float) -> np.ndarray:
        """Run P-Net over an image pyramid; return square candidate boxes (N, 4)."""
        candidates, scores = [np.zeros((0, 4))], [np.zeros(0)]
        scale = PROPOSAL_WINDOW / smallest_face
        while min(frames[0].shape[:2]) * scale >= PROPOSAL_WINDOW:
            regressions, logits = self._run(self.pnet, _resized(frames, scale)[None])
            score = logits.softmax(1)[0, 1].numpy()
            row, column = np.nonzero(score > PROPOSAL_THRESHOLD)
            corner = PROPOSAL_STRIDE * np.column_stack([column, row])
            boxes = np.hstack([corner, corner + PROPOSAL_WINDOW]) / scale
            keep = non_maximum_suppression(boxes, score[row, column], 0.5)
            candidates.append(_regressed(boxes, regressions[0, :, row, column].T.numpy())[keep])
            scores.append(score[row, column][keep])
            scale *= PYRAMID_STEP
        boxes = np.concatenate(candidates)
        boxes = _squared(boxes[non_maximum_suppression(boxes, np.concatenate(scores), 0.7)])
        return boxes[_seen(boxes, frames[0])]

    def _refine(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Let R-Net look again at the candidates; return those kept, square, (N, 4)."""
        if not len(boxes):
            return boxes
        regressions, logits = self._run(self.rnet, _crops(frames, boxes, REFINEMENT_SIZE))
        score = logits.softmax(1)[:, 1].numpy()
        good = score > REFINEMENT_THRESHOLD
        keep = non_maximum_suppression(boxes[good], score[good], 0.7)
        boxes = _squared(_regressed(boxes, regressions.numpy())[good][keep])
        return boxes[_seen(boxes, frames[0])]

    def _output(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> list[Face]:
        """Let O-Net decide, then look again where it sees a face, to place the landmarks.

        With the face in the middle of what it sees, landmarks tremble less.
        """
        if not len(boxes):
            return []
        boxes, score, _ = self._look(frames, boxes)
        good = np.flatnonzero(score > OUTPUT_THRESHOLD)
        keep = good[non_maximum_suppression(boxes[good], score[good], 0.7, of_smaller=True)]
        keep = keep[_seen(_squared(boxes[keep]), frames[0])]
        if not len(keep):
            return []
        score = score[keep]
        boxes, _, landmarks = self._look(frames, _squared(boxes[keep]))
        return [Face(*found) for found in zip(boxes.astype(np.float32), score.tolist(), landmarks, strict=True)]

    def _look(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run O-Net on square boxes (N, 4); return boxes (N, 4), scores (N,) and landmarks (N, 5, 2) float32."""
        regressions, points, logits = self._run(self.onet, _crops(frames, boxes, OUTPUT_SIZE))
        relative = points.unflatten(1, (2, 5)).mT.numpy()  # (N, 5, 2), x and y as fractions of the box
        landmarks = boxes[:, None, :2] + relative * (boxes[:, 2:] - boxes[:, :2])[:, None]
        return _regressed(boxes, regressions.numpy()), logits.softmax(1)[:, 1].numpy(), landmarks.astype(np.float32)

    def _run(self, net: "CascadeNet", images: np.ndarray) -> list[torch.Tensor]:
        """Run one network on (B, H, W, 3) uint8."""
        x = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float()  # (B, 3, H, W)
        x = ((x - GREY) / 128).to(self.dtype)
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


def _halvings(photo: np.ndarray) -> list[np.ndarray]:
    """Return a photograph, then half of it, half of that, ...: what is reduced further begins with the nearest."""
    frames = [photo]
    while min(frames[-1].shape[:2]) >= 2 * PROPOSAL_WINDOW:
        height, width = (side // 2 for side in frames[-1].shape[:2])
        frames.append(cv2.resize(frames[-1][: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
    return frames


def _least(frames: Sequence[np.ndarray], scale: float) -> tuple[np.ndarray, float]:
    """Return the smallest of the frames that is no smaller than the photograph times `scale`, and its own scale."""
    halvings = min(max(0, floor(-log2(scale))), len(frames) - 1)
    return frames[halvings], 0.5**halvings


def _resized(frames: Sequence[np.ndarray], scale: float) -> np.ndarray:
    frame, own_scale = _least(frames, scale)
    height, width = (ceil(side * scale / own_scale) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _regressed(boxes: np.ndarray, regressions: np.ndarray) -> np.ndarray:
    """Move each edge of the boxes (N, 4) by a fraction of the box's size."""
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + regressions * np.hstack([size, size])


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Grow boxes (N, 4) to squares on whole pixels."""
    side = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True).round()
    corner = ((boxes[:, :2] + boxes[:, 2:] - side) / 2).round()
    return np.hstack([corner, corner + side])


def _seen(boxes: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Return which of some boxes (N, 4) have a pixel of the photograph, (N,) bool."""
    height, width = photo.shape[:2]
    return (boxes[:, :2] < (width, height)).all(1) & (boxes[:, 2:] > np.maximum(boxes[:, :2], 0)).all(1)


def _crops(frames: Sequence[np.ndarray], boxes: np.ndarray, size: int) -> np.ndarray:
    """Cut square boxes (N, 4) out of the photograph, grey beyond its edges, resized to (N, size, size, 3)."""
    crops = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, (left, top, right, _) in zip(crops, boxes, strict=True):
        frame, scale = _least(frames, size / (right - left))
        step = scale * (right - left) / size  # below 2, so that nothing aliases
        matrix = np.array([[step, 0, scale * left], [0, step, scale * top]])
        matrix[:, 2] += (step - 1) / 2  # pixel centres are at integers
        cv2.warpAffine(
            frame,
            matrix,
            (size, size),
            dst=crop,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(GREY, GREY, GREY),
        )
    return crops


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
