"""The swap as a tool of language models: a server of the Model Context Protocol, over standard input and output.

Whoever starts it names the one folder that it may read and write.
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

import faceshifter_hub
from faceshifter_hub.errors import ConsentError, FaceShifterError, MissingPackageError, SettingsError
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.provenance.check import FileReport, check_file
from faceshifter_hub.registry import KINDS, list_components

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from faceshifter_hub.pipeline import FaceShifterPipeline, Source

INSTRUCTIONS = """Swaps faces in photographs, animations and videos, and tells what a file says of where it came from.
Ask the user whether everyone shown agreed before you state consent, and say of every result that it is synthetic."""
NO_CONSENT = (
    "No swap without consent: state `consent: true` only if everyone shown in all of these files agreed to this swap, "
    "or does not exist; if you do not know, ask the user."
)

Consent = Annotated[bool, Field(description="true states: everyone shown agreed to this swap or is fictional")]
SourcePath = Annotated[
    str | None, Field(description="photograph whose identity is taken, in the server's folder; not with people")
]
AlsoPaths = Annotated[Sequence[str], Field(description="more photographs of the source, whose mean is taken")]
ReferencePath = Annotated[
    str | None, Field(description="photograph of whom to replace; only whoever looks most like it changes")
]
People = Annotated[
    Mapping[str, str] | None,
    Field(
        description="in place of source_path, who becomes whom: from the path of a photograph of whom to replace, or "
        "the number of a face from left to right, to the path of a photograph of the source"
    ),
]

# as arguments of a tool; results are always marked, and `SwapOptions.of` says in a sentence what cannot be
OPTIONS = [
    inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=Annotated[Any, WithJsonSchema(SwapOptions.model_json_schema()["properties"][name])],
    )
    for name, field in SwapOptions.model_fields.items()
    if name != "mark"
]


class SwappedPhoto(BaseModel):
    """What became of a photograph or an animation."""

    output_path: str = Field(description="the result, within the folder")
    faces: int | None = Field(description="how many faces changed; null for an animation")
    notes: list[str] = Field(description="what the user should know")


class SwappedVideo(BaseModel):
    """What became of a video."""

    output_path: str = Field(description="the result, within the folder")
    frames: int = Field(description="how many frames it has")
    swapped: int = Field(description="in how many of them a face changed")
    notes: list[str] = Field(description="what the user should know")


class Checked(BaseModel):
    """What a file says of where it came from."""

    in_words: list[str] = Field(description="what it means, in sentences")
    report: FileReport


class Component(BaseModel):
    """What a language model may want to know of a component."""

    name: str
    kind: str = Field(description=f"one of {', '.join(KINDS)}")
    description: str
    weights_licence: str | None
    commercial_use: bool


class Tools:
    """The server's tools; every path they take is relative to one folder and stays inside it.

    Args:
        folder: The folder.
        pipeline: Address of the pipeline that swaps, by default the settings'; loaded by the first swap.

    Raises:
        SettingsError: There is no such folder.
    """

    def __init__(self, folder: Path, pipeline: str | None = None):
        if not folder.is_dir():
            raise SettingsError(f"There is no folder '{folder}'; name one that holds the photographs.")
        self.folder = folder.resolve()
        self.address = pipeline
        self._one_at_a_time = Lock()

    @cached_property
    def pipeline(self) -> "FaceShifterPipeline":
        """The pipeline, loaded."""
        from faceshifter_hub.pipeline import FaceShifterPipeline

        return FaceShifterPipeline.from_pretrained(self.address)

    def swap_photo(
        self,
        target_path: Annotated[
            str, Field(description="photograph or animated picture whose face changes, in the server's folder")
        ],
        output_path: Annotated[
            str, Field(description="new file for the result: .png, .jpg, .webp, .avif, .tif, or .gif for an animation")
        ],
        consent: Consent,
        source_path: SourcePath = None,
        also_paths: AlsoPaths = (),
        reference_path: ReferencePath = None,
        people: People = None,
        **options: Any,
    ) -> SwappedPhoto:
        """Put the identity of the source's face into the target, which keeps pose, expression, light and hair.

        Raises:
            ConsentError: Consent is not stated.
            SettingsError: A path leaves the folder, the output is there already, or an option cannot be.
            FaceShifterError: A picture cannot be used, or the result not written.
        """
        from faceshifter_hub.frames import FrameSwapper
        from faceshifter_hub.jobs.swap_file import check_result, is_animated, swap_animation
        from faceshifter_hub.safety.audit import note_run

        require_consent(consent)
        chosen = SwapOptions.of(**options)
        with self._one_at_a_time:
            target, output = self.inside(target_path), self.new(output_path)
            is_moving = is_animated(target, output)
            check_result(target, output)
            source = self.source(source_path, also_paths, reference_path, people)
            if is_moving:
                swapper = FrameSwapper(self.pipeline, source, chosen)
                swap_animation(swapper, target, output, door="mcp", consent=consent)
                return SwappedPhoto(output_path=self.name(output), faces=None, notes=swapper.notes)
            swapped = self.pipeline(source, target, **chosen.model_dump())
            note_run("mcp", self.pipeline.public_components(), swapped.mark_ids[0], consent=consent)
            swapped.save(output)
        return SwappedPhoto(output_path=self.name(output), faces=len(swapped.faces[0]), notes=swapped.notes)

    def swap_video(
        self,
        target_path: Annotated[str, Field(description="video whose face changes, in the server's folder")],
        output_path: Annotated[str, Field(description="new file for the result: .mp4, .mov or .mkv")],
        consent: Consent,
        source_path: SourcePath = None,
        also_paths: AlsoPaths = (),
        reference_path: ReferencePath = None,
        people: People = None,
        start: Annotated[float | None, Field(description="seconds from which the video is kept")] = None,
        end: Annotated[float | None, Field(description="seconds until which it is kept")] = None,
        **options: Any,
    ) -> SwappedVideo:
        """Put the identity of the source's face into a video, which keeps its sound. Every frame takes a while.

        Raises:
            ConsentError: Consent is not stated.
            SettingsError: A path leaves the folder, the output is there already, or an option cannot be.
            FaceShifterError: A file cannot be used, or the result not written.
        """
        from faceshifter_hub.frames import FrameSwapper
        from faceshifter_hub.jobs.video import swap_video
        from faceshifter_hub.media.video import read_video_info
        from faceshifter_hub.media.video_writing import check_video_output
        from faceshifter_hub.safety.audit import note_run

        require_consent(consent)
        chosen = SwapOptions.of(**options)
        with self._one_at_a_time:
            target, output = self.inside(target_path), self.new(output_path)
            check_video_output(output)
            read_video_info(target)  # before networks are loaded, for nothing
            swapper = FrameSwapper(self.pipeline, self.source(source_path, also_paths, reference_path, people), chosen)
            report = swap_video(swapper, target, output, start=start, end=end)
            note_run("mcp", self.pipeline.public_components(), swapper.mark_id, consent=consent)
        return SwappedVideo(
            output_path=self.name(output),
            frames=report.frames,
            swapped=report.swapped,
            notes=[*swapper.notes, *report.notes],
        )

    def check_provenance(
        self, path: Annotated[str, Field(description="picture or video, whoever made it, in the server's folder")]
    ) -> Checked:
        """Tell what a file says of where it came from: content credentials, who signed them, invisible watermark.

        Raises:
            SettingsError: The path leaves the folder.
            FaceShifterError: The file cannot be read.
        """
        report = check_file(self.inside(path))
        return Checked(in_words=report.sentences(), report=report)

    def list_components(self) -> list[Component]:
        """List the networks that swaps are composed of, with their licences."""
        return [
            Component.model_validate(manifest.model_dump(include=set(Component.model_fields)))
            for manifest in list_components()
        ]

    def source(
        self,
        source_path: str | None,
        also_paths: Sequence[str],
        reference_path: str | None,
        people: Mapping[str, str] | None,
    ) -> "Source":
        """Return what the pipeline's call takes as its source.

        Raises:
            SettingsError: The arguments contradict each other, name no source, or leave the folder.
            FaceShifterError: A photograph cannot be read or shows no face.
        """
        from faceshifter_hub.jobs.option_arguments import mean_of

        if people:
            if source_path or also_paths or reference_path:
                raise SettingsError(
                    "people names every source itself; leave out source_path, also_paths and reference_path."
                )
            return {
                int(person) if person.isdecimal() else self.inside(person): self.inside(source)
                for person, source in people.items()
            }
        if not source_path:
            raise SettingsError("There is no source; give a photograph as source_path, or people with their sources.")
        photographs = [str(self.inside(path)) for path in (source_path, *also_paths)]
        reference = self.inside(reference_path) if reference_path else None
        source = mean_of(photographs, self.pipeline)
        return {reference: source} if reference else source

    def inside(self, name: str) -> Path:
        """Return the place of a file of the folder, links followed.

        Raises:
            SettingsError: It lies elsewhere.
        """
        try:
            path = (self.folder / name).resolve()
        except (OSError, RuntimeError, ValueError):  # links in a circle, a null character
            raise SettingsError(f"{name!r} is no name of a file; use one like 'target.jpg'.") from None
        if not path.is_relative_to(self.folder):
            raise SettingsError(f"'{name}' is outside the folder that this server may use; name a file inside it.")
        return path

    def new(self, name: str) -> Path:
        """Return the place of a file of the folder that is not there yet.

        Raises:
            SettingsError: It is, or lies elsewhere.
        """
        path = self.inside(name)
        if os.path.exists(path):  # unlike Path.exists, raises nothing
            raise SettingsError(f"'{name}' is there already; choose another name for the result.")
        return path

    def name(self, path: Path) -> str:
        """Return what a client calls a file of the folder."""
        return str(path.relative_to(self.folder))


def require_consent(consent: bool) -> None:
    """Raise ConsentError unless consent is stated."""
    if not consent:
        raise ConsentError(NO_CONSENT)


def build_server(tools: Tools) -> "MCPServer[Any]":
    """Return a server that offers the tools.

    Raises:
        MissingPackageError: The SDK is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise MissingPackageError(
            "The MCP server needs the package mcp, 2 or newer: run `pip install 'faceshifter-hub[mcp]'`."
        ) from None

    def saying_why(tool: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(tool)
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return tool(*arguments, **named)
            except FaceShifterError as error:
                raise ToolError(str(error)) from error  # of any other error the client learns nothing

        signature = inspect.signature(tool)
        named = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        if len(named) < len(signature.parameters):
            named += OPTIONS
        vars(call)["__signature__"] = signature.replace(parameters=named)  # what the SDK tells clients
        return call

    server = MCPServer("faceshifter", instructions=INSTRUCTIONS, version=faceshifter_hub.__version__)
    for tool in (tools.swap_photo, tools.swap_video, tools.check_provenance, tools.list_components):
        server.add_tool(saying_why(tool))
    return server
