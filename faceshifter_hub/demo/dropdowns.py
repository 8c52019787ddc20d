"""One dropdown a kind of component; all but the detector follow the generator."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from faceshifter_hub.demo.choices import FOLLOWS_GENERATOR, Choice, Choices
from faceshifter_hub.registry import Kind

Dropdowns = Mapping[Kind, gr.Dropdown]

# as the page shows them: label and what the component does, by kind
COMPONENT_LABELS: dict[Kind, tuple[str, str]] = {
    "aad_generator": ("Generator", "Draws the swapped face, stage 1; the other choices follow it"),
    "identity_encoder": ("Identity encoder", "Tells who the source is"),
    "attribute_encoder": ("Attribute encoder", "Keeps pose, expression and light of the target"),
    "hear_refiner": ("Refiner", "Brings back what covers the face, stage 2"),
    "face_detector": ("Face detector", "Finds the faces and their landmarks"),
    "face_parser": ("Face parser", "Tells skin, eyes, hair, glasses and hands apart"),
}
CHOSEN_KINDS = tuple(kind for kind in COMPONENT_LABELS if kind != "face_parser")


def component_dropdowns(available: gr.State, prefix: str = "", name: str = "") -> Dropdowns:
    """Lay out a dropdown a kind, the default pipeline's component chosen; of each kind, what fits its generator.

    Args:
        available: The `Choices` of the visitor's session; what is added to them later appears in the dropdowns.
        prefix: What their ids on the page begin with.
        name: Of these components among several, in the labels.
    """
    choices: Choices = available.value
    generator = choices.generators()[0].name
    dropdowns: dict[Kind, gr.Dropdown] = {}
    for kind in CHOSEN_KINDS:
        label, info = COMPONENT_LABELS[kind]
        labelled = f"{label} {name}".strip()
        dropdowns[kind] = dropdown = gr.Dropdown(
            **offer(choices.offered(kind, generator)), label=labelled, info=info, elem_id=f"{prefix}{kind}"
        )
        dropdown.preprocess = name_sent  # type: ignore[method-assign]
    followers = [dropdowns[kind] for kind in FOLLOWS_GENERATOR]

    def follow(choices: Choices, generator: str, *chosen: str | None) -> list[dict[str, Any]]:
        offered = [choices.offered(kind, generator) for kind in FOLLOWS_GENERATOR]
        return [gr.update(**offer(*one)) for one in zip(offered, chosen, strict=True)]

    def refresh(choices: Choices, generator: str, *chosen: str | None) -> list[dict[str, Any]]:
        generators = gr.update(**offer(choices.generators(), generator))
        return [generators, *follow(choices, generator, *chosen)]

    dropdowns["aad_generator"].input(
        follow,
        [available, dropdowns["aad_generator"], *followers],
        followers,
        show_progress="hidden",
        api_visibility="private",
    )
    available.change(
        refresh,
        [available, dropdowns["aad_generator"], *followers],
        [dropdowns["aad_generator"], *followers],
        show_progress="hidden",
        api_visibility="private",
    )
    return dropdowns


def name_sent(payload: object) -> str | None:
    """Return a name as it came; over HTTP, Gradio itself would know only those that fit the default generator."""
    return None if payload is None else str(payload)


def offer(choices: Sequence[Choice], chosen: str | None = None) -> dict[str, Any]:
    """Return the properties of a dropdown of these components, on the one chosen if it is there, else the first."""
    names = [(choice.label, choice.name) for choice in choices]
    values = [value for _, value in names]
    return {"choices": names, "value": chosen if chosen in values else next(iter(values), None)}
