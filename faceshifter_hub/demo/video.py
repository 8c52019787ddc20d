"""The tab Video: a part of a video, a frame of it first, then all of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from faceshifter_hub.demo.choices import Choices
from faceshifter_hub.demo.dropdowns import component_dropdowns
from faceshifter_hub.demo.inputs import (
    NO_CONSENT,
    NO_SOURCE,
    SWAP_LANE,
    called,
    consent_input,
    face_examples,
    nothing_to_say,
    photo_input,
    require_consent,
    said_on_page,
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
from faceshifter_hub.demo.results import new_folder
from faceshifter_hub.demo.sessions import Runs
from faceshifter_hub.demo.turns import FrameSwapperInTurns
from faceshifter_hub.demo.zero_gpu import on_lent_gpu
from faceshifter_hub.errors import FaceShifterError, MissingPackageError, NoFaceError
from faceshifter_hub.jobs.video import VideoReport, read_one_frame, swap_one_frame, swap_video
from faceshifter_hub.media.images import write_image
from faceshifter_hub.media.video import read_video_info, require_av
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.safety.audit import note_run

CONSENT = "Everyone shown in the video and the source picture agreed to this swap, or does not exist."
FIRST_CHOICE = 10  # seconds at most, of a video just uploaded
RESULT_NAME = "faceshifter.mp4"
FRAME_NAME = "frame.png"
NO_VIDEO = "Choose a video."
VIDEO = "The video"
FIRST_FRAME = "the part's first frame"


class Stopped(FaceShifterError):
    """The visitor asked for it."""


def build_video_tab(demo: gr.Blocks, available: gr.State) -> gr.Image | None:
    """Lay out the tab and connect it, within an open `gr.Blocks`; returns the source's input."""
    try:
        require_av()
    except MissingPackageError as error:
        gr.Markdown(str(error), elem_id="video-missing")
        return None
    with gr.Row(equal_height=False):
        with gr.Column():
            with gr.Row():
                source = photo_input("Source face", "video-source", "The source picture you chose")
                video = gr.Video(
                    label="Video",
                    sources=["upload"],
                    buttons=[],
                    height=280,
                    elem_id="video",
                    elem_classes="chosen",
                )
            about = gr.Markdown(elem_id="about-video")
            consent = consent_input("video-", CONSENT)
            with gr.Row():
                start = gr.Number(0, minimum=0, label="From, in seconds", elem_id="video-start", min_width=120)
                end = gr.Number(FIRST_CHOICE, minimum=0, label="Until, in seconds", elem_id="video-end", min_width=120)
            refine = gr.Checkbox(True, label="Refine each frame (stage 2)", show_label=False, elem_id="video-refine")
            options = option_inputs("video-")
            several = people_inputs([video, start], read_first_frame, FIRST_FRAME, available, "video-")
            reference = reference_input("video-")
            also = also_input("video-")
            with gr.Row():
                preview_button = gr.Button("Preview one frame", elem_id="preview-frame", min_width=160)
                button = gr.Button("Swap the video", variant="primary", elem_id="swap-video", min_width=160)
                stop = gr.Button("Stop", elem_id="stop-video", min_width=100)
            face_examples(source, "video-")
            with gr.Accordion("Components", open=False, elem_id="video-components"):
                dropdowns = component_dropdowns(available, "video-")
        with gr.Column():
            frame = gr.Image(
                label="First frame of the part, swapped",
                interactive=False,
                format="png",
                buttons=["fullscreen"],
                elem_id="frame",
                alt_text="The first frame of the part chosen, swapped",
            )
            result = gr.Video(label="Result", interactive=False, buttons=[], elem_id="video-result")
            file = gr.File(label="Result, an MP4 file", interactive=False, elem_id="video-file")
            notes = gr.Markdown(elem_id="video-notes")
    runs = Runs(demo, result.GRADIO_CACHE)

    def describe(video: str | None) -> tuple[str, Any, Any]:
        if video is None:
            return "", gr.skip(), gr.skip()
        try:
            with called(video, VIDEO):
                info = read_video_info(video)
        except FaceShifterError as error:
            return str(error), gr.skip(), gr.skip()
        said = f"{info.width}×{info.height}, {info.duration:.1f} seconds, {info.frames} frames."
        return said, 0, round(min(info.duration, FIRST_CHOICE), 2)

    def make_swapper(
        who: Who, options: SwapOptions, components: Sequence[str | None], choices: Choices
    ) -> FrameSwapperInTurns:
        pipeline = load_pipeline(choices.addresses(dict(zip(dropdowns, components, strict=True))))
        with who.called_by_role():
            return FrameSwapperInTurns(pipeline, who.resolve(pipeline), options)

    @on_lent_gpu(seconds=60)
    def swap_frame(
        source: str | None,
        video: str,
        consent: bool,
        start: float = 0,
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
    ) -> str:
        """Swap a single frame of a video.

        Args:
            source: Photo of the person whose identity is taken.
            video: Whose frame changes.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            start: When the frame is shown, in seconds after the first.
            refine: Whether stage 2 runs.
            generator: Name of a registered component; so are the following.
            identity_encoder: See `generator`.
            attribute_encoder: See `generator`.
            refiner: See `generator`.
            detector: See `generator`.
            strength: See `/swap`; so are the following.
            faces: See `/swap`; numbers count where faces appear first.
            min_score: See `/swap`.
            boost: See `/swap`.
            keep: See `/swap`.
            colour: See `/swap`.
            grain: See `/swap`.
            label: See `/swap`.
            also: See `/swap`.
            reference: See `/swap`.
            sources: See `/swap`.
            people: Sources of faces of the part's first frame that have one of their own; then only these change.
            choices: What the visitor may choose from.

        Returns:
            The frame.
        """
        with said_on_page("No preview"), called(video, VIDEO):
            require_consent(consent)
            options = read_options(refine, (strength, faces, min_score, boost, keep, colour, grain, label))
            components = (generator, identity_encoder, attribute_encoder, refiner, detector)
            who = Who(source, also or (), reference, people_of(faces, sources, people))
            swapper = make_swapper(who, options, components, choices)
            swapped = swap_one_frame(swapper, video, float(start))
            note_run("demo preview", swapper.pipeline.public_components(), swapper.mark_id, consent=consent)
            with new_folder(frame.GRADIO_CACHE) as folder:
                path = folder / FRAME_NAME
                write_image(swapped, path, swapper.credentials(Path(video)))
        return str(path)

    @on_lent_gpu(seconds=300)
    def swap(
        source: str | None,
        video: str,
        consent: bool,
        request: gr.Request,
        start: float = 0,
        end: float = FIRST_CHOICE,
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
    ) -> tuple:
        """Put the source's identity into a part of a video.

        Args:
            source: Photo of the person whose identity is taken.
            video: Whose faces change.
            consent: States that everyone shown agreed to this swap; nothing is done without.
            request: Tells whose run it is, so that the visitor can stop it.
            start: Where the part begins, in seconds after the first frame.
            end: Where the part ends.
            refine: Whether stage 2 runs.
            generator: Name of a registered component; so are the following.
            identity_encoder: See `generator`.
            attribute_encoder: See `generator`.
            refiner: See `generator`.
            detector: See `generator`.
            strength: See `/swap`; so are the following.
            faces: See `/swap`; numbers count where faces appear first.
            min_score: See `/swap`.
            boost: See `/swap`.
            keep: See `/swap`.
            colour: See `/swap`.
            grain: See `/swap`.
            label: See `/swap`.
            also: See `/swap`.
            reference: See `/swap`.
            sources: See `/swap`.
            people: Sources of faces of the part's first frame that have one of their own; then only these change.
            choices: What the visitor may choose from.
            progress: Is shown on the page.

        Returns:
            The part swapped, to play and as a file, and notes.
        """
        with (
            said_on_page("No swap"),
            called(video, VIDEO),
            new_folder(result.GRADIO_CACHE) as folder,
            runs.going(request) as may_go_on,
        ):

            def report(done: int, total: int | None, left: float | None) -> None:
                if not may_go_on():
                    raise Stopped("Stopped; nothing was kept.")
                progress((done, total), desc=time_left(left), unit="frames")

            require_consent(consent)
            progress(None, "Loading the networks")
            options = read_options(refine, (strength, faces, min_score, boost, keep, colour, grain, label))
            components = (generator, identity_encoder, attribute_encoder, refiner, detector)
            who = Who(source, also or (), reference, people_of(faces, sources, people))
            swapper = make_swapper(who, options, components, choices)
            path = folder / RESULT_NAME
            done = swap_video(swapper, video, path, start=start, end=end, progress=report)
            note_run("demo video", swapper.pipeline.public_components(), swapper.mark_id, consent=consent)
        return str(path), str(path), summary(done)

    who_inputs = [also, reference, *several.components]
    video.change(describe, video, [about, start, end], show_progress="hidden", api_visibility="private")
    preview_button.click(
        swap_frame,
        [source, video, consent, start, refine, *dropdowns.values(), *options, *who_inputs, available],
        frame,
        validator=validate_video,
        concurrency_id=SWAP_LANE,
        api_name="preview_frame",
        show_progress_on=frame,
        scroll_to_output=True,
    )
    button.click(
        swap,
        [source, video, consent, start, end, refine, *dropdowns.values(), *options, *who_inputs, available],
        [result, file, notes],
        validator=validate_video,
        api_name="swap_video",
        show_progress_on=result,
        scroll_to_output=True,
    )
    stop.click(runs.stop, queue=False, show_progress="hidden", api_visibility="private")
    return source


