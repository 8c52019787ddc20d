"""All judges together: what they say of faces, and of a swap beside its target and its truth."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

import faceshifter_hub
from faceshifter_hub.component import load_component
from faceshifter_hub.errors import FaceError
from faceshifter_hub.evaluation.judging.colours import colour_difference, light_difference
from faceshifter_hub.evaluation.judging.expression import NAME as EXPRESSION
from faceshifter_hub.evaluation.judging.expression import ExpressionRegressor, estimate_expressions
from faceshifter_hub.evaluation.judging.face_area import (
    align_picture,
    aligned_matrix,
    cheek_pixels,
    face_area,
)
from faceshifter_hub.evaluation.judging.face_expression import FaceExpression
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.feature_distance import feature_distance, layer_maps
from faceshifter_hub.evaluation.judging.gaze import estimate_gaze
from faceshifter_hub.evaluation.judging.head_pose import pose_of
from faceshifter_hub.evaluation.judging.inception import NAME as INCEPTION
from faceshifter_hub.evaluation.judging.inception import FIDInception, find_inception
from faceshifter_hub.evaluation.judging.iris import Iris
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE, find_mesh
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.judging.pixels import mean_over, psnr, similarity_map
from faceshifter_hub.evaluation.judging.store import key_of
from faceshifter_hub.models.face_parser import glasses_share
from faceshifter_hub.packaged.faceres import FaceRes
from faceshifter_hub.packaged.networks import get_network
from faceshifter_hub.registry import Kind, get_manifest
from faceshifter_hub.runtimes.choice import pick_device
from faceshifter_hub.synthesis.datasets.samples import typology_angle

DETECTOR, PARSER = "mtcnn", "parser-lite"
INNER_LIPS = (13, 14)  # points of the mesh: in the midst of the upper and of the lower one
FAR_OFF = 0.5  # mean distance of five landmarks, in faces, beyond which a face found is another one
MEASURES = {
    "faceres": "identity, age, sex, feature distance",
    "facemesh": "pose, mouth, landmarks",
    "iris": "gaze",
    EXPRESSION: "expression",
    "face-api-expression": "emotion",
}
SOURCES = (  # of what decides a measurement
    "models",
    "faces",
    "media",
    "runtimes",
    "packaged",
    "component.py",
    "stages.py",
    "pipeline.py",
    "evaluation/judging",
    "evaluation/baselines.py",
    "evaluation/contestants.py",
)


@dataclass(frozen=True)
class TrueSwap:
    """What a swap is held against where its truth is known.

    Attributes:
        picture: (H, W, 3) uint8.
        points: its landmarks, (5, 2).
        parts: (H, W) bool by name.
    """

    picture: np.ndarray
    points: np.ndarray
    parts: Mapping[str, np.ndarray]


class Judges:
    """The networks that judge, fetched and loaded.

    Attributes:
        inception: FID's, None where nobody has put its file into the cache.

    Args:
        encoders: registered names of identity encoders that judge identity beside `faceres`.
        device: of the networks; by default the setting.

    Raises:
        ComponentError: A network cannot be fetched or loaded.
    """

    def __init__(self, encoders: Sequence[str] = (), device: str | None = None):
        self.device = pick_device(device)
        self.detector = self._load(DETECTOR, "face_detector")
        self.parser = self._load(PARSER, "face_parser")
        self.faceres = FaceRes.from_package().to(self.device)
        self.facemesh = FaceMesh.from_package().to(self.device)
        self.iris = Iris.from_package().to(self.device)
        self.emotions = FaceExpression.from_package().to(self.device)
        self.expressions = ExpressionRegressor.from_registry().to(self.device)
        folder = find_inception()
        self.inception = None if folder is None else FIDInception.from_folder(folder).to(self.device)
        self.measures = MEASURES | ({} if folder is None else {INCEPTION: "Frechet distance"})
        self.identity: dict[str, Callable[[Tensor], Tensor]] = {"faceres": self.faceres}
        self.identity |= {name: self._load(name, "identity_encoder") for name in encoders}

    def _load(self, name: str, kind: Kind) -> Any:
        return nn.Module.to(load_component(name, kind), self.device)

    def sha256(self) -> dict[str, dict[str, str]]:
        """Return the SHA-256 of every judge's files."""
        hashes = {name: get_network(name).sha256 for name in self.measures}
        others = [DETECTOR, PARSER, *(name for name in self.identity if name not in hashes)]
        return hashes | {name: {file.path: file.sha256 for file in get_manifest(name).files} for name in others}

    def describe(self, dependent: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return what a report says of each judge; `dependent` are encoders that a pipeline was trained to please."""
        measures = self.measures | {name: "identity" for name in self.identity if name not in self.measures}
        measures |= {DETECTOR: "where the face is", PARSER: "glasses"}
        return {
            name: {"independent": name not in dependent, "sha256": hashes, "measures": measures[name]}
            for name, hashes in self.sha256().items()
        }

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 of everything but pictures that decides a measurement: networks, code, torch's version."""
        return key_of(self.sha256(), code_digest(), torch.__version__, self.device.type)

    @torch.no_grad()
    def observe(
        self,
        pictures: Sequence[np.ndarray],
        known: Sequence[np.ndarray | None],
        expected: Sequence[np.ndarray | None],
    ) -> list[Observation | None]:
        """Look at one face in each picture.

        Args:
            pictures: (H, W, 3) uint8 RGB each.
            known: Its landmarks (5, 2), where nobody need look for them.
            expected: Where else it should be, (5, 2): of the faces found the nearest is taken, and if none is near,
                the face is looked at where it should be. Without them the largest face is taken.

        Returns:
            None for a picture in which no face is found.
        """
        places = [self._place(*each) for each in zip(pictures, known, expected, strict=True)]
        seen = [(k, *place) for k, place in enumerate(places) if place is not None]
        observations: list[Observation | None] = [None] * len(pictures)
        if not seen:
            return observations
        meshes = [find_mesh(pictures[k], points, self.facemesh) for k, points, _ in seen]
        aligned = [align_picture(pictures[k], aligned_matrix(points)) for k, points, _ in seen]
        faces = self.to_tensor(aligned)  # (N, 3, R, R)
        features = {name: network(faces) for name, network in self.identity.items()}
        age, female = (x.cpu().numpy() for x in self.faceres.attributes(features["faceres"]))
        embeddings = {name: values.float().cpu().numpy() for name, values in features.items()}
        glasses = glasses_share(self.parser, faces).cpu().numpy()
        emotions = self.emotions(faces).cpu().numpy()
        expressions = estimate_expressions(meshes, self.expressions)
        inception = None if self.inception is None else self.inception(faces).cpu().numpy()
        for n, (k, points, found) in enumerate(seen):
            mesh = meshes[n]
            tone = typology_angle(cheek_pixels(pictures[k], mesh.in_photo))
            observations[k] = Observation(
                found=np.array(found),
                points=points.astype(np.float32),
                mesh=mesh.in_photo.astype(np.float32),
                pose=pose_of(mesh),
                expression=expressions[n],
                emotion=emotions[n],
                gaze=self._gaze(pictures[k], mesh.in_photo),
                mouth=np.array(mouth_opening(mesh.points)),
                age=age[n],
                female=female[n],
                skin_tone=np.array(np.nan if tone is None else tone),
                glasses=glasses[n],
                embeddings={name: values[n] for name, values in embeddings.items()},
                inception=None if inception is None else inception[n],
            )
        return observations

    def _gaze(self, picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        try:
            return estimate_gaze(picture, mesh, self.iris)
        except FaceError:  # an eye without width
            return np.full(2, np.nan)

    def _place(
        self, picture: np.ndarray, known: np.ndarray | None, expected: np.ndarray | None
    ) -> tuple[np.ndarray, bool] | None:
        """Return the landmarks of the face to look at, and whether it was found; None where there is none."""
        if known is not None:
            return known, True
        found = [face.landmarks for face in self.detector.detect(picture)]
        if expected is None:
            return (found[0], True) if found else None
        size = np.linalg.norm(expected[3:].mean(0) - expected[:2].mean(0)) + np.linalg.norm(expected[1] - expected[0])
        distances = [np.linalg.norm(points - expected, axis=1).mean() / size for points in found]
        nearest = int(np.argmin(distances)) if distances else None
        return (expected, False) if nearest is None or distances[nearest] > FAR_OFF else (found[nearest], True)

    @torch.no_grad()
    def compare(
        self,
        swaps: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        seen: Sequence[Observation],
        truths: Sequence[TrueSwap | None],
    ) -> list[dict[str, float]]:
        """Hold swaps against their targets, pixel by pixel, and against the true swaps where they are known.

        Args:
            swaps: (H, W, 3) uint8 each.
            targets: of the same sizes.
            seen: of the targets.
            truths: of the same sizes.

        Returns:
            Numbers by metric, not a number where a swap has no such part.
        """
        numbers = [against_target(*each) for each in zip(swaps, targets, seen, strict=True)]
        for number, swap, truth in zip(numbers, swaps, truths, strict=True):
            if truth is not None:
                number |= against_truth(swap, truth)
        judged = [k for k, truth in enumerate(truths) if truth is not None]
        if judged:
            for k, distances in zip(judged, self._feature_distances(swaps, truths, judged), strict=True):
                numbers[k] |= distances
        return numbers

    def _feature_distances(
        self, swaps: Sequence[np.ndarray], truths: Sequence[TrueSwap | None], judged: Sequence[int]
    ) -> list[dict[str, float]]:
        known = {k: truth for k, truth in enumerate(truths) if truth is not None}
        matrices = {k: aligned_matrix(known[k].points) for k in judged}
        maps, true = (
            layer_maps(self.to_tensor([align_picture(p, matrices[k]) for k, p in pictures]), self.faceres)
            for pictures in ([(k, swaps[k]) for k in judged], [(k, known[k].picture) for k in judged])
        )
        columns = {}
        for part in known[judged[0]].parts:
            masks = [
                align_picture(known[k].parts[part].astype(np.float32), matrices[k], cv2.INTER_LINEAR) for k in judged
            ]
            weights = torch.from_numpy(np.stack(masks))[:, None].to(self.device)  # (N, 1, R, R)
            columns[f"feature_distance_{part}"] = feature_distance(maps, true, weights).tolist()
        return [{name: values[n] for name, values in columns.items()} for n in range(len(judged))]

    def to_tensor(self, faces: Sequence[np.ndarray]) -> Tensor:
        """Turn aligned faces (R, R, 3) uint8 into (N, 3, R, R) in [-1, 1]."""
        return torch.from_numpy(np.stack(faces)).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1


def against_target(swap: np.ndarray, target: np.ndarray, seen: Observation) -> dict[str, float]:
    """Return how a swap differs from its target: likeness around the face, colour and light inside it."""
    matrix = aligned_matrix(seen.points)
    inside = face_area(seen.mesh, matrix)
    picture, other = (align_picture(x, matrix) for x in (swap, target))
    return {
        "psnr_outside": psnr(picture, other, ~inside),
        "ssim_outside": mean_over(similarity_map(picture, other), ~inside),
        "colour_difference": colour_difference(picture, other, inside),
        "light_difference": light_difference(picture, other, inside),
    }


def against_truth(swap: np.ndarray, truth: TrueSwap) -> dict[str, float]:
    """Return how a swap differs from the true one, over each part."""
    similarity = similarity_map(swap, truth.picture)
    numbers = {f"psnr_{part}": psnr(swap, truth.picture, mask) for part, mask in truth.parts.items()}
    numbers |= {f"ssim_{part}": mean_over(similarity, mask) for part, mask in truth.parts.items()}
    error = np.abs(swap.astype(np.float32) - truth.picture).mean(2)
    return numbers | {"occluder_error": mean_over(error, truth.parts["occluder"])}


def mouth_opening(points: np.ndarray) -> float:
    """Return how far the lips of a mesh (468, 3) are apart, in distances of the eyes, whatever the pose."""
    eyes = points[list(LEFT_EYE)].mean(0) - points[list(RIGHT_EYE)].mean(0)
    upper, lower = points[list(INNER_LIPS)]
    return float(np.linalg.norm(upper - lower) / np.linalg.norm(eyes))


def code_digest() -> str:
    """Return a SHA-256 of the code that swaps and judges: other code measures again."""
    root = Path(faceshifter_hub.__file__).parent
    paths = [
        path for name in SOURCES for path in ([root / name] if name.endswith(".py") else (root / name).glob("*.py"))
    ]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
