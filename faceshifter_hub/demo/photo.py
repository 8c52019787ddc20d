"""The tab Photo: one source, one target, one swapped picture, and what each stage made of it."""

import secrets
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.dropdowns import component_dropdowns
from faceshifter_hub.demo.inputs import (
    SWAP_LANE,
    Pair,
    pair_examples,
    pair_inputs,
    read_upload,
    require_consent,
    said_on_page,
    validate_pair,
)
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.media.images import write_image
from faceshifter_hub.options import MOST_STRENGTH
from faceshifter_hub.pipeline import FaceShifterPipelineOutput

PREVIEW_SIDE = 1280  # pixels; the file has the target's own size
RESULT_NAME = "faceshifter.png"

STAGE_CAPTIONS = {
    "source": "Source face, aligned",
    "target": "Target face Xₜ, aligned",
    "swapped": "Ŷₛₜ, swapped by stage 1",
    "reconstructed": "Ŷₜₜ, target redrawn by stage 1",
    "error": "ΔY = Xₜ − Ŷₜₜ, heuristic error; grey is none",
    "refined": "Yₛₜ, refined by stage 2",
}


def build_photo_tab(available: gr.State) -> Pair:
    """Lay out the tab and connect it, within an open `gr.Blocks`; returns its inputs."""
    with gr.Row(equal_height=False):
        with gr.Column():
            pair = pair_inputs()
            refine = gr.Checkbox(True, label="Refine the result (stage 2)", show_label=False, elem_id="refine")
            strength = gr.Slider(
                0,
                MOST_STRENGTH,
                1,
                step=0.05,
                label="Strength",
                info="0 keeps the target's identity, 1 takes the source's, more leads further from the target's",
                elem_id="strength",
            )
            button = gr.Button("Swap", variant="primary", elem_id="swap")
            pair_examples(pair)
            with gr.Accordion("Components", open=False, elem_id="components"):
                dropdowns = component_dropdowns(available)
        with gr.Column():
            slider = gr.ImageSlider(
                label="Before and after", buttons=["fullscreen"], elem_id="slider", interactive=False
            )
            file = gr.File(label="Result, a PNG file", interactive=False, elem_id="file")
            notes = gr.Markdown(elem_id="notes")
            stages = gr.Gallery(
                label="What each stage made",
                columns=3,
                height="auto",
                format="png",
                elem_id="stages",
                interactive=False,
            )

    def swap(
        source: str,
        target: str,
        consent: bool,
        refine: bool = True,
        generator: str | None = None,
        identity_encoder: str | None = None,
        attribute_encoder: str | None = None,
        refiner: str | None = None,
        detector: str | None = None,
        strength: float = 1.0,
        choices: Choices = available.value,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it by its default)
    ) -> tuple:
        """Put the source's identity into the target's photo.

        Args:
            source: Photo of the person whose identity is taken.
            target: Photo whose face changes.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            refine: Whether stage 2 runs.
            generator: Name of a registered component; so are the following.
            identity_encoder: See `generator`.
            attribute_encoder: See `generator`.
            refiner: See `generator`.
            detector: See `generator`.
            strength: How far the identity goes from the target's, 0, to the source's, 1, and beyond.
            choices: What the visitor may choose from.
            progress: Is shown on the page.

        Returns:
            Target and result to compare, the result as a PNG file, the pictures of every stage, and notes.
        """
        names = dict(zip(dropdowns, (generator, identity_encoder, attribute_encoder, refiner, detector), strict=True))
        with said_on_page("No swap"):
            require_consent(consent)
            progress(0.1, "Loading the networks")
            pipeline = load_pipeline(choices.addresses(names))
            progress(0.3, "Swapping")
            photo = read_upload(target, "target")
            output = pipeline(
                read_upload(source, "source"), photo, refine=refine, strength=strength, return_stages=True
            )
            progress(0.8, "Writing the pictures")
            path = Path(file.GRADIO_CACHE, secrets.token_hex(16), RESULT_NAME)
            path.parent.mkdir(parents=True)
            write_image(np.asarray(output.images[0]), path)
        before_and_after = preview(Image.fromarray(photo)), preview(output.images[0])
        return before_and_after, str(path), captioned(output.stages[0][0]), summary(output)

    button.click(
        swap,
        [*pair.components, refine, *dropdowns.values(), strength, available],
        [slider, file, stages, notes],
        validator=validate_pair,
        concurrency_id=SWAP_LANE,
        api_name="swap",
        show_progress_on=slider,
        scroll_to_output=True,
    )
    return pair


def preview(photo: Image.Image) -> Image.Image:
    """Return a photograph no larger than the page shows it."""
    smaller = photo.copy()
    smaller.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return smaller


def captioned(stages: dict[str, Image.Image]) -> list[tuple[Image.Image, str]]:
    """Return the pictures of a swap's stages, each with its caption."""
    return [(picture, STAGE_CAPTIONS.get(name) or mask_caption(name)) for name, picture in stages.items()]


def mask_caption(name: str) -> str:
    """Return the caption of a mask from its name, `mask_64`."""
    side = name.removeprefix("mask_")
    return f"Mask M at {side}×{side}; white takes identity"


def summary(output: FaceShifterPipelineOutput) -> str:
    """Return the notes of a swap and how long it took, as Markdown."""
    spent = output.milliseconds
    stages = ", ".join(f"{stage} {duration / 1000:.2f}" for stage, duration in spent.items())
    return "\n\n".join([*output.notes, f"{sum(spent.values()) / 1000:.1f} seconds in all: {stages}."])
