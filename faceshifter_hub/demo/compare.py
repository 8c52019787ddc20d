"""The tab Compare: one pair of pictures through two sets of components, or through every generator and refiner."""

from collections.abc import Iterator, Sequence
from itertools import product

import gradio as gr
from markupsafe import Markup

from faceshifter_hub.demo.choices import Choices, misfit
from faceshifter_hub.demo.dropdowns import Dropdowns, component_dropdowns
from faceshifter_hub.demo.figures import picture
from faceshifter_hub.demo.inputs import (
    SWAP_LANE,
    Pair,
    nothing_to_say,
    pair_examples,
    pair_inputs,
    read_upload,
    require_consent,
    said_on_page,
    validate_pair,
)
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.demo.results import new_folder, write_preview
from faceshifter_hub.demo.turns import NETWORKS
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.pipeline import FaceShifterPipelineOutput
from faceshifter_hub.registry import Kind
from faceshifter_hub.safety.audit import note_run

NO_REFINER = "none"
COMPARE_TITLE = "No comparison"
GRID_INTRO = """## Every generator with every refiner
Aligned faces, as the last stage leaves them, and the seconds that took. Encoders are the first that fit."""
EMPTY_GRID = "<p class='hint'>Choose pictures above and press <em>Draw the grid</em>.</p>"


def build_compare_tab(available: gr.State) -> Pair:
    """Lay out the tab and connect it, within an open `gr.Blocks`; returns its inputs."""
    with gr.Row(equal_height=False):
        with gr.Column():
            pair = pair_inputs("compare-")
            with gr.Row():
                with gr.Column(min_width=160):
                    refine_a, components_a = component_set(available, "A", refine=False)
                with gr.Column(min_width=160):
                    refine_b, components_b = component_set(available, "B", refine=True)
            button = gr.Button("Compare A with B", variant="primary", elem_id="compare")
            pair_examples(pair, "compare-")
        with gr.Column():
            slider = gr.ImageSlider(
                label="A on the left, B on the right",
                buttons=["fullscreen"],
                elem_id="compare-slider",
                interactive=False,
            )
            notes = gr.Markdown(elem_id="compare-notes")
    connect_comparison(pair, available, refine_a, components_a, refine_b, components_b, button, slider, notes)
    build_grid(pair, available)
    return pair


def component_set(available: gr.State, name: str, *, refine: bool) -> tuple[gr.Checkbox, Dropdowns]:
    """Lay out one side of the comparison; stage 2 is what the sides differ in until one chooses."""
    prefix = f"compare-{name.lower()}-"
    gr.Markdown(f"## {name}")
    stage_two = gr.Checkbox(refine, label=f"Refine {name} (stage 2)", show_label=False, elem_id=f"{prefix}refine")
    with gr.Accordion(f"Components of {name}", open=False, elem_id=f"{prefix}components"):
        return stage_two, component_dropdowns(available, prefix, name)