def read_first_frame(video: str | None, start: float) -> np.ndarray:
    """Return the first frame of the part chosen, (H, W, 3) uint8 RGB.

    Raises:
        NoFaceError: There is no video yet.
        FaceShifterError: It cannot be read, or has no such frame.
    """
    if video is None:
        raise NoFaceError("Choose a video first.")
    with called(video, VIDEO):
        return read_one_frame(video, float(start))


def validate_video(source: str | None, video: str | None, consent: bool, *others: Any) -> list[dict[str, Any]]:
    """Say, beside each input, what is missing before anything is queued."""
    *_, sources, people, _ = others
    return [
        gr.validate((source or any_source(sources, people)) is not None, NO_SOURCE),
        gr.validate(video is not None, NO_VIDEO),
        gr.validate(consent, NO_CONSENT),
        *nothing_to_say(others),
    ]


def time_left(seconds: float | None) -> str:
    """Say how long it will still take."""
    if seconds is None:
        return "Swapping"
    return f"Swapping, {seconds / 60:.0f} minutes left" if seconds > 90 else f"Swapping, {seconds:.0f} seconds left"


def summary(report: VideoReport) -> str:
    """Return what became of a video, as Markdown."""
    counted = f"{report.swapped} of {report.frames} frames swapped in {report.seconds:.1f} seconds."
    return "\n\n".join([*report.notes, counted])
