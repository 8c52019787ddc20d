"""The tab Inspect: what each stage made of a pair, what it means, and where identity and attributes come from.

Reference: arXiv 1912.13457, section 3.1 (masks M^k, figure 7) and 3.2 (heuristic error).
"""

import gradio as gr
import numpy as np
from markupsafe import Markup
from PIL import Image

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.dropdowns import component_dropdowns
from faceshifter_hub.demo.figures import figure
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
from faceshifter_hub.demo.turns import NETWORKS
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.evaluation.svg import Axis, element, x_marks
from faceshifter_hub.evaluation.svg import figure as chart
from faceshifter_hub.faces.pasting import face_mask
from faceshifter_hub.safety.audit import note_run

EMPTY = "<p class='hint'>Choose a source and a target, and press <em>Inspect</em>.</p>"
MASK = "mask_"
EXPLANATIONS = {  # of a stage: its title, what it means and what to look for
    "source": ("Source face", "What the identity encoder sees. Is it sharp, and is the whole face there?"),
    "target": ("Target face Xₜ", "What the attribute encoder sees. The swap keeps its pose, expression and light."),
    "swapped": (
        "Ŷₛₜ, stage 1",
        "The source's identity with the target's attributes. Whatever covers the face may be gone.",
    ),
    "reconstructed": (
        "Ŷₜₜ, stage 1 on itself",
        "The target with its own identity. What it lacks, stage 1 cannot draw.",
    ),
    "error": (
        "ΔY = Xₜ − Ŷₜₜ",
        "The heuristic error, grey where there is none. Hands, glasses and hair should stand out.",
    ),
    "refined": ("Yₛₜ, stage 2", "Ŷₛₜ with what ΔY tells brought back. Compare it with stage 1 where ΔY stands out."),
}
MASK_EXPLANATIONS = (
    "Coarse: decides pose and overall shape.",
    "In between: eyes, nose and mouth should begin to take identity.",
    "Fine: texture and light; what is dark here stays the target's.",
)
BAR, GAP, NAMES, VALUES = 20, 10, 66, 40  # units of the chart: height of a bar, space between, for names, for values
CHART_WIDTH = 340


def build_inspect_tab(available: gr.State) -> Pair:
    """Lay out the tab and connect it, within an open `gr.Blocks`; returns its inputs."""
    with gr.Row(equal_height=False):
        with gr.Column():
            pair = pair_inputs("inspect-")
            button = gr.Button("Inspect", variant="primary", elem_id="inspect")
            pair_examples(pair, "inspect-")
            with gr.Accordion("Components", open=False, elem_id="inspect-components"):
                dropdowns = component_dropdowns(available, "inspect-")
        with gr.Column():
            attention = gr.HTML(EMPTY, label="Attention to identity and attributes", elem_id="attention")
    stages = gr.HTML(label="What each stage made", elem_id="inspect-stages")
    levels = gr.JSON(label="Attention to identity, by level", visible=False, elem_id="levels")

    @on_lent_gpu(seconds=60)
    def inspect(
        source: str,
        target: str,
        consent: bool,
        generator: str | None = None,
        identity_encoder: str | None = None,
        attribute_encoder: str | None = None,
        refiner: str | None = None,
        detector: str | None = None,
        choices: Choices = available.value,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it by its default)
    ) -> tuple:
        """Show what each stage makes of a pair, and how much each level attends to identity.

        Args:
            source: Photo of the person whose identity is taken.
            target: Photo whose face changes.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            generator: Name of a registered component; so are the following.
            identity_encoder: See `generator`.
            attribute_encoder: See `generator`.
            refiner: See `generator`.
            detector: See `generator`.
            choices: What the visitor may choose from.
            progress: Is shown on the page.

        Returns:
            A chart and pictures as HTML, and the mean of each mask within the face, in [0, 1], by its side.
        """
        names = dict(zip(dropdowns, (generator, identity_encoder, attribute_encoder, refiner, detector), strict=True))
        with said_on_page("Nothing to inspect"):
            require_consent(consent)
            progress(0.1, "Loading the networks")
            pipeline = load_pipeline(choices.addresses(names))
            progress(0.4, "Swapping")
            photos = read_upload(source, "source"), read_upload(target, "target")
            with NETWORKS.take():
                output = pipeline(*photos, refine=refiner is not None, return_stages=True)
            note_run("demo inspect", pipeline.public_components(), output.mark_ids[0], consent=consent)
        pictures = output.stages[0][0]
        by_level = attention_to_identity(pictures)
        return attention_page(by_level), stages_page(pictures, by_level), by_level

    button.click(
        inspect,
        [*pair.components, *dropdowns.values(), available],
        [attention, stages, levels],
        validator=validate_pair,
        concurrency_id=SWAP_LANE,
        api_name="inspect",
        show_progress_on=attention,
        scroll_to_output=True,
    )
    return pair


