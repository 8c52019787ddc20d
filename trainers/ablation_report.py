"""Compares variants of stage 1, and stage 1 with both stages, on photographs nobody trained on: table and pictures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from faceshifter_hub.component import load_component
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import ComponentError, DataError
from faceshifter_hub.evaluation.identity import Score, embed, identity_metrics, summarise
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.head_pose import estimate_head_pose
from faceshifter_hub.evaluation.protocols.portraits import draw_pairs
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.models.face_region import face_region
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.packaged.faceres import FaceRes
from trainers import run
from trainers.frozen_aei import FrozenAEI
from trainers.pairs import to_tensor
from trainers.photos import Photo, PhotoFolder, find_shards, read_place

if TYPE_CHECKING:
    from trainers.ablate import AblationOptions

ROWS = 8  # of the pictures
BATCH = 8


@dataclass
class HeldOut:
    """Faces of different people, one each: pixels (P, 3, R, R) in [-1, 1], landmarks (P, 5, 2), and pairs of them."""

    faces: Tensor
    points: np.ndarray
    sources: Tensor  # (N,)
    targets: Tensor  # (N,)


@dataclass
class Drawn:
    """What a variant drew: Y of each pair (N, 3, R, R), Y^_tt of each person, and M^k of the first ROWS pairs."""

    results: Tensor
    reconstructions: Tensor
    masks: list[Tensor]


def report(options: "AblationOptions", variants: Sequence[str], with_hear: str) -> None:
    """Draw with every variant, score, and write ablation.json, ablation.md, ablation.png and masks.png.

    Raises:
        DataError: The data hold fewer than two people.
        ComponentError: A variant cannot be loaded.
        UnwritableOutputError: A file cannot be written.
    """
    encoder = load_component(options.identity_encoder, "identity_encoder")
    held_out, split = load_people(options)
    drawn: dict[str, Drawn] = {}
    for name in variants:
        drawn[name] = draw(FrozenAEI(str(options.output_dir / name), encoder), held_out)
    refiner = HEARRefiner.from_pretrained(options.output_dir / "hear" / "hear_refiner")
    drawn["aad + hear"] = draw(FrozenAEI(str(options.output_dir / with_hear), encoder), held_out, refiner)

    judges, pose_network, missing = fetch_judges()
    judges[f"{options.identity_encoder} (training encoder)"] = encoder
    scores = {name: score(found, held_out, judges, pose_network) for name, found in drawn.items()}
    out = options.output_dir
    with written_whole(out / "ablation.md") as file:
        file.write(write_table(options, scores, drawn, held_out, split, missing).encode())
    with written_whole(out / "ablation.json") as file:
        plain = {variant: {name: vars(s) for name, s in found.items()} for variant, found in scores.items()}
        file.write(json.dumps(plain, indent=2).encode())
    sources, targets = (held_out.faces[index[:ROWS]] for index in (held_out.sources, held_out.targets))
    columns = [sources, targets, *(found.results[:ROWS] for found in drawn.values())]
    run.save_grid(out / "ablation.png", columns)
    masks = [2 * torch.nn.functional.interpolate(m, targets.shape[-2:]) - 1 for m in drawn[with_hear].masks]
    shown = [m.expand(-1, 3, -1, -1) for m in masks]
    run.save_grid(out / "masks.png", [sources, targets, drawn[with_hear].results[:ROWS], *shown])
    print((out / "ablation.md").read_text("utf-8"))


def load_people(options: "AblationOptions") -> tuple[HeldOut, str]:
    """Return one face of each person of the validation split, or of the training split if there are fewer than two.

    Raises:
        DataError: There are fewer than two there, too.
    """
    for split in ("validation", "training"):
        faces: dict[str | None, tuple[np.ndarray, np.ndarray]] = {}
        for place in options.train_data_dir:
            folder = Path(read_place(place)[0])
            for photo in PhotoFolder(find_shards(folder, required=True), split, options.resolution):
                if photo.person not in faces:
                    faces[photo.person] = align_photo(photo, options.resolution)
        if len(faces) > 1:
            pairs = torch.tensor(draw_pairs(len(faces), options.pairs, options.seed))  # (N, 2)
            pixels = torch.stack([to_tensor(image) for image, _ in faces.values()])
            points = np.stack([points for _, points in faces.values()])
            return HeldOut(pixels, points, pairs[:, 0], pairs[:, 1]), split
    raise DataError("The data hold fewer than two people: there is nobody to swap with.")


def align_photo(photo: Photo, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the aligned face (R, R, 3) and its landmarks (5, 2)."""
    pixels, matrix = align(photo.image, photo.points, resolution)
    return pixels, photo.points @ matrix[:, :2].T + matrix[:, 2]