def connect_comparison(
    pair: Pair,
    available: gr.State,
    refine_a: gr.Checkbox,
    components_a: Dropdowns,
    refine_b: gr.Checkbox,
    components_b: Dropdowns,
    button: gr.Button,
    slider: gr.ImageSlider,
    notes: gr.Markdown,
) -> None:
    """Have the button compare."""

    @on_lent_gpu(seconds=120)
    def compare(
        source: str,
        target: str,
        consent: bool,
        refine_a: bool = False,
        generator_a: str | None = None,
        identity_encoder_a: str | None = None,
        attribute_encoder_a: str | None = None,
        refiner_a: str | None = None,
        detector_a: str | None = None,
        refine_b: bool = True,
        generator_b: str | None = None,
        identity_encoder_b: str | None = None,
        attribute_encoder_b: str | None = None,
        refiner_b: str | None = None,
        detector_b: str | None = None,
        choices: Choices = available.value,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  (Gradio finds it by its default)
    ) -> tuple:
        """Swap one pair of pictures by two sets of components.

        Args:
            source: Photo of the person whose identity is taken.
            target: Photo whose face changes.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            refine_a: Whether stage 2 runs in A.
            generator_a: Name of a registered component; so are the following.
            identity_encoder_a: See `generator_a`.
            attribute_encoder_a: See `generator_a`.
            refiner_a: See `generator_a`.
            detector_a: See `generator_a`.
            refine_b: As for A; so are the following.
            generator_b: See `generator_a`.
            identity_encoder_b: See `generator_a`.
            attribute_encoder_b: See `generator_a`.
            refiner_b: See `generator_a`.
            detector_b: See `generator_a`.
            choices: What the visitor may choose from.
            progress: Is shown on the page.

        Returns:
            The results of A and B to compare, and notes.
        """
        names_a = (generator_a, identity_encoder_a, attribute_encoder_a, refiner_a, detector_a)
        names_b = (generator_b, identity_encoder_b, attribute_encoder_b, refiner_b, detector_b)
        sides = {"A": (refine_a, names_a), "B": (refine_b, names_b)}
        outputs: dict[str, FaceShifterPipelineOutput] = {}
        chosen: dict[str, dict[Kind, str | None]] = {}
        with said_on_page(COMPARE_TITLE):
            require_consent(consent)
            photos = read_upload(source, "source"), read_upload(target, "target")
            for n, (side, (refine, names)) in enumerate(sides.items()):
                chosen[side] = dict(zip(components_a, names, strict=True))
                if not refine:
                    chosen[side]["hear_refiner"] = None
                progress(n / 2, f"Loading the networks of {side}")
                pipeline = load_pipeline(choices.addresses(chosen[side]))
                progress(n / 2 + 0.25, f"Swapping by {side}")
                with NETWORKS.take():
                    outputs[side] = pipeline(*photos, refine=refine, label=True)
                note_run("demo compare", pipeline.public_components(), outputs[side].mark_ids[0], consent=consent)
            with new_folder(slider.GRADIO_CACHE) as folder:
                results = tuple(
                    write_preview(output.images[0], folder, side, output.credentials[0])
                    for side, output in outputs.items()
                )
        return results, comparison(chosen["A"], chosen["B"], outputs["A"], outputs["B"])

    inputs = [*pair.components, refine_a, *components_a.values(), refine_b, *components_b.values(), available]
    button.click(
        compare,
        inputs,
        [slider, notes],
        validator=validate_pair,
        concurrency_id=SWAP_LANE,
        api_name="compare",
        show_progress_on=slider,
        scroll_to_output=True,
    )


def comparison(
    a: dict[Kind, str | None],
    b: dict[Kind, str | None],
    output_a: FaceShifterPipelineOutput,
    output_b: FaceShifterPipelineOutput,
) -> str:
    """Return in which components two sides differ and how long each took, as Markdown."""
    different = [(kind.replace("_", " "), a[kind] or "none", b[kind] or "none") for kind in a if a[kind] != b[kind]]
    stages = sorted(output_a.milliseconds.keys() | output_b.milliseconds.keys(), key=list(output_b.milliseconds).index)
    rows = [
        *(f"| {kind} | {name_a} | {name_b} |" for kind, name_a, name_b in different),
        *(f"| {stage}, seconds | {seconds(output_a, stage)} | {seconds(output_b, stage)} |" for stage in stages),
    ]
    alike = [] if different else ["A and B are the same components."]
    return "\n\n".join([*output_b.notes, *alike, "\n".join(["| Part or step | A | B |", "|---|---|---|", *rows])])


def seconds(output: FaceShifterPipelineOutput, stage: str) -> str:
    """Say how long a stage took, if it ran."""
    return f"{output.milliseconds[stage] / 1000:.2f}" if stage in output.milliseconds else "not run"


# ---- the grid


