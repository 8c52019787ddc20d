"""Train stage 2, HEAR-Net: `accelerate launch trainers/hear.py --recipe lite-hear --aei_model OUT_OF_STAGE_1 ...`.

Reference: arXiv 1912.13457, section 3.2. AEI-Net is frozen; targets are the pictures it reconstructs worst.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from pydantic import Field
from torch import nn

from faceshifter_hub.component import FrozenMixin
from faceshifter_hub.errors import DataError, FaceShifterError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.registry import check_compatible
from trainers import losses, run
from trainers.data import Photo, SwapPairs, Targets, load_photos, load_triplets, to_tensor
from trainers.ema import EMA
from trainers.occlusion import load_cutouts
from trainers.options import TrainingOptions, parse_options
from trainers.views import random_view

GRID_ROWS = 10


class HEAROptions(TrainingOptions):
    """Options of stage 2. The defaults are the paper's; weights of 0 switch our extensions off."""

    model: dict[str, dict[str, Any]] = Field(description="configuration: refiner")
    aei_model: Path = Field(description="output of stage 1: attribute_encoder/ and aad_generator/")
    different_ratio: float = Field(0.5, ge=0, le=1, description="share of pairs of different people")
    hard_share: float = Field(0.1, gt=0, le=1, description="share of the data kept: the largest heuristic errors")
    hard_candidates: int = Field(2000, gt=0, description="how many rendered pictures are tried for it")
    identity_weight: float = 1.0
    change_weight: float = 1.0
    reconstruction_weight: float = 1.0
    true_swap_weight: float = Field(0.0, description="ours: L1 to the true swap, where it is known")
    identity_views: bool = Field(False, description="ours: the identity loss looks through random views")


class FrozenAEI(FrozenMixin, nn.Module):
    """A trained stage 1, and what stage 2 asks of it."""

    def __init__(self, folder: Path, identity_encoder: nn.Module):
        super().__init__()
        self.encoder = MultilevelAttributeEncoder.from_pretrained(folder / "attribute_encoder")
        self.generator = AADGenerator.from_pretrained(folder / "aad_generator")
        self.identity_encoder = identity_encoder
        self.eval()

    @torch.no_grad()
    def forward(self, target: torch.Tensor, z_source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return Y^_st and dY_t = X_t - Y^_tt, both (B, 3, R, R), for `target` (B, 3, R, R) and z_source (B, d)."""
        modulations = self.generator.modulate_attributes(self.encoder(target))
        identities = torch.stack([z_source, self.identity_encoder(target)], dim=1).flatten(0, 1)  # (2B, d)
        both, _ = self.generator.generate(identities, modulations)  # (2B, 3, R, R)
        return both[0::2].float(), target - both[1::2].float()


def heuristic_errors(aei: FrozenAEI, photos: Iterable[Photo], resolution: int, accelerator: Accelerator) -> np.ndarray:
    """Return mean |dY_t| of each picture, (N,)."""
    errors = []
    for n, photo in enumerate(photos):
        x = to_tensor(align(photo.image, photo.points, resolution)[0])[None].to(accelerator.device)
        with torch.no_grad(), accelerator.autocast():
            z_att, z_id = aei.encoder(x), aei.identity_encoder(x)
            errors.append((x - aei.generator(z_id, z_att)).abs().mean().item())
        if n % 100 == 0:
            accelerator.print(f"\rheuristic errors: {n} pictures", end="", flush=True)
    accelerator.print()
    return np.array(errors)


def hardest(errors: np.ndarray, share: float) -> np.ndarray:
    """Return the numbers of the `share` of pictures with the largest errors, at least one."""
    return np.argsort(-errors)[: max(int(len(errors) * share), 1)]


def main(argv: list[str] | None = None) -> None:
    """Train until `max_train_steps`, then write the refiner."""
    options = parse_options(HEAROptions, "Train stage 2, HEAR-Net.", argv)
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
            "attribute_encoder": (f"{options.aei_model}/attribute_encoder", aei.encoder.interface),
            "aad_generator": (f"{options.aei_model}/aad_generator", aei.generator.interface),
        }
    )
    photos = load_photos(options.train_data_dir, options.resolution, validation=False)
    held_out = load_photos(options.train_data_dir, options.resolution, validation=True)
    triplets = load_triplets(options.synthetic_data_dir, options.resolution)
    cutouts = load_cutouts(map(triplets.fields, range(len(triplets))))

    rng = np.random.default_rng(options.seed)
    tried = rng.permutation(len(triplets))[: options.hard_candidates]
    rendered = (triplets.photos(n, "target")[0] for n in tried)
    hard_photos = hardest(heuristic_errors(aei, photos, options.resolution, accelerator), options.hard_share)
    hard_rendered = hardest(heuristic_errors(aei, rendered, options.resolution, accelerator), options.hard_share)
    targets = Targets(hard_photos.tolist(), tried[hard_rendered].tolist())

    samples = run.samples_before(options.max_train_steps, options, accelerator)
    shares = options.different_ratio, options.rendered_ratio
    pairs = SwapPairs(photos, triplets, options.resolution, samples, options.seed, *shares, targets, cutouts)
    preview = SwapPairs(held_out, triplets, options.resolution, GRID_ROWS, 1, 1.0, 0.5, None, cutouts)

    refiner = run.build(HEARRefiner, options.model, "refiner", resolution=options.resolution)
    refiner = refiner.to(memory_format=torch.channels_last)
    optimizer = run.adam(refiner, options)
    schedule = run.schedule(optimizer, options)
    ema = EMA(refiner, options.ema_decay)
    if options.torch_compile:
        refiner.compile()
    ema.average.to(accelerator.device)
    refiner, optimizer = accelerator.prepare(refiner, optimizer)

    def save(step: int) -> None:
        save_samples(options, step, aei, ema.average, preview, accelerator)
        ema.average.save_pretrained(options.output_dir / "hear_refiner")

    loop = run.Loop(accelerator, options, refiner, optimizer, schedule, ema, save)
    weights = {
        "identity": options.identity_weight,
        "change": options.change_weight,
        "reconstruction": options.reconstruction_weight,
        "true_swap": options.true_swap_weight,
    }
    batches = accelerator.prepare(run.loader(pairs, options, accelerator, loop.step))
    for batch in batches:
        with accelerator.accumulate(refiner):
            source, target = (batch[k].to(memory_format=torch.channels_last) for k in ("source", "target"))
            with accelerator.autocast():
                with torch.no_grad():
                    z_source = identity_encoder(source)
                swapped, error = aei(target, z_source)
                result = refiner(swapped, error).float()
                view = random_view(len(result), result) if options.identity_views else nn.Identity()
                z_result = identity_encoder(view(result))
            values = {
                "identity": losses.identity_loss(z_result.float(), z_source.float()),
                "change": losses.change_loss(result, swapped),
                "reconstruction": losses.reconstruction_loss(result, target, batch["same"]),
                "true_swap": losses.true_swap_loss(result, batch["truth"], batch["known"]),
            }
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
) -> None:
    """Draw validation pairs: source, target, Y^_st, dY_t, Y_st."""
    samples = [pairs[n] for n in range(len(pairs))]
    source, target = (torch.stack([s[k] for s in samples]).to(accelerator.device) for k in ("source", "target"))
    swapped, error = aei(target, aei.identity_encoder(source))
    refined = refiner(swapped, error)
    run.save_grid(options.output_dir / f"samples/{step:06d}.png", [source, target, swapped, error, refined])


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
