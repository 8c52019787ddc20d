"""Train stage 1, AEI-Net: `accelerate launch trainers/aei.py --recipe lite-aei --train_data_dir DIR --output_dir OUT`.

Reference: arXiv 1912.13457, section 3.1. What the recipes add to the paper's losses is named "ours" below.
"""

import sys
from pathlib import Path
from typing import ClassVar

import torch
from accelerate import Accelerator
from pydantic import Field
from torch import nn

from faceshifter_hub.errors import FaceShifterError, TrainingError
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.face_region import face_region
from faceshifter_hub.registry import check_compatible
from trainers import losses, run
from trainers.adversary import AdversarialOptions, Adversary
from trainers.data import find_folders, load_preview, load_training
from trainers.ema import EMA
from trainers.feature_region import feature_region
from trainers.growing import grow_encoder, grow_generator
from trainers.options import Places, parse_options
from trainers.pairs import SwapPairs
from trainers.photo_triplets import load_exchanged
from trainers.rendered import LiveTriplets, load_triplets
from trainers.streams import open_streams
from trainers.views import random_view
from trainers.worn_glasses import load_glasses

GRID_ROWS = 12


class AEIOptions(AdversarialOptions):
    """Options of stage 1. The defaults are the paper's; weights of 0 switch our extensions off."""

    stage: ClassVar[str] = "aei"

    dataset_name: Places = Field(
        [], description="photographs that are streamed: a data set of the Hub, or several as NAME=WEIGHT"
    )
    dataset_person_column: str | None = Field(None, description="column of a streamed data set that says who it is")
    attribute_weight: float = 10.0
    identity_weight: float = 5.0
    reconstruction_weight: float = 10.0
    true_swap_weight: float = Field(0.0, description="ours: L1 to the true swap in the face, where it is known")
    detail_weight: float = Field(0.0, description="ours: the same of fine detail alone")
    feature_emphasis: float = Field(
        0.0, ge=0, description="ours: how much more either counts at eyes and mouth than elsewhere in the face"
    )
    feature_weight: float = Field(
        0.0, description="ours: inner maps of the identity encoder, where the truth is known"
    )
    surroundings_weight: float = Field(0.0, description="ours: L1 to the target outside the face")
    colour_weight: float = Field(0.0, description="ours: coarse colours of the target, where the truth is unknown")
    target_identity_weight: float = Field(0.0, description="ours: likeness to the target, where people differ")
    identity_views: bool = Field(False, description="ours: the identity loss looks through random views")
    identity_warmup_steps: int = Field(0, ge=0, description="ours: over so many steps L_id's weight grows from 0")
    gradient_checkpointing: bool = Field(
        False, description="compute the generator's blocks again on the way back: less memory, slower steps"
    )
    synthesize_on_the_fly: bool = Field(False, description="render triplets while training, in place of a folder")
    synthesis_workers: int = Field(1, ge=1, description="rendering processes for it, beside each training process")


