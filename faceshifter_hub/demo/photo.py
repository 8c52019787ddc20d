"""The tab Photo: one source, one target, one swapped picture, and what each stage made of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.dropdowns import component_dropdowns
from faceshifter_hub.demo.inputs import (
    SWAP_LANE,
    Pair,
    are_examples,
    called,
    pair_examples,
    pair_inputs,
    read_upload,
    require_consent,
    said_on_page,
    validate_pair,
)
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.demo.option_inputs import option_inputs, read_options
from faceshifter_hub.demo.people import (
    People,
    Who,
    also_input,
    any_source,
    people_inputs,
    people_of,
    reference_input,
)
from faceshifter_hub.demo.results import new_folder, write_preview
from faceshifter_hub.demo.turns import NETWORKS
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.errors import NoFaceError
from faceshifter_hub.pipeline import FaceShifterPipelineOutput
from faceshifter_hub.safety.audit import note_run

RESULT_NAME = "faceshifter.png"
EXAMPLES_RUN = "Rendered examples: nobody here exists, so nobody has to agree; a click swaps them"

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
            options = option_inputs()
            several = people_inputs([pair.target], read_target, "the target photo", available)
            reference = reference_input()
            also = also_input()
            button = gr.Button("Swap", variant="primary", elem_id="swap")
            example_chosen = pair_examples(pair, label=EXAMPLES_RUN)
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
                elem_id="stages",
                interactive=False,
            )

    @on_lent_gpu(seconds=60)
    def swap(
        source: str | None,
        target: str,
        consent: bool,
        refine: bool = True,
        generator: str | None = None,
        identity_encoder: str | None = None,
        attribute_encoder: str | None = None,
        refiner: str | None = None,
        detector: str | None = None,
        strength: float = 1.0,
        faces: str = "largest",
        min_score: float = 0.0,
        boost: int = 1,
        keep: Sequence[str] = (),
        colour: str = "none",
        grain: bool = False,
        label: bool = True,
        also: Sequence[str] | None = None,
        reference: str | None = None,
        sources: Sequence[str] | None = None,
        people: People = {},  # noqa: B006  (Gradio hands over the state)
        choices: Choices = available.value,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it by its default)
    ) -> Iterator[tuple]:
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
            faces: Whose face changes: `largest`, `all`, or numbers from left to right, `1,3`.
            min_score: Faces of which the detector is less sure, of 1, are left alone.
            boost: So many times the networks' resolution.
            keep: What of the target's face stays: `mouth`, `eyes`, `glasses`, `hair`, `hands`.
            colour: How the face's colours are matched to the target: `none`, `lab`, `poisson`.
            grain: Whether grain and sharpness are matched to the target.
            label: Whether "AI modified" is written in a corner.
            also: More photos of the source, whose mean is taken.
            reference: Photo of whom to replace: only whoever looks most like this changes.
            sources: In place of `source`, one for each face that `faces` numbers.
            people: The same as chosen on the page; then only these faces change.
            choices: What the visitor may choose from.
            progress: Is shown on the page.

        Yields:
            Target and result to compare, the result as a PNG file, the pictures of every stage, and notes; first
            without the file and the stages, which take a while to write.
        """
        names = dict(zip(dropdowns, (generator, identity_encoder, attribute_encoder, refiner, detector), strict=True))
        with said_on_page("No swap"):
            require_consent(consent)
            progress(0.1, "Loading the networks")
            pipeline = load_pipeline(choices.addresses(names))
            progress(0.3, "Swapping")
            options = read_options(refine, (strength, faces, min_score, boost, keep, colour, grain, label))
            who = Who(source, also or (), reference, people_of(faces, sources, people))
            with who.called_by_role(), called(target, "The target picture"):
                resolved = who.resolve(pipeline)
                with NETWORKS.take():
                    output = pipeline(resolved, target, return_stages=True, **options.model_dump())
            result, said = output.images[0], summary(output)
            note_run("demo photo", pipeline.public_components(), output.mark_ids[0], consent=consent)
            with new_folder(file.GRADIO_CACHE) as folder:
                before_and_after = (
                    write_preview(Image.fromarray(output.photographs[0].pixels), folder, "before"),
                    write_preview(result, folder, "after", output.credentials[0]),
                )
                yield before_and_after, None, [], said
                path = folder / RESULT_NAME
                output.save(path)
                yield before_and_after, str(path), write_stages(output.stages[0], folder), said

    chosen = [refine, *dropdowns.values(), *options]
    shown = [slider, file, stages, notes]
    button.click(
        swap,
        [*pair.components, *chosen, also, reference, *several.components, available],
        shown,
        validator=validate_photo,
        concurrency_id=SWAP_LANE,
        api_name="swap",
        show_progress_on=slider,
        scroll_to_output=True,
    )
    if example_chosen is not None:

        def swap_example(source: str, target: str, *others: Any) -> Iterator[tuple]:
            # whoever calls this by hand can send other pictures, and states nothing of them
            yield from swap(source, target, are_examples(source, target), *others)

        none, nobody = gr.State(None), gr.State({})  # no other picture takes part
        example_chosen.then(
            swap_example,
            [pair.source, pair.target, *chosen, none, none, none, nobody, available],
            shown,
            concurrency_id=SWAP_LANE,
            api_visibility="private",
            show_progress_on=slider,
            scroll_to_output=True,
        )
    return pair


def read_target(target: str | None) -> np.ndarray:
    """Return the target picture, (H, W, 3) uint8 RGB.

    Raises:
        NoFaceError: There is none yet.
        MediaError: It cannot be read.
    """
    if target is None:
        raise NoFaceError("Choose a target picture first.")
    return read_upload(target, "target")


def validate_photo(source: str | None, target: str | None, consent: bool, *others: Any) -> list[dict[str, Any]]:
    """As `validate_pair`; faces with sources of their own need no other source."""
    *_, sources, people, _ = others
    return validate_pair(source or any_source(sources, people), target, consent, *others)


def write_stages(faces: Sequence[dict[str, Image.Image]], folder: Path) -> list[tuple[str, str]]:
    """Write the pictures of the stages of every face; returns paths, each with its caption."""
    of = [f"Face {number}: " if len(faces) > 1 else "" for number in range(1, len(faces) + 1)]
    return [
        (write_preview(picture, folder, f"{number}-{name}"), face + (STAGE_CAPTIONS.get(name) or mask_caption(name)))
        for number, (face, stages) in enumerate(zip(of, faces, strict=True), 1)
        for name, picture in stages.items()
    ]


def mask_caption(name: str) -> str:
    """Return the caption of a mask from its name, `mask_64`."""
    side = name.removeprefix("mask_")
    return f"Mask M at {side}×{side}; white takes identity"


def summary(output: FaceShifterPipelineOutput) -> str:
    """Return the notes of a swap and how long it took, as Markdown."""
    spent = output.milliseconds
    stages = ", ".join(f"{stage} {duration / 1000:.2f}" for stage, duration in spent.items())
    return "\n\n".join([*output.notes, f"{sum(spent.values()) / 1000:.1f} seconds in all: {stages}."])
