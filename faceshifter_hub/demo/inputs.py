"""What tabs ask a visitor for, pictures and consent, and how they say what is missing or went wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from gradio.data_classes import ImageData
from gradio.events import Dependency

from faceshifter_hub.errors import ConsentError, FaceShifterError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT

CONSENT = "Everyone shown in these pictures agreed to this swap, or does not exist."
NO_CONSENT = "Tick the statement of consent: faces are swapped only of people who agreed."
NO_SOURCE = "Choose a source picture."
EXAMPLES = "Rendered examples: nobody here exists"
EXAMPLE_PAIRS = 3
EXAMPLE_FACES = 4
SWAP_LANE = "swap"  # what shares it runs one at a time, whichever tab asks: all that changes single pictures


@dataclass(frozen=True)
class Pair:
    """The inputs of a swap between two pictures."""

    source: gr.Image
    target: gr.Image
    consent: gr.Checkbox

    @property
    def components(self) -> list[Component]:
        """All three, in the order in which functions take them."""
        return [self.source, self.target, self.consent]


def pair_inputs(prefix: str = "") -> Pair:
    """Lay out both pictures and the statement of consent; ids on the page begin with `prefix`."""
    with gr.Row():
        source = photo_input("Source face", f"{prefix}source", "The source picture you chose")
        target = photo_input("Target photo", f"{prefix}target", "The target picture you chose")
    return Pair(source, target, consent_input(prefix))


def pair_examples(pair: Pair, prefix: str = "", label: str = EXAMPLES) -> Dependency | None:
    """Lay out rendered pairs that fill both pictures at one click; returns that event, None where there are none."""
    pairs = example_pairs()
    if not pairs:
        return None
    examples = gr.Examples(pairs, [pair.source, pair.target], label=label, elem_id=f"{prefix}examples")
    return examples.load_input_event


def face_examples(source: gr.Image, prefix: str) -> None:
    """Lay out rendered faces that fill the source at one click."""
    faces = example_faces()[:EXAMPLE_FACES]
    if faces:
        gr.Markdown(EXAMPLES, elem_id=f"{prefix}examples")
    with gr.Row():
        for number, face in enumerate(faces, 1):
            button = gr.Button(f"Face {number}", icon=face, min_width=80, elem_classes="example")
            button.click(partial(str, face), None, source, show_progress="hidden", api_visibility="private")


def consent_input(prefix: str = "", label: str = CONSENT) -> gr.Checkbox:
    """Return the statement of consent."""
    return gr.Checkbox(label=label, show_label=False, elem_id=f"{prefix}consent", elem_classes="consent")


def photo_input(label: str, elem_id: str, alt_text: str, height: int = 280) -> gr.Image:
    """Return an upload, so many pixels high, that hands on the visitor's file as it came, unopened."""
    image = gr.Image(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        buttons=[],
        height=height,
        elem_id=elem_id,
        elem_classes="chosen",
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
    with called(path, f"The {role} picture"):
        return read_image(path)


@contextmanager
def called(path: str, name: str) -> Iterator[None]:
    """Have errors call an uploaded file by a name instead of its place on this machine."""
    try:
        yield
    except FaceShifterError as error:
        raise type(error)(str(error).replace(f"'{path}'", name)) from error


def example_faces() -> list[str]:
    """Return the rendered faces that come with the registry."""
    return [str(path) for path in sorted((DATA_ROOT / "examples").glob("*.webp"))]


def are_examples(*paths: str) -> bool:
    """Tell whether files, wherever they lie, are rendered faces that come with the registry, and nothing else."""
    examples = {Path(example).read_bytes() for example in example_faces()}
    return all(Path(path).read_bytes() in examples for path in paths)


def example_pairs() -> list[list[str]]:
    """Return pairs of rendered faces, source and target."""
    faces = example_faces()
    return [list(pair) for pair in zip(faces[0::2], faces[1::2], strict=False)][:EXAMPLE_PAIRS]


def validate_pair(source: str | None, target: str | None, consent: bool, *others: object) -> list[dict[str, Any]]:
    """Say, beside each input, what is missing before anything is queued."""
    return [
        gr.validate(source is not None, NO_SOURCE),
        gr.validate(target is not None, "Choose a target picture."),
        gr.validate(consent, NO_CONSENT),
        *nothing_to_say(others),
    ]


def nothing_to_say(inputs: Sequence[object]) -> list[dict[str, Any]]:
    """Let inputs pass a validator."""
    return [gr.validate(True, "") for _ in inputs]


def require_consent(consent: bool) -> None:
    """Raise ConsentError unless the statement of consent was ticked."""
    if not consent:
        raise ConsentError(NO_CONSENT)


@contextmanager
def said_on_page(title: str) -> Iterator[None]:
    """Show our errors to the visitor, under a title."""
    try:
        yield
    except FaceShifterError as error:
        raise gr.Error(str(error), duration=None, title=title, print_exception=False) from error