@torch.no_grad()
def draw(aei: FrozenAEI, held_out: HeldOut, refiner: HEARRefiner | None = None) -> Drawn:
    """Swap every pair and reconstruct every person, by stage 1 or, with a refiner, by both stages."""

    def both_stages(swapped: Tensor, error: Tensor) -> Tensor:
        return swapped if refiner is None else refiner(swapped, error)

    z_id = embed(held_out.faces, aei.identity_encoder)  # (P, d)
    results, reconstructions = [], []
    for source, target in zip(held_out.sources.split(BATCH), held_out.targets.split(BATCH), strict=True):
        results.append(both_stages(*aei(held_out.faces[target], z_id[source])))
    for faces in held_out.faces.split(BATCH):
        error = aei.error(faces)
        reconstructions.append(both_stages(faces - error, error))
    first = held_out.targets[:ROWS]
    modulations = aei.generator.modulate_attributes(aei.encoder(held_out.faces[first]))
    _, masks = aei.generator.generate(z_id[held_out.sources[:ROWS]], modulations)
    return Drawn(torch.cat(results), torch.cat(reconstructions), masks)


def fetch_judges() -> tuple[dict[str, Callable[[Tensor], Tensor]], FaceMesh | None, list[str]]:
    """Return networks that judge identity, the one that judges pose, and why one is missing, if it is."""
    judges: dict[str, Callable[[Tensor], Tensor]] = {}
    pose, missing = None, []
    try:
        judges["faceres"] = FaceRes.from_package()
        pose = FaceMesh.from_package()
    except ComponentError as error:
        missing.append(str(error))
    return judges, pose, missing


def score(
    drawn: Drawn, held_out: HeldOut, judges: Mapping[str, Callable[[Tensor], Tensor]], pose_network: FaceMesh | None
) -> dict[str, Score]:
    """Return every score of a variant, by name."""
    targets = held_out.faces[held_out.targets]
    metrics: dict[str, Tensor] = {}
    for judge, network in judges.items():
        gallery = embed(held_out.faces, network)
        found = identity_metrics(embed(drawn.results, network), gallery, held_out.sources, held_out.targets)
        wanted = ("closer_to_source", "retrieval_top1", "cosine_to_source")
        metrics |= {f"{name}, {judge}": found[name] for name in wanted}
    if pose_network is not None:
        poses = head_poses(held_out.faces, held_out.points, pose_network)
        of_results = head_poses(drawn.results, held_out.points[held_out.targets], pose_network)
        metrics["pose error, degrees"] = torch.from_numpy(
            np.linalg.norm(of_results - poses[held_out.targets.numpy()], axis=1)
        )
    outside = 1 - face_region(targets.shape[-1])
    change = (drawn.results - targets).abs() * outside  # (N, 3, R, R)
    metrics["change outside the face, L1"] = change.flatten(1).mean(1) / outside.mean()
    metrics["reconstruction, L1"] = (drawn.reconstructions - held_out.faces).abs().flatten(1).mean(1)
    return summarise({name: values.double() for name, values in metrics.items()})


def head_poses(faces: Tensor, points: np.ndarray, network: FaceMesh) -> np.ndarray:
    """Return yaw, pitch and roll of faces (N, 3, R, R) in [-1, 1] with landmarks (N, 5, 2): (N, 3) degrees."""
    pixels = ((faces.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()  # (N, R, R, 3)
    return np.stack([estimate_head_pose(image, five, network) for image, five in zip(pixels, points, strict=True)])


def write_table(
    options: "AblationOptions",
    scores: Mapping[str, Mapping[str, Score]],
    drawn: Mapping[str, Drawn],
    held_out: HeldOut,
    split: str,
    missing: Sequence[str],
) -> str:
    """Return the Markdown of a comparison."""
    names = list(next(iter(scores.values())))
    lines = [
        "# Ablations of stage 1, and stage 2",
        f"{len(held_out.sources)} pairs of {len(held_out.faces)} people of the {split} split, {options.resolution} "
        f"pixels; recipe `{options.recipe}`, {options.max_train_steps} steps of {options.train_batch_size} in each "
        "process, then as many or --hear_steps of stage 2. Mean and 95 % bootstrap interval over the pairs: chance of "
        "the draw of pairs, not of a second training.",
        "| | " + " | ".join(scores) + " |\n" + "|---" * (1 + len(scores)) + "|",
    ]
    rows = [
        f"| {name} | "
        + " | ".join(
            f"{s.value:.3f} [{s.interval[0]:.3f}, {s.interval[1]:.3f}]" for s in (v[name] for v in scores.values())
        )
        + " |"
        for name in names
    ]
    lines[-1] += "\n" + "\n".join(rows)
    masked = {name: found.masks for name, found in drawn.items() if found.masks}
    lines.append(
        "Share that the identity takes, the mean of each M^k, coarsest level first: "
        + "; ".join(f"{name} " + " ".join(f"{m.mean():.2f}" for m in masks) for name, masks in masked.items())
        + "."
    )
    lines += [f"Not measured: {reason}" for reason in missing]
    lines.append(
        "`ablation.png`: source, target, then a column for each of the above. `masks.png`: source, target, "
        "result, M^1 to M^n of AAD; white is where the identity is taken."
    )
    return "\n\n".join(lines) + "\n"
