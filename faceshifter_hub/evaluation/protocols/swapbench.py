"""The protocol `swapbench`: swaps between rendered people, judged against the true swap, pixel by pixel and otherwise.

Faces are aligned by the landmarks that the renderer knows, in results as in truths, so that no detector has a say.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from huggingface_hub.utils import tqdm
from PIL import Image

from faceshifter_hub.datasets.shards import read_sample, scan_shard
from faceshifter_hub.errors import DataError, NoFaceError
from faceshifter_hub.evaluation.baselines import paste_source
from faceshifter_hub.evaluation.facemesh import FaceMesh
from faceshifter_hub.evaluation.head_pose import estimate_head_pose
from faceshifter_hub.evaluation.identity import centre, identity_metrics
from faceshifter_hub.evaluation.pixels import mean_over, psnr, similarity_map
from faceshifter_hub.evaluation.report import Row, metric_columns, metric_entries
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture
from faceshifter_hub.synthesis.datasets.swapbench import HIDING
from faceshifter_hub.synthesis.labels import LABELS

RESOLUTION = 256  # of the aligned faces that are judged
HIDDEN = [LABELS[name] for name in HIDING]
TAN, LIGHT = 10.0, 41.0  # degrees of the typology angle: below is dark skin, above is light


@dataclass(frozen=True)
class Case:
    """A triplet: pictures (H, W, 3) uint8, landmarks (5, 2), parts of the picture (H, W) bool.

    Attributes:
        name: of the triplet.
        source: the picture that gives the identity.
        target: the picture that gives the rest.
        truth: the true swap.
        source_points: landmarks of the source.
        target_points: landmarks of the target.
        truth_points: landmarks of the true swap.
        parts: `face`, what a swap may change, less what hides it; `occluder`, what hides it; `background`, the rest.
        groups: to which it belongs.
    """

    name: str
    source: np.ndarray
    target: np.ndarray
    truth: np.ndarray
    source_points: np.ndarray
    target_points: np.ndarray
    truth_points: np.ndarray
    parts: Mapping[str, np.ndarray]
    groups: Sequence[str]


def list_cases(folder: Path, limit: int) -> list[tuple[Path, tuple[int, int]]]:
    """Return where the first triplets of a folder lie.

    Raises:
        DataError: It holds fewer than two, or a damaged shard.
    """
    places = [(path, span) for path in sorted(folder.glob("triplets-*.tar")) for span in scan_shard(path)][:limit]
    if len(places) < 2:
        raise DataError(
            f"{folder} holds {len(places)} triplets, where two are needed; make them with: faceshifter synthesize "
            f"{folder} --benchmark swapbench"
        )
    return places


def read_case(path: Path, span: tuple[int, int]) -> Case:
    """Read a triplet."""
    fields = read_sample(path, span)
    facts = json.loads(fields["json"])
    region, labels = decode_map(fields["region.png"]) > 127, decode_map(fields["truth_labels.png"])
    hidden = np.isin(labels, HIDDEN)
    tone = facts["target"]["skin_tone"]
    skin = "unknown" if tone is None else "dark" if tone < TAN else "light" if tone > LIGHT else "intermediate"
    parts = {"face": region & ~hidden, "occluder": region & hidden, "background": ~region}
    return Case(
        name=fields["__key__"].decode(),
        source=decode_picture(fields["source.webp"]),
        target=decode_picture(fields["target.webp"]),
        truth=decode_picture(fields["truth.webp"]),
        source_points=np.array(facts["source"]["landmarks"], np.float32),
        target_points=np.array(facts["target"]["landmarks"], np.float32),
        truth_points=np.array(facts["truth"]["landmarks"], np.float32),
        parts=parts,
        groups=("occluded" if facts.get("occluded", bool(parts["occluder"].any())) else "clear", f"{skin} skin"),
    )


Swapper = Callable[[Case], np.ndarray]


def make_swappers(pipeline: FaceShifterPipeline, baselines: Sequence[str]) -> dict[str, Swapper]:
    """Return the pipeline and what it is compared with, by name."""

    def swap(case: Case, *, refine: bool) -> np.ndarray:
        return np.asarray(pipeline(case.source, case.target, refine=refine).images[0])

    both_stages = "hear_refiner" in pipeline.components
    swappers: dict[str, Swapper] = {"pipeline": partial(swap, refine=both_stages)}
    known: dict[str, Swapper] = {
        "stage-1": partial(swap, refine=False),
        "target": lambda case: case.target,
        "truth": lambda case: case.truth,
        "pasted": lambda case: paste_source(case.source, case.source_points, case.target, case.target_points),
    }
    return swappers | {name: known[name] for name in baselines}


@dataclass
class Judged:
    """What was measured of one swapper, a number a case; not a number where a case has no such part.

    Attributes:
        cases: names of the cases that were swapped.
        lost: names of those in which the pipeline found no face: they are left out.
        groups: of the swapped cases.
        columns: numbers by name of metric.
        embeddings: of the swapped faces.
        rows: numbers of the swapped cases among all.
    """

    cases: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    groups: list[Sequence[str]] = field(default_factory=list)
    columns: dict[str, list[float]] = field(default_factory=dict)
    embeddings: list[torch.Tensor] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    metrics: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)


def evaluate_swapbench(
    swappers: Mapping[str, Swapper],
    places: Sequence[tuple[Path, tuple[int, int]]],
    faceres: Callable[[torch.Tensor], torch.Tensor],
    facemesh: FaceMesh,
) -> tuple[dict[str, Judged], float]:
    """Swap and measure; returns what was found of each swapper, and how long the swaps took, seconds.

    Raises:
        DataError: A shard is damaged, or no picture shows a face to some swapper.
    """
    judged = {name: Judged() for name in swappers}
    sources, targets, truths = [], [], []
    seconds = 0.0
    for row, case in enumerate(tqdm((read_case(*place) for place in places), desc="swapbench", total=len(places))):
        sources.append(embed_face(faceres, case.source, case.source_points))
        targets.append(embed_face(faceres, case.target, case.target_points))
        truths.append(embed_face(faceres, case.truth, case.truth_points))
        wanted_pose = estimate_head_pose(case.truth, case.truth_points, facemesh)
        for name, swapper in swappers.items():
            found, begun = judged[name], time.perf_counter()
            try:
                picture = swapper(case)
            except NoFaceError:
                found.lost.append(case.name)
                continue
            finally:
                seconds += time.perf_counter() - begun
            similarity = similarity_map(picture, case.truth)
            numbers = {f"psnr_{part}": psnr(picture, case.truth, mask) for part, mask in case.parts.items()}
            numbers |= {f"ssim_{part}": mean_over(similarity, mask) for part, mask in case.parts.items()}
            pose = estimate_head_pose(picture, case.truth_points, facemesh)
            numbers["pose_error"] = float(np.linalg.norm(pose - wanted_pose))
            for metric, value in numbers.items():
                found.columns.setdefault(metric, []).append(value)
            found.embeddings.append(embed_face(faceres, picture, case.truth_points))
            found.cases.append(case.name)
            found.groups.append(case.groups)
            found.rows.append(row)
    gallery = torch.cat([*sources, *targets])  # (2N, d): everybody is somebody else
    for name, found in judged.items():
        if not found.cases:
            raise DataError(f"`{name}` finds no face in any of {len(places)} triplets; there is nothing to score.")
        rows, results = torch.tensor(found.rows), torch.cat(found.embeddings)
        identity = identity_metrics(results, gallery, rows, rows + len(sources))
        true = centre(torch.cat(truths)[rows], gallery)
        identity["cosine_to_truth"] = torch.cosine_similarity(centre(results, gallery), true).double()
        columns = {metric: torch.tensor(values, dtype=torch.float64) for metric, values in found.columns.items()}
        of_pose = {"pose_error": columns.pop("pose_error")}
        found.metrics = {"pixels": columns, "faceres": identity, "facemesh": of_pose}
    return judged, seconds


@torch.no_grad()
def embed_face(
    network: Callable[[torch.Tensor], torch.Tensor], picture: np.ndarray, points: np.ndarray
) -> torch.Tensor:
    """Return the embedding (1, d) of the face of a picture."""
    face, _ = align(picture, points, RESOLUTION)
    return network(torch.from_numpy(face.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1)


def group_entries(found: Judged) -> dict[str, list[dict]]:
    """Return the metrics of every group, by its name."""
    names = sorted({name for groups in found.groups for name in groups})
    chosen = {name: torch.tensor([name in groups for groups in found.groups]) for name in names}
    return {
        name: metric_entries(
            {judge: {metric: values[mask] for metric, values in by.items()} for judge, by in found.metrics.items()}
        )
        for name, mask in chosen.items()
    }


def table_rows(judged: Mapping[str, Judged]) -> Iterator[Row]:
    """Yield the rows of `pairs.csv`: one for each swapper and triplet."""
    for name, found in judged.items():
        for index, case in enumerate(found.cases):
            facts: Row = {"swapped_by": name, "triplet": case, "groups": " ".join(found.groups[index])}
            yield facts | metric_columns(found.metrics, index)
        for case in found.lost:
            yield {"swapped_by": name, "triplet": case, "groups": "no face found"}


def draw_cases(
    path: Path, found: Judged, places: Sequence[tuple[Path, tuple[int, int]]], swappers: Mapping[str, Swapper]
) -> None:
    """Write a picture of the three worst, three middle and three best cases by the PSNR of the face, a row each.

    Columns are source, target, true swap, then every swapper.
    """
    scores = found.metrics["pixels"]["psnr_face"].nan_to_num(0).numpy()
    order = np.argsort(scores, kind="stable")
    middle = len(order) // 2
    chosen = dict.fromkeys([*order[:3].tolist(), *order[middle - 1 : middle + 2].tolist(), *order[-3:].tolist()])
    rows = []
    for index in chosen:
        case = read_case(*places[found.rows[index]])
        pictures = [case.source, case.target, case.truth]
        for name, swapper in swappers.items():
            if name not in ("target", "truth"):
                pictures.append(swapper(case))
        rows.append(np.hstack(pictures))
    Image.fromarray(np.vstack(rows)).save(path, quality=90)
