"""Train stage 2, HEAR-Net: `accelerate launch trainers/hear.py --recipe lite-hear --aei_model OUT_OF_STAGE_1 ...`.

Reference: arXiv 1912.13457, section 3.2. AEI-Net is frozen; targets are the pictures it reconstructs worst.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from accelerate import Accelerator
from pydantic import Field
from torch import nn

from faceshifter_hub.errors import DataError, FaceShifterError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.models.face_region import face_region
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.registry import check_compatible
from trainers import losses, run
from trainers.adversary import AdversarialOptions, Adversary
from trainers.data import find_folders, load_preview, load_training
from trainers.ema import EMA
from trainers.frozen_aei import FrozenAEI, part_address
from trainers.growing import adopt
from trainers.hard_targets import draw_histogram, hardest, heuristic_errors
from trainers.occlusion import load_cutouts, read_cutouts
from trainers.options import parse_options
from trainers.pairs import SwapPairs, to_tensor
from trainers.photo_triplets import load_exchanged
from trainers.photos import Photo, PhotoFolder
from trainers.pieces import cache_key
from trainers.rendered import TargetsOf, Triplets, load_triplets
from trainers.views import random_view
from trainers.worn_glasses import load_glasses

GRID_ROWS, HARDEST_ROWS = 10, 6


class HEAROptions(AdversarialOptions):
    """Options of stage 2. The defaults are the paper's; weights of 0 switch our extensions off."""

    stage: ClassVar[str] = "hear"

    aei_model: str = Field(description="output of stage 1, a folder or hf://OWNER/NAME[@REVISION]")
    occluder_dir: Path | None = Field(None, description="pictures with transparent surroundings, to paste over faces")
    different_ratio: float = Field(0.5, ge=0, le=1, description="share of pairs of different people")
    hard_share: float = Field(0.1, gt=0, le=1, description="share of each data set kept: the largest heuristic errors")
    hard_candidates: int = Field(2000, gt=0, description="how many rendered pictures are tried for it")
    identity_weight: float = 1.0
    change_weight: float = 1.0
    reconstruction_weight: float = 1.0
    true_swap_weight: float = Field(0.0, description="ours: L1 to the true swap in the face, where it is known")
    kept_weight: float = Field(0.0, description="ours: L1 where the true swap shows what the target shows")
    target_identity_weight: float = Field(0.0, description="ours: likeness to the target, where people differ")
    feature_weight: float = Field(
        0.0, description="ours: relative L1 of the identity encoder's inner maps to the true swap's, where it is known"
    )
    identity_views: bool = Field(False, description="ours: the identity loss looks through random views")
    adversarial_weight: float = Field(0.0, description="ours: the paper has no L_adv in this stage")


def choose_targets(
    aei: FrozenAEI,
    options: HEAROptions,
    photos: list[PhotoFolder],
    triplets: Triplets,
    accelerator: Accelerator,
) -> None:
    """Let only those pictures of each data set be targets that stage 1 reconstructs worst; draw what was found."""
    tried = np.random.default_rng(options.seed).permutation(len(triplets))[: options.hard_candidates]
    stage_1 = aei.digest()
    errors: dict[str, np.ndarray] = {}
    worst: list[Photo] = []

    def choose(name: str, pictures: Sequence[Photo], paths: Sequence[Path], *facts: object) -> np.ndarray:
        shards = [(str(path), path.stat().st_size) for path in paths]
        cache = (
            options.output_dir
            / "heuristic_errors"
            / cache_key(stage_1, options.resolution, options.mixed_precision, shards, *facts)
        )
        found = heuristic_errors(aei, pictures, options.resolution, options.train_batch_size, cache, accelerator)
        chosen = hardest(found, options.hard_share)
        errors[name] = found
        worst.extend(pictures[n] for n in chosen[:HARDEST_ROWS].tolist())
        return chosen

    for number, folder in enumerate(photos):
        folder.targets = choose(f"{number}: {folder.paths[0].parent.name}", folder, folder.paths).tolist()
    if len(tried):
        chosen = choose("rendered", TargetsOf(triplets, tried.tolist()), triplets.paths, tried.tolist())
        triplets.targets = tried[chosen].tolist()
    if accelerator.is_main_process:
        draw_histogram(errors, options.hard_share, options.output_dir / "heuristic_errors.png")
        aligned = [to_tensor(align(photo.image, photo.points, options.resolution)[0]) for photo in worst]
        x = torch.stack(aligned).to(accelerator.device)  # (B, 3, R, R)
        dy = torch.cat([aei.error(batch) for batch in x.split(options.train_batch_size)])
        run.save_grid(options.output_dir / "hardest.png", [x, x - dy, dy])


