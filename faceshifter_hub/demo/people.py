"""Several people of the target, each with a source of their own."""

from functools import partial

import gradio as gr
import numpy as np

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.inputs import photo_input, read_upload, said_on_page
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.errors import NoFaceError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.selection import left_to_right

CROP = 160  # pixels
ROW = 200  # pixels high, a face and its source
MOST_PEOPLE = 12

People = dict[int, str]  # number of a face, from left to right, to the source's file


def people_inputs(target: gr.Image, available: gr.State) -> gr.State:
    """Lay out what finds the target's faces and takes a source for each; returns the state that holds `People`."""
    crops, people = gr.State([]), gr.State({})
    with gr.Accordion("Several people: a source for each face", open=False, elem_id="people"):
        find = gr.Button("Find the faces of the target photo", elem_id="find-faces")

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
                        elem_id=f"face-{number}",
                        alt_text=f"Face {number} of the target, counted from left to right",
                    )
                    own = photo_input(
                        f"Source for face {number}", f"source-{number}", f"The source for face {number}", ROW
                    )
                    own.change(
                        partial(put, number), [own, people], people, show_progress="hidden", api_visibility="private"
                    )

    def look(target: str | None, choices: Choices) -> list[np.ndarray]:
        with said_on_page("No faces"):
            if target is None:
                raise NoFaceError("Choose a target picture first.")
            pipeline = load_pipeline(choices.addresses(choices.default()))
            photo = read_upload(target, "target")
            faces = left_to_right(pipeline.detect(photo))[:MOST_PEOPLE]
            if not faces:
                raise NoFaceError("No face was found in the target picture; use one that shows faces clearly.")
        return [align(photo, face.landmarks, CROP)[0] for face in faces]

    find.click(look, [target, available], crops, show_progress_on=find, api_visibility="private")
    target.change(lambda: ([], {}), None, [crops, people], show_progress="hidden", api_visibility="private")
    return people


def put(number: int, source: str | None, people: People) -> People:
    """Give a face a source, or take it away."""
    others = {other: path for other, path in people.items() if other != number}
    return others if source is None else {**others, number: source}
