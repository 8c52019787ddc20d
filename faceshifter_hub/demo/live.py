"""The tab Live: the visitor's camera, each frame swapped while it lasts; nothing is kept of any."""

import base64
import binascii
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.dropdowns import component_dropdowns
from faceshifter_hub.demo.inputs import (
    NO_CONSENT,
    NO_SOURCE,
    consent_input,
    face_examples,
    photo_input,
)
from faceshifter_hub.demo.loading import load_pipeline
from faceshifter_hub.demo.option_inputs import option_inputs, read_options
from faceshifter_hub.demo.people import Who, also_input, reference_input
from faceshifter_hub.demo.sessions import Sessions
from faceshifter_hub.demo.turns import FrameSwapperInTurns
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.errors import FaceShifterError, MediaError
from faceshifter_hub.media.images import read_image
from faceshifter_hub.safety.audit import note_run

CONSENT = "I, the person of the source picture and everyone the camera sees agreed to this swap."
LIVE_SIDE = 480  # pixels of a frame's longer side
EVERY = 0.25  # seconds between frames asked for
LONGEST = 120  # seconds; others wait meanwhile
INTRO = f"""Press the camera, allow it, and press record. Frames are made smaller ({LIVE_SIDE} pixels), swapped and
forgotten; on a processor alone a frame may take a second. One visitor is live at a time, for {LONGEST} seconds."""
READY = "Choose a source, tick the statement, then start the camera."


@dataclass
class Visitor:
    """Who is live: the swapper, and out of what it was made."""

    made_of: tuple[object, ...]
    swapper: FrameSwapperInTurns


def build_live_tab(demo: gr.Blocks, available: gr.State) -> gr.Image:
    """Lay out the tab and connect it, within an open `gr.Blocks`; returns the source's input."""
    visitors: Sessions[Visitor] = Sessions(demo)
    gr.Markdown(INTRO, elem_id="live-intro")
    with gr.Row(equal_height=False):
        with gr.Column():
            source = photo_input("Source face", "live-source", "The source picture you chose")
            consent = consent_input("live-", CONSENT)
            refine = gr.Checkbox(
                False, label="Refine each frame (stage 2, slower)", show_label=False, elem_id="live-refine"
            )
            options = option_inputs("live-")
            reference = reference_input("live-")
            also = also_input("live-")
            face_examples(source, "live-")
            with gr.Accordion("Components", open=False, elem_id="live-components"):
                dropdowns = component_dropdowns(available, "live-")
        with gr.Column():
            camera = gr.Image(
                label="Camera",
                sources=["webcam"],
                streaming=True,
                webcam_options=gr.WebcamOptions(mirror=True, constraints={"video": {"width": {"ideal": 640}}}),
                buttons=[],
                elem_id="camera",
                height=280,
                alt_text="What the camera sees",
            )
            camera.preprocess = read_camera  # type: ignore[method-assign, assignment]
            swapped = gr.Image(
                label="Swapped",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="live",
                alt_text="The swapped frame",
            )
            swapped.postprocess = without_file  # type: ignore[method-assign, assignment]
            status = gr.Markdown(READY, elem_id="live-status")

    @on_lent_gpu(seconds=30)
    def swap_frame(
        frame: bytes | None,
        source: str | None,
        consent: bool,
        refine: bool,
        generator: str | None,
        identity_encoder: str | None,
        attribute_encoder: str | None,
        refiner: str | None,
        detector: str | None,
        strength: float,
        faces: str,
        min_score: float,
        boost: int,
        keep: Sequence[str],
        colour: str,
        grain: bool,
        label: bool,
        also: Sequence[str] | None,
        reference: str | None,
        choices: Choices,
        request: gr.Request,
    ) -> tuple[np.ndarray | None, str]:
        if not consent:
            return None, NO_CONSENT
        if source is None:
            return None, NO_SOURCE
        if frame is None:
            return None, READY
        began = time.perf_counter()
        try:
            components = (generator, identity_encoder, attribute_encoder, refiner, detector)
            who = Who(source, also or (), reference)
            chosen = read_options(refine, (strength, faces, min_score, boost, keep, colour, grain, label))
            visitor = visitors.by_hash.get(request.session_hash)
            if visitor is None or visitor.made_of != (who, chosen, components):
                pipeline = load_pipeline(choices.addresses(dict(zip(dropdowns, components, strict=True))))
                with who.called_by_role():
                    swapper = FrameSwapperInTurns(pipeline, who.resolve(pipeline), chosen)
                note_run("demo live", pipeline.public_components(), swapper.mark_id, consent=consent)
                visitor = Visitor((who, chosen, components), swapper)
                visitors.by_hash[request.session_hash] = visitor
            photo = reduced(frame)
            assigned = visitor.swapper.assign(photo)
            [result] = visitor.swapper.swap([photo], [assigned])
        except FaceShifterError as error:
            return None, str(error)
        if not assigned:
            return photo, "Nobody to swap is in sight."
        return result, f"{1 / (time.perf_counter() - began):.1f} frames a second."

    camera.stream(
        swap_frame,
        [camera, source, consent, refine, *dropdowns.values(), *options, also, reference, available],
        [swapped, status],
        stream_every=EVERY,
        time_limit=LONGEST,
        show_progress="hidden",
        api_visibility="private",
    )
    return source


def read_camera(payload: ImageData | None) -> bytes | None:
    """Return the frame that the browser sent along, not yet decoded; a path on this machine is not read."""
    if payload is None or not payload.url or not payload.url.startswith("data:"):
        return None
    try:
        return base64.b64decode(payload.url.partition(",")[2], validate=True) or None
    except binascii.Error:
        return None


def reduced(frame: bytes) -> np.ndarray:
    """Return a frame (H, W, 3) uint8 RGB whose longer side is LIVE_SIDE at most, decoded as uploads are.

    Raises:
        MediaError: It is damaged or exceeds the limits.
    """
    try:
        with in_memory(frame) as path:
            photo = Image.fromarray(read_image(path))
    except MediaError as error:
        raise MediaError("A frame of the camera is damaged or too large; try another camera.") from error
    photo.thumbnail((LIVE_SIDE, LIVE_SIDE))
    return np.asarray(photo)


@contextmanager
def in_memory(frame: bytes) -> Iterator[Path]:
    """Give a frame a name that decoder processes can open, in no folder on Linux, elsewhere for a moment in one."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("frame"), "wb") as file:
            file.write(frame)
            file.flush()
            yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "frame")
            path.write_bytes(frame)
            yield path


def without_file(value: np.ndarray | None) -> ImageData | None:
    """Return a frame for the page that carries its own data; Gradio would write each into a file."""
    if value is None:
        return None
    with BytesIO() as written:
        Image.fromarray(value).save(written, "jpeg", quality=90)
        data = base64.b64encode(written.getvalue()).decode()
    return ImageData(url=f"data:image/jpeg;base64,{data}")
