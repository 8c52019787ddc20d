"""The protocol `renders`: are rendered people real to networks that know nothing of the renderer?

A detector looks for the face, identity networks tell the people apart, Face Mesh estimates the pose of the head.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.identity import centre
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.head_pose import estimate_head_pose
from faceshifter_hub.evaluation.people_statistics import (
    Statistic,
    bootstrap_people,
    calibrate,
    correlation_of,
    mean_of,
    verification_of,
)
from faceshifter_hub.evaluation.report import Row
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.detection import Face, FaceDetector

if TYPE_CHECKING:  # who judges needs no renderer
    from faceshifter_hub.evaluation.people import RenderedPicture

RESOLUTION = 256  # of the aligned faces
FAR_OFF = 0.3  # mean error of five landmarks, in faces, beyond which what was found is something else
FEWEST = 20  # pictures in a group that is worth a number
ANGLES = ("yaw", "pitch", "roll")
TONES = {"light skin": (28, np.inf), "medium skin": (-30, 28), "dark skin": (-np.inf, -30)}  # typology angle, degrees
YAWS = {"yaw below 20°": (0, 20), "yaw 20° to 40°": (20, 40), "yaw above 40°": (40, 180)}


@dataclass(frozen=True)
class JudgedPictures:
    """Pictures of rendered people and what the networks made of them; N pictures, F of them with the face found.

    Attributes:
        people: (N,) whom each shows.
        pose: (N, 3) true yaw, pitch and roll in degrees.
        occluders: For each picture the kinds of what stands before the face.
        skin_tone: (N,) individual typology angle in degrees, nan where no skin shows.
        found: (N,) bool, whether the detector found the face where it is.
        estimated: (F, 3) estimated pose in degrees.
        embeddings: For each identity network (F, d), centred and of unit length.
    """

    people: np.ndarray
    pose: np.ndarray
    occluders: list[tuple[str, ...]]
    skin_tone: np.ndarray
    found: np.ndarray
    estimated: np.ndarray
    embeddings: dict[str, np.ndarray]

    @property
    def unoccluded(self) -> np.ndarray:
        """Whether nothing stands before the face, (N,) bool."""
        return np.array([not kinds for kinds in self.occluders])

    def groups(self) -> dict[str, np.ndarray]:
        """Return which pictures, (N,) bool, belong to each group that is measured alone."""
        unoccluded, yaw = self.unoccluded, np.abs(self.pose[:, 0])
        groups = {"all": np.ones(len(yaw), bool), "unoccluded": unoccluded}
        for kind in sorted({kind for kinds in self.occluders for kind in kinds}):
            groups[f"with {kind}"] = np.array([kind in kinds for kinds in self.occluders])
        for name, (low, high) in TONES.items():
            groups[f"unoccluded, {name}"] = unoccluded & (low <= self.skin_tone) & (self.skin_tone < high)
        for name, (low, high) in YAWS.items():
            groups[f"unoccluded, {name}"] = unoccluded & (low <= yaw) & (yaw < high)
        return {name: mask for name, mask in groups.items() if mask.sum() >= FEWEST or name in ("all", "unoccluded")}

    def calibrated(self) -> np.ndarray:
        """Return the estimated poses (F, 3) after a line a angle, fitted to unoccluded pictures of other people."""
        people, usable, true = self.people[self.found], self.unoccluded[self.found], self.pose[self.found]
        columns = [calibrate(self.estimated[:, k], true[:, k], people, usable) for k in range(3)]
        return np.stack(columns, axis=1)

    def metrics(self) -> list[dict]:
        """Measure every group: name, what measured it, of which group, value, interval, pictures, people."""
        calibrated = self.calibrated()
        return [entry for group, mask in self.groups().items() for entry in self._measure(group, mask, calibrated)]

    def _measure(self, group: str, mask: np.ndarray, calibrated: np.ndarray) -> list[dict]:
        inside = mask[self.found]  # (F,)
        people, true, estimated = self.people[mask & self.found], self.pose[mask & self.found], self.estimated[inside]
        measured: list[tuple[str, str, Statistic, np.ndarray]] = [
            ("detected", "mtcnn", mean_of(self.found[mask].astype(np.float64)), self.people[mask])
        ]
        for network, embeddings in self.embeddings.items():
            measured.append(("verification_auc", network, verification_of(embeddings[inside], people), people))
        for k, angle in enumerate(ANGLES):
            error = np.abs(calibrated[inside, k] - true[:, k])
            measured.append((f"{angle}_correlation", "facemesh", correlation_of(estimated[:, k], true[:, k]), people))
            measured.append((f"{angle}_error", "facemesh", mean_of(error), people))
        entries = []
        for name, network, statistic, shown in measured:
            value = statistic(np.ones(len(shown))) if len(shown) else np.nan
            if np.isfinite(value):
                entries.append(
                    {"name": name, "measured_by": network, "of": group, "value": value}
                    | {"interval": bootstrap_people(statistic, shown)}
                    | {"pictures": len(shown), "people": len(np.unique(shown))}
                )
        return entries

    def rows(self) -> list[Row]:
        """Return the rows of `renders.csv`, one a picture."""
        estimates = iter(np.column_stack([self.estimated, self.calibrated()]))
        rows, number = [], 0
        for n, person in enumerate(self.people.tolist()):
            number = number + 1 if n and person == self.people[n - 1] else 0
            row: Row = {"person": person, "picture": number, "occluders": " ".join(self.occluders[n])}
            row |= {"skin_tone": round(float(self.skin_tone[n]), 1), "found": int(self.found[n])}
            row |= {angle: round(float(value), 2) for angle, value in zip(ANGLES, self.pose[n], strict=True)}
            if self.found[n]:
                columns = [f"{word} {angle}" for word in ("estimated", "calibrated") for angle in ANGLES]
                row |= {name: round(float(value), 2) for name, value in zip(columns, next(estimates), strict=True)}
            rows.append(row)
        return rows


def judge_people(
    people: "Iterable[list[RenderedPicture]]",
    detector: FaceDetector,
    encoders: Mapping[str, Callable[[Tensor], Tensor]],
    mesh_network: FaceMesh,
) -> JudgedPictures:
    """Show rendered pictures to the networks.

    Args:
        people: The pictures of one person after another.
        detector: Finds the face; the others see it by its landmarks.
        encoders: Name to network, aligned faces (B, 3, R, R) in [-1, 1] to embeddings (B, d).
        mesh_network: The trained network of the head pose.

    Raises:
        DataError: There are no pictures, or no face is found in any.
    """
    shown, found, estimated = [], [], []
    raw: dict[str, list[Tensor]] = {name: [] for name in encoders}
    for pictures in people:
        aligned = []
        for picture in pictures:
            face = find_face(picture, detector)
            shown.append((picture.person, picture.pose, picture.occluders, picture.skin_tone))
            found.append(face is not None)
            if face is not None:
                aligned.append(align(picture.image, face.landmarks, RESOLUTION)[0])
                estimated.append(estimate_head_pose(picture.image, face.landmarks, mesh_network))
        if aligned:
            faces = torch.from_numpy(np.stack(aligned)).permute(0, 3, 1, 2) / 127.5 - 1  # (B, 3, R, R)
            for name, encoder in encoders.items():
                with torch.no_grad():
                    raw[name].append(encoder(faces))
    if not estimated:
        raise DataError(f"In none of {len(shown)} pictures a face is found, so that nothing can be measured.")
    names, poses, occluders, tones = zip(*shown, strict=True)
    return JudgedPictures(
        people=np.array(names),
        pose=np.array(poses),
        occluders=list(occluders),
        skin_tone=np.array([np.nan if tone is None else tone for tone in tones]),
        found=np.array(found),
        estimated=np.array(estimated),
        embeddings={name: centre_people(torch.cat(batches)) for name, batches in raw.items()},
    )


def find_face(picture: "RenderedPicture", detector: FaceDetector) -> Face | None:
    """Return the largest face found in a picture, None if there is none or it is not where the face is."""
    faces = detector.detect(picture.image)
    if not faces:
        return None
    true = picture.landmarks
    size = max(np.linalg.norm(true[1] - true[0]), np.linalg.norm(true[3:].mean(0) - true[:2].mean(0)))
    error = np.linalg.norm(faces[0].landmarks - true, axis=1).mean() / size
    return faces[0] if error < FAR_OFF else None


def centre_people(embeddings: Tensor) -> np.ndarray:
    """Centre embeddings (F, d) on their own mean; unit length, (F, d) float64."""
    return F.normalize(centre(embeddings, embeddings).double(), dim=1).numpy()