def build_grid(pair: Pair, available: gr.State) -> None:
    """Lay out the grid and connect it."""
    gr.Markdown(GRID_INTRO, elem_id="grid-intro")
    with gr.Row():
        generators = gr.CheckboxGroup(
            **everything(available.value, "aad_generator"), label="Generators", elem_id="grid-generators"
        )
        refiners = gr.CheckboxGroup(
            **everything(available.value, "hear_refiner"), label="Refiners", elem_id="grid-refiners"
        )
    with gr.Row():
        button = gr.Button("Draw the grid", variant="primary", elem_id="draw-grid")
        stop = gr.Button("Stop", elem_id="stop-grid")
    grid = gr.HTML(EMPTY_GRID, label="Grid", elem_id="grid")

    @on_lent_gpu(seconds=180)
    def draw_grid(
        source: str,
        target: str,
        consent: bool,
        generators: list[str],
        refiners: list[str],
        choices: Choices = available.value,
    ) -> Iterator[str]:
        """Swap one pair of pictures by every generator with every refiner.

        Args:
            source: Photo of the person whose identity is taken.
            target: Photo whose face changes.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            generators: Names of registered components.
            refiners: The same; `none` stands for stage 1 alone.
            choices: What the visitor may choose from.

        Yields:
            The grid as HTML, a cell more each time.
        """
        cells = {one: Markup("<td>waiting</td>") for one in product(generators, refiners)}
        with said_on_page(COMPARE_TITLE):
            require_consent(consent)
            photos = read_upload(source, "source"), read_upload(target, "target")
            yield grid_table(generators, refiners, cells)
            for generator, refiner in cells:
                names = choices.first_that_fit(generator)
                names["hear_refiner"] = None if refiner == NO_REFINER else refiner
                reason = refiner != NO_REFINER and misfit(
                    "aad_generator",
                    choices.by_kind["aad_generator"][generator],
                    "hear_refiner",
                    choices.by_kind["hear_refiner"][refiner],
                )
                if reason:
                    cells[generator, refiner] = Markup('<td class="misfit">Not run. {}</td>').format(reason)
                else:
                    pipeline = load_pipeline(choices.addresses(names))
                    with NETWORKS.take():
                        output = pipeline(*photos, refine=refiner != NO_REFINER, return_stages=True)
                    note_run("demo grid", pipeline.public_components(), output.mark_ids[0], consent=consent)
                    stages = output.stages[0][0]
                    face = picture(stages.get("refined", stages["swapped"]), f"Swap by {generator}, refiner {refiner}")
                    spent = sum(output.milliseconds.get(stage, 0) for stage in ("stage one", "stage two")) / 1000
                    cells[generator, refiner] = Markup("<td>{}<br>{:.2f} s</td>").format(face, spent)
                yield grid_table(generators, refiners, cells)

    def validate_grid(
        source: str | None,
        target: str | None,
        consent: bool,
        generators: list[str],
        refiners: list[str],
        *others: object,
    ) -> list[dict]:
        return [
            *validate_pair(source, target, consent),
            gr.validate(bool(generators), "Choose at least one generator."),
            gr.validate(bool(refiners), "Choose at least one refiner, or none."),
            *nothing_to_say(others),
        ]

    drawing = button.click(
        draw_grid,
        [*pair.components, generators, refiners, available],
        grid,
        validator=validate_grid,
        concurrency_id=SWAP_LANE,
        api_name="compare_grid",
        show_progress="minimal",
    )
    stop.click(None, cancels=drawing, api_visibility="private")
    available.change(
        lambda choices: [gr.update(**everything(choices, kind)) for kind in ("aad_generator", "hear_refiner")],
        available,
        [generators, refiners],
        show_progress="hidden",
        api_visibility="private",
    )


def everything(choices: Choices, kind: Kind) -> dict:
    """Return the properties of a group of checkboxes, all ticked: generators or refiners."""
    offered = choices.generators() if kind == "aad_generator" else list(choices.by_kind[kind].values())
    names = [(choice.label, choice.name) for choice in offered]
    if kind == "hear_refiner":
        names.insert(0, ("None, stage 1 alone", NO_REFINER))
    return {"choices": names, "value": [name for _, name in names]}


def grid_table(generators: Sequence[str], refiners: Sequence[str], cells: dict[tuple[str, str], Markup]) -> str:
    """Return the grid as HTML: a row a generator, a column a refiner."""
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(refiner_label(name)) for name in refiners)
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            generator, Markup("").join(cells[generator, refiner] for refiner in refiners)
        )
        for generator in generators
    )
    table = Markup(
        '<div class="scroll" role="region" aria-label="Swaps by generator and refiner" tabindex="0">'
        '<table class="grid"><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div>'
    )
    return str(table.format(head, rows))


def refiner_label(name: str) -> str:
    """Say what a column stands for."""
    return "no refiner" if name == NO_REFINER else name
