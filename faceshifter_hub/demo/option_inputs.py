"""The options of a swap as inputs of the page, and back."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from faceshifter_hub.options import COLOURS, MOST_BOOST, MOST_STRENGTH, REGIONS, SwapOptions

OPTIONS = ("strength", "faces", "min_score", "boost", "keep", "colour", "grain", "label")  # in the order of the inputs


def option_inputs(prefix: str = "") -> list[Component]:
    """Lay out an input for each of `OPTIONS`; ids on the page begin with `prefix`."""
    strength = gr.Slider(
        0, MOST_STRENGTH, 1, step=0.05, label="Strength", info=said("strength"), elem_id=f"{prefix}strength"
    )
    with gr.Accordion("Whose face, and how it is pasted", open=False, elem_id=f"{prefix}options"):
        faces = gr.Dropdown(
            ["largest", "all", "1", "2", "3"],
            value="largest",
            allow_custom_value=True,
            label="Faces",
            info=said("faces"),
            elem_id=f"{prefix}faces",
        )
        min_score = gr.Slider(
            0, 1, 0, step=0.01, label="Least score", info=said("min_score"), elem_id=f"{prefix}min-score"
        )
        keep = gr.CheckboxGroup(list(REGIONS), label="Keep", info=said("keep"), elem_id=f"{prefix}keep")
        colour = gr.Radio(list(COLOURS), value="none", label="Colours", info=said("colour"), elem_id=f"{prefix}colour")
        grain = gr.Checkbox(False, label="Grain", info=said("grain"), elem_id=f"{prefix}grain")
        boost = gr.Slider(1, MOST_BOOST, 1, step=1, label="Boost", info=said("boost"), elem_id=f"{prefix}boost")
        label = gr.Checkbox(True, label="Label", info=said("label"), elem_id=f"{prefix}label")
    return [strength, faces, min_score, boost, keep, colour, grain, label]


def read_options(refine: bool, values: Sequence[Any]) -> SwapOptions:
    """Return the options chosen.

    Args:
        refine: Whether stage 2 runs.
        values: Of the inputs, in the order of `OPTIONS`.

    Raises:
        SettingsError: One is out of range.
    """
    return SwapOptions.of(refine=refine, **dict(zip(OPTIONS, values, strict=True)))


def said(option: str) -> str:
    """Return what an option does, as a sentence's beginning."""
    description = SwapOptions.model_fields[option].description or ""
    return description[0].upper() + description[1:]
