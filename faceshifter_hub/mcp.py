"""The swap as a tool of language models: a server of the Model Context Protocol, over standard input and output.

Whoever starts it names the one folder that it may read and write.
"""

import os
from collections.abc import Callable
from functools import cached_property, wraps
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

import faceshifter_hub
from faceshifter_hub.errors import ConsentError, FaceShifterError, MissingPackageError, SettingsError
from faceshifter_hub.registry import KINDS, list_components

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from faceshifter_hub.pipeline import FaceShifterPipeline

INSTRUCTIONS = """Swaps faces in photographs. Ask the user whether everyone shown agreed before you state consent, and
say of every result that it is synthetic."""
NO_CONSENT = (
    "No swap without consent: state `consent: true` only if everyone shown in both photographs agreed to this swap, "
    "or does not exist; if you do not know, ask the user."
)


class Swapped(BaseModel):
    """What became of a swap."""

    output_path: str = Field(description="the result, within the folder")
    faces: int = Field(description="how many faces changed")
    notes: list[str] = Field(description="what the user should know")


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
        source_path: Annotated[str, Field(description="photograph whose identity is taken, in the server's folder")],
        target_path: Annotated[str, Field(description="photograph whose face changes, in the server's folder")],
        output_path: Annotated[str, Field(description="new file for the result: .png, .jpg or .webp")],
        consent: Annotated[bool, Field(description="true states: everyone shown agreed to this swap or is fictional")],
    ) -> Swapped:
        """Put the identity of the source's face into the target, which keeps pose, expression, light and hair.

        Raises:
            ConsentError: Consent is not stated.
            SettingsError: A path leaves the folder, or the output is there already.
            FaceShifterError: A photograph cannot be used, or the result not written.
        """
        import numpy as np

        from faceshifter_hub.media.images import check_output
        from faceshifter_hub.media.photographs import read_photograph, write_photograph
        from faceshifter_hub.safety.audit import note_run

        if not consent:
            raise ConsentError(NO_CONSENT)
        source, target, output = map(self.inside, (source_path, target_path, output_path))
        if os.path.exists(output):  # unlike Path.exists, raises nothing
            raise SettingsError(f"'{output_path}' is there already; choose another name for the result.")
        check_output(output)
        photograph = read_photograph(target)
        with self._one_at_a_time:
            swapped = self.pipeline(source, photograph.pixels)
        note_run("mcp", self.pipeline.public_components(), swapped.mark_ids[0], consent=consent)
        credentials = swapped.credentials_onto(target)
        write_photograph(photograph.with_pixels(np.asarray(swapped.images[0])), output, credentials)
        return Swapped(
            output_path=str(output.relative_to(self.folder)), faces=len(swapped.faces[0]), notes=swapped.notes
        )

    def list_components(self) -> list[Component]:
        """List the networks that swaps are composed of, with their licences."""
        return [
            Component.model_validate(manifest.model_dump(include=set(Component.model_fields)))
            for manifest in list_components()
        ]

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

        return call

    server = MCPServer("faceshifter", instructions=INSTRUCTIONS, version=faceshifter_hub.__version__)
    for tool in (tools.swap_photo, tools.list_components):
        server.add_tool(saying_why(tool))
    return server
