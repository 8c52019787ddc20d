"""The tab Photo: one source, one target, one swapped picture, and what each stage made of it."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from faceshifter_hub.demo.choices import FOLLOWS_GENERATOR, Choice, Choices
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.errors import ConsentError, FaceShifterError, MediaError
from faceshifter_hub.media.images import read_image, write_image
from faceshifter_hub.pipeline import MOST_STRENGTH, FaceShifterPipelineOutput
from faceshifter_hub.registry import DATA_ROOT, Kind

CONSENT = "Everyone shown in these pictures agreed to this swap, or does not exist."
NO_CONSENT = "Tick the statement of consent: faces are swapped only of people who agreed."
PREVIEW_SIDE = 1280  # pixels; the file has the target's own size
EXAMPLE_PAIRS = 3
RESULT_NAME = "faceshifter.png"

# as the page shows them: label and what the component does, by kind
COMPONENT_LABELS: dict[Kind, tuple[str, str]] = {
    "aad_generator": ("Generator", "Draws the swapped face, stage 1; the other choices follow it"),
    "identity_encoder": ("Identity encoder", "Tells who the source is"),
    "attribute_encoder": ("Attribute encoder", "Keeps pose, expression and light of the target"),
    "hear_refiner": ("Refiner", "Brings back what covers the face, stage 2"),
    "face_detector": ("Face detector", "Finds the faces and their landmarks"),
}
STAGE_CAPTIONS = {
    "source": "Source face, aligned",
    "target": "Target face Xₜ, aligned",
    "swapped": "Ŷₛₜ, swapped by stage 1",
    "reconstructed": "Ŷₜₜ, target redrawn by stage 1",
    "error": "ΔY = Xₜ − Ŷₜₜ, heuristic error; grey is none",
    "refined": "Yₛₜ, refined by stage 2",
}


def build_photo_tab(choices: Choices) -> None:
    """Lay out the tab and connect it, within an open `gr.Blocks`."""
    with gr.Row(equal_height=False):
        with gr.Column():
            with gr.Row():
                source = photo_input("Source face", "source", "The source picture you chose")
                target = photo_input("Target photo", "target", "The target picture you chose")
            consent = gr.Checkbox(label=CONSENT, show_label=False, elem_id="consent")
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
            examples = example_pairs()
            if examples:
                gr.Examples(
                    examples, [source, target], label="Rendered examples: nobody here exists", elem_id="examples"
                )
            with gr.Accordion("Components", open=False, elem_id="components"):
                dropdowns = component_dropdowns(choices)
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
            progress: Is shown on the page.

        Returns:
            Target and result to compare, the result as a PNG file, the pictures of every stage, and notes.
        """
        names = dict(zip(dropdowns, (generator, identity_encoder, attribute_encoder, refiner, detector), strict=True))
        try:
            if not consent:
                raise ConsentError(NO_CONSENT)
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
        except FaceShifterError as error:
            raise gr.Error(str(error), duration=None, title="No swap", print_exception=False) from error
        before_and_after = preview(Image.fromarray(photo)), preview(output.images[0])
        return before_and_after, str(path), captioned(output.stages[0]), summary(output)

    button.click(
        swap,
        [source, target, consent, refine, *dropdowns.values(), strength],
        [slider, file, stages, notes],
        validator=validate,
        api_name="swap",
        show_progress_on=slider,
        scroll_to_output=True,
    )

    def follow(generator: str) -> list[dict[str, Any]]:
        return [gr.update(**offer(choices.fitting(kind, generator))) for kind in FOLLOWS_GENERATOR]

    dropdowns["aad_generator"].input(
        follow,
        dropdowns["aad_generator"],
        [dropdowns[kind] for kind in FOLLOWS_GENERATOR],
        show_progress="hidden",
        api_visibility="private",
    )


def photo_input(label: str, elem_id: str, alt_text: str) -> gr.Image:
    """Return an upload that hands on the visitor's file as it came, unopened."""
    image = gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        buttons=[],
        height=280,
        elem_id=elem_id,
        alt_text=alt_text,
    )
    image.preprocess = uploaded_path  # type: ignore[method-assign]
    return image


def uploaded_path(payload: ImageData | None) -> str | None:
    """Return the path of an uploaded picture; Gradio itself would open it first, outside our limits and sentences."""
    return payload.path if payload else None


def read_upload(path: str, role: str) -> np.ndarray:
    """Read an uploaded picture, (H, W, 3) uint8 RGB.

    Raises:
        MediaError: It cannot be read; the message calls it by its role instead of its place on this machine.
    """
    try:
        return read_image(path)
    except MediaError as error:
        raise type(error)(str(error).replace(f"'{path}'", f"The {role} picture")) from error


def component_dropdowns(choices: Choices) -> dict[Kind, gr.Dropdown]:
    """Return a dropdown a kind, the default pipeline's component chosen; of each kind, what fits its generator."""
    generators = list(choices.by_kind["aad_generator"].values())
    dropdowns = {}
    for kind, (label, info) in COMPONENT_LABELS.items():
        offered = generators if kind == "aad_generator" else choices.fitting(kind, generators[0].name)
        dropdowns[kind] = gr.Dropdown(**offer(offered), label=label, info=info, elem_id=kind)
    return dropdowns


def offer(choices: Sequence[Choice]) -> dict[str, Any]:
    """Return the properties of a dropdown that offers these components, the first one chosen."""
    names = [(choice.label, choice.name) for choice in choices]
    return {"choices": names, "value": names[0][1] if names else None}


def example_pairs() -> list[list[str]]:
    """Return pairs of rendered faces, source and target, that come with the registry."""
    faces = [str(path) for path in sorted((DATA_ROOT / "examples").glob("*.webp"))]
    return [list(pair) for pair in zip(faces[0::2], faces[1::2], strict=False)][:EXAMPLE_PAIRS]


def validate(source: str | None, target: str | None, consent: bool, *others: object) -> list[dict[str, Any]]:
    """Say, beside each input, what is missing before anything is queued."""
    return [
        gr.validate(source is not None, "Choose a source picture."),
        gr.validate(target is not None, "Choose a target picture."),
        gr.validate(consent, NO_CONSENT),
        *(gr.validate(True, "") for _ in others),
    ]


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
