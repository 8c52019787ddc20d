"""What the judges say of a face in a picture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

EMBEDDING = "embedding of "


@dataclass(frozen=True)
class Observation:
    """What is seen of a face; plain arrays, so that it can be kept.

    Attributes:
        found: () bool, whether a detector found the face, or its landmarks were known.
        points: (5, 2), landmarks by which it was aligned.
        mesh: (468, 2), points of the face, pixels of the picture.
        pose: (3,), yaw, pitch and roll in degrees.
        expression: (44,), weights of the ARKit units, `expression.UNITS`.
        emotion: (7,), probabilities of `face_expression.CLASSES`.
        gaze: (2,), where the irises are, in eye widths: across, up.
        mouth: (), how far the lips are apart, in distances of the eyes.
        age: (), years, estimated.
        female: (), probability, estimated.
        skin_tone: (), individual typology angle of the cheeks in degrees, not a number in a greyscale picture.
        glasses: (), share of the aligned face that the face parser labels glasses.
        embeddings: identity, (d,) by judge.
        inception: (2048,), features of the aligned face by FID's Inception, where its file is at hand.
    """

    found: np.ndarray
    points: np.ndarray
    mesh: np.ndarray
    pose: np.ndarray
    expression: np.ndarray
    emotion: np.ndarray
    gaze: np.ndarray
    mouth: np.ndarray
    age: np.ndarray
    female: np.ndarray
    skin_tone: np.ndarray
    glasses: np.ndarray
    embeddings: Mapping[str, np.ndarray]
    inception: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays by name."""
        fields = {name: values for name, values in asdict(self).items() if values is not None}
        embeddings = fields.pop("embeddings")
        return fields | {EMBEDDING + judge: values for judge, values in embeddings.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return what `arrays` gave."""
        fields = {name: values for name, values in arrays.items() if not name.startswith(EMBEDDING)}
        judges = {n.removeprefix(EMBEDDING): values for n, values in arrays.items() if n.startswith(EMBEDDING)}
        return cls(**fields, embeddings=judges)