def main(argv: list[str] | None = None) -> None:
    """Train until `max_train_steps`, then write the refiner."""
    options = parse_options(HEAROptions, argv)
    accelerator = run.start(options)
    identity_encoder = run.load_identity_encoder(options)
    aei = FrozenAEI(options.aei_model, identity_encoder).to(accelerator.device)
    if aei.generator.config.resolution != options.resolution:
        raise DataError(
            f"{options.aei_model} draws faces of {aei.generator.config.resolution}, the recipe asks for "
            f"{options.resolution}; give --resolution {aei.generator.config.resolution} or another stage 1."
        )
    check_compatible(
        {
            "identity_encoder": (options.identity_encoder, identity_encoder.interface),
            "attribute_encoder": (part_address(options.aei_model, "attribute_encoder"), aei.encoder.interface),
            "aad_generator": (part_address(options.aei_model, "aad_generator"), aei.generator.interface),
        }
    )
    folders = find_folders(options.train_data_dir, options.output_dir / "prepared", options.resolution, accelerator)
    photos, mixture = load_training(folders, options.resolution)
    held_out = load_preview(folders, options.resolution, mixture, GRID_ROWS)
    exchanged = load_exchanged(options, photos, [weight for _, weight in folders], accelerator)
    triplets = load_triplets(options.synthetic_data_dir, options.resolution)
    cutouts = load_cutouts(map(triplets.fields, range(len(triplets))))
    glasses = load_glasses(map(triplets.fields, range(len(triplets))), options.resolution)
    if options.occluder_dir is not None:
        cutouts += read_cutouts(options.occluder_dir)
    choose_targets(aei, options, photos, triplets, accelerator)

    samples = run.samples_before(options.max_train_steps, options, accelerator)
    shares = options.different_ratio, options.rendered_ratio
    pairs = SwapPairs(
        mixture,
        triplets,
        options.resolution,
        samples,
        options.seed,
        *shares,
        cutouts,
        glasses,
        exchanged=exchanged,
        exchanged_share=options.exchanged_ratio,
    )
    preview = SwapPairs(held_out, triplets, options.resolution, GRID_ROWS, 1, 1.0, 0.5, cutouts, glasses)

    refiner = run.build(HEARRefiner, options.model, "refiner", resolution=options.resolution)
    if options.init_model is not None:
        adopt(refiner, HEARRefiner.from_pretrained(str(options.init_model / "hear_refiner")))
    optimizer = run.adam(refiner, options)
    schedule = run.schedule(optimizer, options)
    ema = EMA(refiner, options.ema_decay)
    if options.torch_compile:
        refiner.compile()
    ema.average.to(accelerator.device)
    refiner, optimizer = accelerator.prepare(refiner, optimizer)
    adversary = Adversary(options, accelerator)

    def save(folder: Path) -> None:
        ema.average.save_pretrained(folder / "hear_refiner")

    def draw(step: int) -> Path:
        return save_samples(options, step, aei, ema.average, preview, accelerator)

    face = face_region(options.resolution).to(accelerator.device)
    loop = run.Loop(accelerator, options, refiner, optimizer, schedule, ema, save, draw)
    weights = {
        "identity": options.identity_weight,
        "change": options.change_weight,
        "reconstruction": options.reconstruction_weight,
        "true_swap": options.true_swap_weight,
        "kept": options.kept_weight,
        "target_identity": options.target_identity_weight,
        "feature": options.feature_weight,
        "adversarial": options.adversarial_weight,
    }
    batches = run.loader(pairs, options, accelerator, loop.step)
    for batch in batches:
        with accelerator.accumulate(refiner, *adversary.networks):
            source, target = (batch[k] for k in ("source", "target"))
            with accelerator.autocast():
                with torch.no_grad():
                    z_source = identity_encoder(source)
                    z_wanted = identity_encoder(batch["bare_source"]) if glasses else z_source
                    z_target = identity_encoder(target)
                swapped, error = aei(target, z_source)
                result = refiner(swapped, error).float()
                view = random_view(len(result), result) if options.identity_views else nn.Identity()
                z_result, maps = identity_encoder.features(view(result))
            values = adversary.turn(batch, result, loop.step) | {
                "identity": losses.identity_loss(z_result.float(), z_wanted.float()),
                "change": losses.change_loss(result, swapped),
                "reconstruction": losses.reconstruction_loss(result, target, batch["same"]),
                "true_swap": losses.true_swap_loss(result, batch["truth"], batch["known"], face),
                "kept": losses.kept_loss(result, target, batch["truth"], batch["known"], face),
                "target_identity": losses.target_identity_loss(z_result.float(), z_target.float(), batch["same"]),
            }
            if options.feature_weight:
                with accelerator.autocast(), torch.no_grad():
                    _, true_maps = identity_encoder.features(view(batch["truth"]))
                values["feature"] = losses.feature_loss(
                    [m.float() for m in maps], [m.float() for m in true_maps], batch["known"]
                )
            loop.finish(values, weights)
    run.push(accelerator, options)
    accelerator.end_training()


@torch.no_grad()
def save_samples(
    options: HEAROptions,
    step: int,
    aei: FrozenAEI,
    refiner: HEARRefiner,
    pairs: SwapPairs,
    accelerator: Accelerator,
) -> Path:
    """Draw validation pairs: source, target, Y^_st, dY_t, M^k of Y^_st, Y_st."""

    def draw(source: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
        z_source = aei.identity_encoder(source)
        swapped, error = aei(target, z_source)
        _, masks = aei.generator.generate(z_source, aei.generator.modulate_attributes(aei.encoder(target)))
        tiles = run.tile_masks(masks, len(source), options.resolution)
        return [source, target, swapped, error, tiles, refiner(swapped, error)]

    columns = run.draw_pairs(pairs, options.train_batch_size, accelerator, draw)
    return run.save_grid(options.output_dir / f"samples/{step:06d}.png", columns)


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
