"""Who takes whose place: more photos of the source, a person to look for, several people with sources of their own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.components import Component

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.inputs import called, photo_input, said_on_page
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.demo.turns import NETWORKS
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.errors import NoFaceError, SettingsError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.selection import left_to_right
from faceshifter_hub.pipeline import FaceShifterPipeline, Source

CROP = 160  # pixels
ROW = 200  # pixels high, a face and its source
MOST_PEOPLE = 12

People = dict[int, str]  # number of a face, from left to right, to the source's file


# ---- inputs


def also_input(prefix: str = "") -> gr.File:
    """Lay out what takes more photos of the source."""
    with gr.Accordion("More photos of the source", open=False, elem_id=f"{prefix}more"):
        return gr.File(
            label="Their mean is taken",
            file_count="multiple",
            file_types=["image"],
            height=140,
            elem_id=f"{prefix}also",
        )


def reference_input(prefix: str = "") -> gr.Image:
    """Lay out what takes a photo of whom to replace."""
    with gr.Accordion("One person: a photo of whom to replace", open=False, elem_id=f"{prefix}one-person"):
        return photo_input(
            "Only whoever looks most like this changes", f"{prefix}reference", "The person to replace", ROW
        )


@dataclass(frozen=True)
class PeopleInputs:
    """Sources of several people: those of the page, and those of a call over HTTP, which knows no state."""

    people: gr.State
    sources: gr.File

    @property
    def components(self) -> list[Component]:
        """Both, in the order in which functions take them."""
        return [self.sources, self.people]


def people_inputs(
    pictures: Sequence[Component],
    read: Callable[..., np.ndarray],
    where: str,
    available: gr.State,
    prefix: str = "",
) -> PeopleInputs:
    """Lay out what finds the faces of a picture and takes a source for each.

    Args:
        pictures: Inputs that tell which picture; when they change, faces and sources are forgotten.
        read: Takes their values, gives the picture, (H, W, 3) uint8 RGB.
        where: What the page calls the picture.
        available: The `Choices` of the visitor's session.
        prefix: What ids on the page begin with.
    """
    crops, people = gr.State([]), gr.State({})
    sources = gr.File(label="Sources of several people", file_count="multiple", visible=False)
    with gr.Accordion("Several people: a source for each face", open=False, elem_id=f"{prefix}people"):
        find = gr.Button(f"Find the faces of {where}", elem_id=f"{prefix}find-faces")

        @gr.render(inputs=crops)
        def show(faces: list[np.ndarray]) -> None:
            for number, face in enumerate(faces, 1):
                with gr.Row(elem_classes="person"):
                    gr.Image(
                        face,
                        label=f"Face {number}",
                        interactive=False,
                        buttons=[],
                        height=ROW,
                        min_width=120,
                        elem_id=f"{prefix}face-{number}",
                        alt_text=f"Face {number} of {where}, counted from left to right",
                    )
                    own = photo_input(
                        f"Source for face {number}", f"{prefix}source-{number}", f"The source for face {number}", ROW
                    )
                    own.change(
                        partial(put, number), [own, people], people, show_progress="hidden", api_visibility="private"
                    )

    @on_lent_gpu(seconds=30)
    def look(choices: Choices, *chosen: object) -> list[np.ndarray]:
        with said_on_page("No faces"):
            photo = read(*chosen)
            pipeline = load_pipeline(choices.addresses(choices.default()))
            with NETWORKS.take():
                faces = left_to_right(pipeline.detect(photo, everyone=True))[:MOST_PEOPLE]
            if not faces:
                raise NoFaceError(f"No face was found in {where}; use one that shows faces clearly.")
        return [align(photo, face.landmarks, CROP)[0] for face in faces]

    find.click(look, [available, *pictures], crops, show_progress_on=find, api_visibility="private")
    gr.on(
        [picture.change for picture in pictures],  # type: ignore[attr-defined]
        lambda: ([], {}),
        None,
        [crops, people],
        show_progress="hidden",
        api_visibility="private",
    )
    return PeopleInputs(people, sources)


def put(number: int, source: str | None, people: People) -> People:
    """Give a face a source, or take it away."""
    others = {other: path for other, path in people.items() if other != number}
    return others if source is None else {**others, number: source}


# ---- what was chosen


@dataclass(frozen=True)
class Who:
    """Who takes whose place, as files.

    Attributes:
        source: Whose identity is taken; None where people have sources of their own.
        also: More photos of the source.
        reference: A photo of whom to replace; by default the options say whose face changes.
        people: Sources of faces that have one of their own; then only these change, and `source` does not count.
    """

    source: str | None
    also: Sequence[str] = ()
    reference: str | None = None
    people: People | None = None

    def resolve(self, pipeline: FaceShifterPipeline) -> Source:
        """Return what a pipeline's call takes as its source.

        Raises:
            SettingsError: What was chosen contradicts itself.
            FaceShifterError: A photo cannot be read or shows no face.
        """
        if self.people:
            if self.also or self.reference:
                raise SettingsError(
                    "Faces have sources of their own: take out the other photos of the source and the person to "
                    "replace."
                )
            return {number: Path(path) for number, path in self.people.items()}
        assert self.source  # a validator asked for it
        with NETWORKS.take():
            identity = pipeline.identity(self.source, *self.also)
        return {Path(self.reference): identity} if self.reference else identity

    @contextmanager
    def called_by_role(self) -> Iterator[None]:
        """Have errors call the files by what they are for instead of their place on this machine."""
        names = {path: f"The source {number} picture" for number, path in (self.people or {}).items()}
        if self.reference:
            names[self.reference] = "The picture of whom to replace"
        names |= {path: "The source picture" for path in (self.source, *self.also) if path}
        with ExitStack() as stack:
            for path, name in names.items():
                stack.enter_context(called(path, name))
            yield


def any_source(sources: Sequence[str] | None, people: People) -> str | None:
    """Return the source of one of several people, if there are any."""
    return next(iter([*(sources or ()), *people.values()]), None)


def people_of(faces: str, sources: Sequence[str] | None, people: People) -> People:
    """Return the people of the page, or those of a call over HTTP: a source for each face that it numbers.

    Raises:
        SettingsError: There are not as many numbers as sources.
    """
    if not sources:
        return people
    numbers = faces.split(",")
    if len(numbers) != len(sources) or not all(number.isdecimal() for number in numbers):
        raise SettingsError(
            f"The faces '{faces}' are not one number for each of {len(sources)} sources; write 1,3 for two."
        )
    return {int(number): path for number, path in zip(numbers, sources, strict=True)}
