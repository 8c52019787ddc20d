"""docs/gallery.md: swaps between rendered people drawn by a seed, stage by stage, with the masks of each level.

The cases are not picked: what went wrong stands beside what went well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from faceshifter_hub.evaluation.cases import Case
from faceshifter_hub.evaluation.judging.pixels import psnr
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.stages import stage_pictures

SIDE = 144  # pixels of a picture in a strip
STRIPS = {
    "stages": "source, target Xₜ, stage 1 Ŷₛₜ, target redrawn Ŷₜₜ, heuristic error ΔY, stage 2 Yₛₜ, pasted, true swap",
    "masks": "masks M of each level, coarse to fine; white takes identity, black attributes",
}
HEADING = """# Gallery

Swaps between people who do not exist, by `{pipeline}`: {count} of {total} triplets of SwapBench, drawn by seed \
{seed} and not picked, so what fails is here as often as it does. Made by

    {command}

The first strip of a case: {stages}.

The second: {masks}.

PSNR is that of the pasted face against the true swap, where nothing hides it.
"""


@dataclass(frozen=True, eq=False)
class Shown:
    """A case of the gallery.

    Attributes:
        name: of the case.
        occluded: whether something hides a part of the target's face.
        psnr: of the face against the true swap, dB.
        strips: picture of several, by the names of `STRIPS`.
    """

    name: str
    occluded: bool
    psnr: float
    strips: dict[str, Image.Image]


def draw_cases(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """Return some cases, in their order."""
    rng = np.random.default_rng(seed)
    return [cases[n] for n in sorted(rng.choice(len(cases), min(count, len(cases)), replace=False))]


def show_case(pipeline: FaceShifterPipeline, case: Case) -> Shown:
    """Swap a case of known truth and lay out what each stage made."""
    assert case.truth is not None and case.truth.photo.points is not None
    assert case.source.points is not None and case.target.points is not None
    side = pipeline.resolution
    photo, truth = case.target.read(), case.truth.photo.read()
    source, _ = align(case.source.read(), case.source.points, side)
    target, matrix = align(photo, case.target.points, side)
    refine = "hear_refiner" in pipeline.components
    swap = pipeline.swap_aligned(pipeline.identify(source), pipeline.to_tensor(target), refine=refine)
    pasted = pipeline.put_back(photo, swap.result[0], target, matrix)
    pictures = stage_pictures(source, swap)
    masks = {name: pictures.pop(name) for name in [*pictures] if name.startswith("mask_")}
    pictures["pasted"] = Image.fromarray(align(pasted, case.target.points, side)[0])
    pictures["true swap"] = Image.fromarray(align(truth, case.target.points, side)[0])
    return Shown(
        name=case.name,
        occluded=case.groups.get("occlusion") == "occluded",
        psnr=psnr(pasted, truth, case.truth.parts()["face"]),
        strips={"stages": side_by_side(pictures.values()), "masks": side_by_side(masks.values())},
    )


def side_by_side(pictures: Iterable[Image.Image]) -> Image.Image:
    """Return pictures in a row, SIDE pixels each."""
    small = [picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX) for picture in pictures]
    row = Image.new("RGB", (SIDE * len(small), SIDE))
    for place, picture in enumerate(small):
        row.paste(picture, (place * SIDE, 0))
    return row


def gallery_page(shown: Sequence[Shown], folder: str, *, pipeline: str, total: int, seed: int, command: str) -> str:
    """Return the Markdown.

    Args:
        shown: the cases.
        folder: of their pictures, as the page names it.
        pipeline: its address.
        total: number of cases from which they were drawn.
        seed: by which.
        command: which made the page.
    """
    parts = [HEADING.format(pipeline=pipeline, count=len(shown), total=total, seed=seed, command=command, **STRIPS)]
    for case in shown:
        hidden = ", something before the face" if case.occluded else ""
        parts.append(f"## {case.name}\n\nPSNR {case.psnr:.1f} dB{hidden}.\n")
        parts += [f"![{case.name}: {what}]({folder}/{case.name}-{strip}.webp)\n" for strip, what in STRIPS.items()]
    values = [case.psnr for case in shown if np.isfinite(case.psnr)]
    parts.append(f"Mean PSNR of these {len(values)}: {np.mean(values):.1f} dB.\n")
    return "\n".join(parts)


@torch.inference_mode()
def make_gallery(pipeline: FaceShifterPipeline, cases: Sequence[Case], count: int, seed: int) -> list[Shown]:
    """Return some cases, drawn by a seed, as the gallery shows them."""
    return [show_case(pipeline, case) for case in draw_cases(cases, count, seed)]
