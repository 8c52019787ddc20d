"""The protocol `portraits`: swaps between photos of different people, one photo a person, judged by identity.

The swapped photo is judged as its viewer sees it: the face is found and aligned again in the final, pasted picture.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from huggingface_hub.utils import tqdm
from torch import Tensor

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.identity import embed, identity_metrics
from faceshifter_hub.evaluation.report import Row, metric_columns, metric_entries
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.media.images import read_image
from faceshifter_hub.pipeline import FaceShifterPipeline

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class PortraitsResult:
    """What the protocol found; a pair is the names of its source and its target.

    Attributes:
        portraits: Names of the validation photos.
        without_face: Those in which the pipeline's detector finds no face: they and their pairs are left out.
        drawn: The pairs drawn.
        lost: Pairs in whose swapped picture no face is found again: they are left out of the metrics.
        scored: Pairs that are scored.
        metrics: For each network the metrics of `identity_metrics`, one number a scored pair.
        seconds: Time the swaps took.
    """

    portraits: list[str]
    without_face: list[str]
    drawn: list[tuple[str, str]]
    lost: list[tuple[str, str]]
    scored: list[tuple[str, str]]
    metrics: dict[str, dict[str, Tensor]]
    seconds: float

    def report(self) -> dict:
        """Return what `report.json` says of the data, the pairs and the metrics."""
        swapped = len(self.lost) + len(self.scored)
        return {
            "data": {
                "rule": "photos whose file name's SHA-1, as an integer, is divisible by 10; the gallery is those with "
                "a face",
                "portraits": len(self.portraits),
                "without_face": self.without_face,
            },
            "pairs": {
                "rule": "left out are pairs with a photo in which the pipeline's detector finds no face, and pairs in "
                "whose swapped picture it finds none again",
                "drawn": len(self.drawn),
                "no_face_in_photo": len(self.drawn) - swapped,
                "no_face_in_swap": len(self.lost),
                "scored": len(self.scored),
            },
            "metrics": metric_entries(self.metrics),
            "seconds": {"swaps": round(self.seconds, 3)},
        }

    def rows(self) -> list[Row]:
        """Return the rows of `pairs.csv`, one a pair drawn."""
        numbers = {pair: metric_columns(self.metrics, index) for index, pair in enumerate(self.scored)}
        rows = []
        for source, target in self.drawn:
            pair = source, target
            status = "scored" if pair in numbers else "no face in swap" if pair in self.lost else "no face in photo"
            rows.append({"source": source, "target": target, "status": status, **numbers.get(pair, {})})
        return rows


def validation_portraits(folder: Path) -> list[Path]:
    """Return a folder's validation photos, sorted by name.

    Raises:
        DataError: The folder is missing or holds fewer than two of them.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give one with a photo for each person.")
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and is_validation(path.name)]
    if len(paths) < 2:
        raise DataError(
            f"{folder} holds {len(paths)} validation photos, where a swap needs two; of photos (jpg, png, webp) those "
            "are taken whose name's SHA-1 is divisible by 10, so give some fifty or more."
        )
    return paths


def draw_pairs(people: int, limit: int, seed: int) -> list[tuple[int, int]]:
    """Draw ordered pairs (source, target) of different people, none twice; all of them where `limit` exceeds them."""
    possible = people * (people - 1)
    chosen = random.Random(seed).sample(range(possible), min(limit, possible))
    pairs = [divmod(index, people - 1) for index in chosen]
    return [(source, target + (target >= source)) for source, target in pairs]


def evaluate_portraits(
    pipeline: FaceShifterPipeline,
    folder: Path,
    networks: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    limit: int = 200,
    seed: int = 0,
    refine: bool = True,
) -> PortraitsResult:
    """Swap between the validation photos of a folder and score the identity of the swaps.

    Args:
        pipeline: Makes the swaps; its detector finds the faces to score.
        folder: One photo a person; those for which `is_validation` holds are used.
        networks: Name to network, aligned faces (B, 3, R, R) in [-1, 1] to embeddings (B, d).
        limit: Most pairs drawn.
        seed: Draws the pairs.
        refine: Whether stage 2 is run; without it stage 1 is scored alone.

    Raises:
        DataError: The folder holds too few photos, or no pair is left to score.
        MediaError: A photo cannot be read.
    """
    paths = validation_portraits(folder)
    photos = [read_image(path) for path in paths]
    faces = [aligned_face(pipeline, photo) for photo in photos]
    people = {index: row for row, index in enumerate(index for index, face in enumerate(faces) if face is not None)}
    drawn = draw_pairs(len(paths), limit, seed)

    started = time.perf_counter()
    scored: list[tuple[int, int]] = []
    lost: list[tuple[int, int]] = []
    results: list[Tensor] = []
    for source, target in tqdm([pair for pair in drawn if people.keys() >= set(pair)], desc="swaps"):
        swap = pipeline(photos[source], photos[target], refine=refine).images[0]
        face = aligned_face(pipeline, np.asarray(swap))
        if face is None:
            lost.append((source, target))
        else:
            scored.append((source, target))
            results.append(face)
    seconds = time.perf_counter() - started
    if not results:
        raise DataError(
            f"In none of {len(lost)} swapped pictures a face is found again; this pipeline does not make faces yet."
            if lost
            else f"In none of {len(drawn)} pairs of {folder} both photos show a face; give photos with one clear face."
        )

    swaps, gallery = torch.stack(results), torch.stack([face for face in faces if face is not None])
    rows = torch.tensor([[people[source], people[target]] for source, target in scored], device=swaps.device)  # (N, 2)
    metrics = {
        name: identity_metrics(embed(swaps, network), embed(gallery, network), rows[:, 0], rows[:, 1])
        for name, network in networks.items()
    }

    def names(pairs: list[tuple[int, int]]) -> list[tuple[str, str]]:
        return [(paths[source].name, paths[target].name) for source, target in pairs]

    return PortraitsResult(
        portraits=[path.name for path in paths],
        without_face=[path.name for path, face in zip(paths, faces, strict=True) if face is None],
        drawn=names(drawn),
        lost=names(lost),
        scored=names(scored),
        metrics=metrics,
        seconds=seconds,
    )


def aligned_face(pipeline: FaceShifterPipeline, photo: np.ndarray) -> Tensor | None:
    """Return the largest face of a photo (H, W, 3) as an aligned face (3, R, R) in [-1, 1], None if there is none."""
    faces = pipeline.detect(photo)
    if not faces:
        return None
    pixels, _ = align(photo, faces[0].landmarks, pipeline.resolution)
    return pipeline.to_tensor(pixels)[0]
