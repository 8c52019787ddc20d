"""Who swaps: pipelines, and the baselines that give their numbers a meaning."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch

from faceshifter_hub.composition import INDEX
from faceshifter_hub.errors import DataError, MediaError
from faceshifter_hub.evaluation.baselines import paste_source
from faceshifter_hub.evaluation.cases import Case
from faceshifter_hub.evaluation.judging.store import key_of
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.media.images import read_image
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import KINDS, Kind, sha256_of
from faceshifter_hub.runtimes.choice import pick_runtime

WITHOUT_NETWORK = ("target", "truth", "pasted")
STAGE_1 = "stage-1"
PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}  # other programs leave texts beside them
STEP = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Scene:
    """A case with its pictures, (H, W, 3) uint8 each, and the landmarks of source and target, (5, 2) each."""

    case: Case
    source: np.ndarray
    source_points: np.ndarray
    target: np.ndarray
    target_points: np.ndarray
    truth: np.ndarray | None


class Swapper(Protocol):
    """What a contestant does."""

    def key(self, case: Case) -> str:
        """Return what decides its swap of a case, beside the pictures."""

    def swap(self, scenes: Sequence[Scene]) -> list[np.ndarray | str]:
        """Return for each scene the target with another face, (H, W, 3) uint8, or in words why there is none."""


@dataclass(frozen=True)
class Contestant:
    """Who swaps, and what the report says of it.

    Attributes:
        name: in tables.
        kind: whether it is measured or compared with.
        swapper: does it.
        address: of a pipeline, or the folder of results.
        step: of training, where the address names a checkpoint.
        components: of a pipeline, with hashes.
        identity_space: in which a pipeline's generator was trained to please.
    """

    name: str
    kind: Literal["pipeline", "baseline"]
    swapper: Swapper
    address: str | None = None
    step: int | None = None
    components: Mapping[Kind, Any] | None = None
    identity_space: str | None = None


@dataclass(frozen=True)
class PipelineSwapper:
    """A pipeline, with its own detector; both stages, or the first alone."""

    pipeline: FaceShifterPipeline
    refine: bool
    components: Mapping[Kind, Any]

    def key(self, case: Case) -> str:
        return key_of(dict(self.components), self.refine, self.pipeline.runtime)

    def swap(self, scenes: Sequence[Scene]) -> list[np.ndarray | str]:
        """Swap the scenes in which the pipeline finds both faces, as one batch."""
        results: list[np.ndarray | str] = []
        found, sources, targets = [], [], []
        for scene in scenes:
            faces = {role: self.pipeline.detect(getattr(scene, role)) for role in ("source", "target")}
            missing = [role for role, its in faces.items() if not its]
            if missing:
                results.append(f"the pipeline finds no face in the {missing[0]}")
                continue
            resolution = self.pipeline.resolution
            source, _ = align(scene.source, nearest(faces["source"], scene.source_points), resolution)
            target, matrix = align(scene.target, nearest(faces["target"], scene.target_points), resolution)
            sources.append(self.pipeline.to_tensor(source))
            targets.append(self.pipeline.to_tensor(target))
            found.append((len(results), scene.target, target, matrix))
            results.append("")
        if found:
            with torch.inference_mode():
                z_source = self.pipeline.networks["identity_encoder"](torch.cat(sources))  # (N, d)
            swap = self.pipeline.swap_aligned(z_source, torch.cat(targets), refine=self.refine)
            for (place, photo, target, matrix), face in zip(found, swap.result, strict=True):
                results[place] = self.pipeline.put_back(photo, face, target, matrix)
        return results


def nearest(faces: Sequence[Any], points: np.ndarray) -> np.ndarray:
    """Return the landmarks (5, 2) of the face that a case is about: of those found, the one nearest to `points`."""
    return min((face.landmarks for face in faces), key=lambda found: float(np.linalg.norm(found - points)))


@dataclass(frozen=True)
class WithoutNetwork:
    """The target unchanged, the true swap, or the source pasted."""

    name: str

    def key(self, case: Case) -> str:
        return self.name

    def swap(self, scenes: Sequence[Scene]) -> list[np.ndarray | str]:
        return [self._swap(scene) for scene in scenes]

    def _swap(self, scene: Scene) -> np.ndarray | str:
        if self.name == "pasted":
            return paste_source(scene.source, scene.source_points, scene.target, scene.target_points)
        if self.name == "target":
            return scene.target
        return "this protocol knows no true swap" if scene.truth is None else scene.truth


@dataclass(frozen=True)
class ResultsFolder:
    """Swaps that another program has made: pictures that are named as the cases."""

    folder: Path
    files: Mapping[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        paths = [path for path in sorted(self.folder.iterdir()) if path.suffix.lower() in PICTURES]
        files = {path.stem: path for path in paths if path.is_file()}
        object.__setattr__(self, "files", files)

    def key(self, case: Case) -> str:
        path = self.files.get(case.name)
        try:
            return sha256_of(path) if path else ""
        except OSError:  # `swap` says why
            return ""

    def swap(self, scenes: Sequence[Scene]) -> list[np.ndarray | str]:
        return [self._swap(scene) for scene in scenes]

    def _swap(self, scene: Scene) -> np.ndarray | str:
        path = self.files.get(scene.case.name)
        if path is None:
            return "the folder holds no picture of this name"
        try:
            picture = read_image(path)
        except MediaError as error:
            return str(error)
        if picture.shape != scene.target.shape:
            (h, w), (height, width) = picture.shape[:2], scene.target.shape[:2]
            return f"the picture has {w} x {h} pixels, its target {width} x {height}: give whole pictures, not crops"
        return picture


def make_contestants(pipelines: Sequence[str], baselines: Sequence[str], device: str | None) -> list[Contestant]:
    """Load what is measured and what it is compared with.

    Args:
        pipelines: addresses; the first is the main one, which `stage-1` is the first stage of.
        baselines: `stage-1`, names of WITHOUT_NETWORK, folders of results, or addresses of pipelines.
        device: of the networks; by default the setting.

    Raises:
        DataError: Two have one name, or stage 1 alone is asked of a pipeline that has no other.
        ComponentError: A pipeline cannot be loaded.
    """
    contestants = [pipeline_contestant(address, "pipeline", device) for address in pipelines]
    for name in baselines:
        if name == STAGE_1:
            contestants.append(first_stage(contestants[0]))
        elif name in WITHOUT_NETWORK:
            contestants.append(Contestant(name, "baseline", WithoutNetwork(name)))
        elif is_results(Path(name)):
            contestants.append(Contestant(name, "baseline", ResultsFolder(Path(name)), address=name))
        else:
            contestants.append(pipeline_contestant(name, "baseline", device))
    names = [contestant.name for contestant in contestants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"'{twice}' is to be measured twice; name it once.")
    return contestants


def is_results(path: Path) -> bool:
    """Whether a path is a folder of results: a folder, and neither a pipeline's nor a training run's."""
    return path.is_dir() and not any((path / name).exists() for name in (INDEX, *KINDS, "recipe.toml"))


def pipeline_contestant(address: str, kind: Literal["pipeline", "baseline"], device: str | None) -> Contestant:
    """Load a pipeline: both stages where it has two."""
    # `auto` goes by what this machine exported, which no figure may depend on
    runtime = pick_runtime(None)
    pipeline = FaceShifterPipeline.from_pretrained(
        address, device=device, runtime="torch" if runtime == "auto" else runtime
    )
    components = pipeline.describe_components()
    step = STEP.search(address)
    space = pipeline.components["aad_generator"].interface.identity_space
    return Contestant(
        name=address,
        kind=kind,
        swapper=PipelineSwapper(pipeline, "hear_refiner" in pipeline.components, components),
        address=address,
        step=int(step[1]) if step else None,
        components=components,
        identity_space=space.name if space else None,
    )


def first_stage(contestant: Contestant) -> Contestant:
    """Return a pipeline's first stage.

    Raises:
        DataError: It has no other.
    """
    swapper = contestant.swapper
    assert isinstance(swapper, PipelineSwapper)
    if not swapper.refine:
        raise DataError(
            f"'{contestant.name}' has no second stage, so it is `{STAGE_1}` itself; leave that baseline out."
        )
    return Contestant(
        STAGE_1,
        "baseline",
        PipelineSwapper(swapper.pipeline, False, swapper.components),
        components=contestant.components,
    )
