"""insightface's detector and ArcFace encoder, out of a model pack on this machine, by ONNX Runtime.

The code of insightface is MIT; the weights of its packs are for non-commercial research only. Nothing here downloads
them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from insightface.model_zoo import get_model

from faceshifter_hub.component import ComponentMixin, FrozenMixin
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.faces.detection import Face
from faceshifter_hub.models.crops import ARCFACE_CROP, canonical_crop
from faceshifter_hub.registry import PHOTOGRAPH, IdentitySpace, Interface

SMALLEST_SEARCH = 128  # pixels to which insightface shrinks the longer side of a photograph, to find large faces


class InsightFaceModel(FrozenMixin, ComponentMixin):
    """One ONNX file of a model pack; it stays where it is and has no parameters that torch knows.

    Args:
        path: The file.

    Raises:
        CheckpointError: insightface does not take the file for a model of this task.
    """

    task: ClassVar[str]  # insightface's name for it

    @register_to_config
    def __init__(self, path: str):
        super().__init__()
        self.model = _load(path)
        if getattr(self.model, "taskname", None) != self.task:
            raise CheckpointError(f"'{path}' is no {self.task} model of insightface; name another file.")

    @classmethod
    def from_files(cls, files: dict[str, Path]) -> Self:
        """Build the component from the first ONNX file that does its task; a pack may hold others beside it.

        Not by `FaceAnalysis`, which would open every file of the pack's folder, verified or not.

        Raises:
            CheckpointError: No file does.
        """
        for name, path in files.items():
            if name.endswith(".onnx") and getattr(_load(str(path)), "taskname", None) == cls.task:
                return cls(str(path))
        raise CheckpointError(
            f"Among the files ({', '.join(files) or 'there are none'}) is no {cls.task} model of insightface: get a "
            f"pack with `insightface-cli model.download buffalo_l` (weights for non-commercial research only)."
        )

    def save_pretrained(self, *_: object, **__: object) -> NoReturn:
        """Refuse: the weights may not be copied on.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError(
            "The weights of insightface's model packs may not be passed on; name the component instead."
        )


class InsightFaceDetector(InsightFaceModel):
    """The face detector of a model pack (SCRFD): boxes and five landmarks."""

    kind: ClassVar[str] = "face_detector"
    task: ClassVar[str] = "detection"

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the interface, which no configuration changes."""
        return PHOTOGRAPH

    def detect(self, image: np.ndarray, smallest: float | None = None) -> list[Face]:
        """Return the faces of a photograph, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB.
            smallest: Makes no difference: SCRFD sees the whole photograph at one size.
        """
        height, width = image.shape[:2]
        if max(height, width) > SMALLEST_SEARCH * min(height, width):
            return []  # insightface would shrink such a strip to nothing, and fail
        boxes, landmarks = self.model.detect(np.ascontiguousarray(image[..., ::-1]))  # (N, 5) with scores, (N, 5, 2)
        faces = [Face(box[:4], float(box[4]), points) for box, points in zip(boxes, landmarks, strict=True)]
        return sorted(faces, key=lambda face: face.area, reverse=True)


class InsightFaceIdentityEncoder(InsightFaceModel):
    """The ArcFace encoder of a model pack; no gradient flows through it, so it cannot be trained against."""

    kind: ClassVar[str] = "identity_encoder"
    task: ClassVar[str] = "recognition"

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the interface; embeddings of different packs do not compare, so the space has the pack's name."""
        pack = Path(config["path"]).parent.name.replace("_", "-")
        return Interface(identity_space=IdentitySpace(name=f"arcface-{pack}", width=512))

    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed aligned faces.

        Args:
            x: Aligned faces, (B, 3, R, R) in [-1, 1], any R.

        Returns:
            L2-normalised embeddings, (B, 512).
        """
        pixels = (canonical_crop(x.float(), ARCFACE_CROP) + 1) * 127.5  # (B, 3, 112, 112) RGB
        embeddings = self.model.forward(pixels.cpu().numpy())
        return F.normalize(torch.from_numpy(embeddings), dim=1).to(x)


def _load(path: str) -> Any:
    """Open an ONNX file as insightface does; None if it knows no task for it."""
    try:
        return get_model(path)
    except Exception as error:  # ONNX Runtime and protobuf have exceptions of their own
        raise CheckpointError(f"'{path}' cannot be opened by ONNX Runtime ({error}); fetch it again.") from error