def attention_to_identity(pictures: dict[str, Image.Image]) -> dict[str, float]:
    """Return the mean of each mask within the face, in [0, 1], by its side: 1 attends to identity alone."""
    face = face_mask(pictures["target"].width)
    return {
        name.removeprefix(MASK): round(float(np.average(np.asarray(picture) / 255, weights=face)), 4)
        for name, picture in pictures.items()
        if name.startswith(MASK)
    }


def attention_page(by_level: dict[str, float]) -> str:
    """Return the chart of attention with words around it, as HTML."""
    most = max(by_level, key=by_level.__getitem__)
    words = Markup(
        "<h2>Where identity comes from</h2><p>At each level the generator mixes the source's identity and the "
        "target's attributes by a mask M. Here is its mean within the face, from coarse to fine. Level {}×{} attends "
        "to identity most. A level near 0 % only copies the target, one near 100 % ignores it.</p>{}"
    )
    return str(words.format(most, most, attention_chart(by_level)))


def attention_chart(by_level: dict[str, float]) -> Markup:
    """Draw a bar a level: how much of it identity takes, and attributes the rest."""
    x = Axis(0, 100, NAMES, CHART_WIDTH - VALUES)
    drawn = []
    for n, (side, mean) in enumerate(by_level.items()):
        top, split = n * (BAR + GAP), x(100 * mean)
        drawn += [
            element("text", f"{side}×{side}", x=NAMES - 6, y=top + 15, text_anchor="end"),
            element("rect", class_="identity", x=NAMES, y=top, width=split - NAMES, height=BAR),
            element("rect", class_="attributes", x=split, y=top, width=x.end - split, height=BAR),
            element("text", f"{100 * mean:.0f} %", x=x.end + 6, y=top + 15),
        ]
    height = len(by_level) * (BAR + GAP)
    said = ", ".join(f"{side}×{side} {100 * mean:.0f} %" for side, mean in by_level.items())
    bars = chart(f"Attention to identity by level: {said}", height + 24, [*drawn, *x_marks(x, height)])
    legend = Markup(
        '<p class="legend"><span class="identity"></span> identity <span class="attributes"></span> attributes</p>'
    )
    return Markup('<div class="attention">{}{}</div>').format(bars, legend)


def stages_page(pictures: dict[str, Image.Image], by_level: dict[str, float]) -> str:
    """Return every stage's picture with its explanation, then every mask, as HTML."""
    stages = [figure(pictures[name], *words) for name, words in EXPLANATIONS.items() if name in pictures]
    masks = []
    for n, (side, mean) in enumerate(by_level.items()):
        depth = n * len(MASK_EXPLANATIONS) // len(by_level)
        explanation = f"Identity takes {100 * mean:.0f} % of the face. {MASK_EXPLANATIONS[depth]}"
        masks.append(figure(pictures[f"{MASK}{side}"], f"M at {side}×{side}", explanation))
    page = Markup(
        '<h2>Stages</h2><div class="figures">{}</div><h2>Masks M<sup>k</sup></h2>'
        "<p>White takes identity, black takes attributes.</p><div class='figures'>{}</div>"
    )
    return str(page.format(Markup("").join(stages), Markup("").join(masks)))