class AEINet(nn.Module):
    """Attribute encoder and AAD generator as one network, so that one call gives all that the losses need."""

    def __init__(self, encoder: MultilevelAttributeEncoder, generator: AADGenerator):
        super().__init__()
        self.encoder, self.generator = encoder, generator

    def forward(
        self, target: torch.Tensor, z_source: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
        """Swap identity z_source (B, d) into `target` (B, 3, R, R); returns Y^_st, z_att(X_t), z_att(Y^_st)."""
        z_att = self.encoder(target)
        result = self.generator(z_source, z_att)
        return result, z_att, self.encoder(result)


def build(options: AEIOptions) -> AEINet:
    """Build the networks of the recipe, warm where `init_model` has tensors of the same name and shape."""
    encoder = run.build(MultilevelAttributeEncoder, options.model, "encoder", resolution=options.resolution)
    generator = run.build(
        AADGenerator,
        options.model,
        "generator",
        resolution=options.resolution,
        attribute_space=encoder.interface.attribute_space.name,
        attribute_channels=encoder.interface.attribute_space.channels,
    )
    if options.init_model is not None:
        grow_encoder(
            encoder, MultilevelAttributeEncoder.from_pretrained(str(options.init_model / "attribute_encoder"))
        )
        grow_generator(generator, AADGenerator.from_pretrained(str(options.init_model / "aad_generator")))
    return AEINet(encoder, generator)


def main(argv: list[str] | None = None) -> None:
    """Train until `max_train_steps`, then write both components."""
    options = parse_options(AEIOptions, argv)
    if options.synthesize_on_the_fly and options.synthetic_data_dir:
        raise TrainingError("synthesize_on_the_fly takes the place of synthetic_data_dir: give one of them.")
    accelerator = run.start(options)
    folders = find_folders(options.train_data_dir, options.output_dir / "prepared", options.resolution, accelerator)
    streams = open_streams(
        options.dataset_name, options.dataset_person_column, options.resolution, options.seed, accelerator
    )
    prepared, photos = load_training(folders, options.resolution, streams)
    exchanged = load_exchanged(options, prepared, [weight for _, weight in folders], accelerator)
    held_out = load_preview(folders, options.resolution, photos, GRID_ROWS, streams)
    triplets = load_triplets(options.synthetic_data_dir, options.resolution)
    glasses = load_glasses(map(triplets.fields, range(len(triplets))), options.resolution)
    live = LiveTriplets(options.resolution, options.seed + accelerator.process_index, options.synthesis_workers)
    rendered = live if options.synthesize_on_the_fly else triplets
    samples = run.samples_before(options.max_train_steps, options, accelerator)
    shares = options.different_ratio, options.rendered_ratio
    pairs = SwapPairs(
        photos,
        rendered,
        options.resolution,
        samples,
        options.seed,
        *shares,
        glasses=glasses,
        exchanged=exchanged,
        exchanged_share=options.exchanged_ratio,
    )
    preview = SwapPairs(held_out, triplets, options.resolution, GRID_ROWS, 1, 1.0, 0.25, glasses=glasses)

    identity_encoder = run.load_identity_encoder(options).to(accelerator.device)
    aei = build(options)
    check_compatible(
        {
            "identity_encoder": (options.identity_encoder, identity_encoder.interface),
            "aad_generator": ("of the recipe", aei.generator.interface),
        }
    )
    optimizer = run.adam(aei, options)
    schedule = run.schedule(optimizer, options)
    ema = EMA(aei, options.ema_decay)
    if options.gradient_checkpointing:
        aei.generator.enable_gradient_checkpointing()
    if options.torch_compile:
        aei.compile()
    ema.average.to(accelerator.device)
    aei, optimizer = accelerator.prepare(aei, optimizer)
    adversary = Adversary(options, accelerator)

    def save(folder: Path) -> None:
        save_components(folder, ema.average)

    def draw(step: int) -> Path:
        return save_samples(options, step, ema.average, identity_encoder, preview, accelerator)

    loop = run.Loop(accelerator, options, aei, optimizer, schedule, ema, save, draw)
    face = face_region(options.resolution).to(accelerator.device)
    told = face * (1 + options.feature_emphasis * feature_region(options.resolution).to(accelerator.device))  # (R, R)

    if streams or options.synthesize_on_the_fly:
        batches = run.stream_loader(pairs, options, accelerator, loop.step)
    else:
        batches = run.loader(pairs, options, accelerator, loop.step)
    for batch in batches:
        with accelerator.accumulate(aei, *adversary.networks):
            source, target, truth = (batch[k] for k in ("source", "target", "truth"))
            known, same = batch["known"], batch["same"]
            with accelerator.autocast():
                with torch.no_grad():
                    z_source = identity_encoder(source)
                    z_wanted = identity_encoder(batch["bare_source"]) if glasses else z_source
                    z_before = identity_encoder(target)
                result, z_target, z_result = aei(target, z_source)
            result = result.float()
            values = adversary.turn(batch, result, loop.step)
            weights = {
                "attribute": options.attribute_weight,
                "reconstruction": options.reconstruction_weight,
                "true_swap": options.true_swap_weight,
                "detail": options.detail_weight,
                "surroundings": options.surroundings_weight,
                "colour": options.colour_weight,
                "identity": options.identity_weight
                * min(1.0, (loop.step + 1) / max(options.identity_warmup_steps, 1)),
                "target_identity": options.target_identity_weight,
                "feature": options.feature_weight,
                "adversarial": options.adversarial_weight,
            }
            values["attribute"] = losses.attribute_loss([z.float() for z in z_result], [z.float() for z in z_target])
            values["reconstruction"] = losses.reconstruction_loss(result, target, same)
            if weights["true_swap"]:
                values["true_swap"] = losses.true_swap_loss(result, truth, known, told)
            if weights["detail"]:
                values["detail"] = losses.detail_loss(result, truth, known, told)
            if weights["surroundings"]:
                values["surroundings"] = losses.surroundings_loss(result, target, face)
            if weights["colour"]:
                values["colour"] = losses.colour_loss(result, target, known)
            view = random_view(len(result), result) if options.identity_views else nn.Identity()
            with accelerator.autocast():
                z_swap, maps = identity_encoder.features(view(result))
            values["identity"] = losses.identity_loss(z_swap.float(), z_wanted.float())
            if weights["target_identity"]:
                values["target_identity"] = losses.target_identity_loss(z_swap.float(), z_before.float(), same)
            if weights["feature"]:
                with accelerator.autocast(), torch.no_grad():
                    _, true_maps = identity_encoder.features(view(truth))
                values["feature"] = losses.feature_loss(
                    [m.float() for m in maps], [m.float() for m in true_maps], known
                )
            loop.finish(values, weights)
    run.push(accelerator, options)
    accelerator.end_training()


@torch.no_grad()
def save_samples(
    options: AEIOptions,
    step: int,
    aei: AEINet,
    identity_encoder: nn.Module,
    pairs: SwapPairs,
    accelerator: Accelerator,
) -> Path:
    """Draw validation pairs: source, target, Y^_st, Y^_tt, dY_t, M^k of Y^_st."""

    def draw(source: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
        modulations = aei.generator.modulate_attributes(aei.encoder(target))
        swapped, masks = aei.generator.generate(identity_encoder(source), modulations)
        reconstructed, _ = aei.generator.generate(identity_encoder(target), modulations)
        error = target - reconstructed
        return [source, target, swapped, reconstructed, error, run.tile_masks(masks, len(source), options.resolution)]

    columns = run.draw_pairs(pairs, options.train_batch_size, accelerator, draw)
    return run.save_grid(options.output_dir / f"samples/{step:06d}.png", columns)


def save_components(folder: Path, aei: AEINet) -> None:
    """Write both components, averaged, where `from_pretrained` and `init_model` find them."""
    aei.encoder.save_pretrained(folder / "attribute_encoder")
    aei.generator.save_pretrained(folder / "aad_generator")


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
