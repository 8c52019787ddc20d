"""What the page lets one choose: the registry's trained components, and which of them fit a generator."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from faceshifter_hub.component import component_interface
from faceshifter_hub.composition import pipeline_addresses
from faceshifter_hub.errors import IncompatibleComponentsError
from faceshifter_hub.registry import (
    KINDS,
    FolderAddress,
    Interface,
    Kind,
    UntrainedSource,
    check_compatible,
    list_components,
    parse_address,
    unknown,
)

FOLLOWS_GENERATOR: tuple[Kind, ...] = ("identity_encoder", "attribute_encoder", "hear_refiner")


@dataclass(frozen=True)
class Choice:
    """A component to choose; `name` is what the page sends, never a path of this machine."""

    name: str
    label: str
    address: str
    interface: Interface


@dataclass(frozen=True, eq=False)  # hashed by what it is, since Gradio watches the hash of a session's state
class Choices:
    """Every component that can be chosen, by kind and name, the default pipeline's own first."""

    by_kind: Mapping[Kind, Mapping[str, Choice]]

    @classmethod
    def of(cls, pipeline: str) -> Self:
        """Gather the components of a pipeline, by its address, and those of the registry.

        Untrained presets are left out.

        Raises:
            ComponentError: The pipeline cannot be found or read.
        """
        by_kind: dict[Kind, dict[str, Choice]] = {kind: {} for kind in KINDS}
        for kind, address in pipeline_addresses(pipeline).items():
            name = address
            if isinstance(parse_address(address), FolderAddress):
                name = "/".join(Path(address).parts[-2:])
            by_kind[kind][name] = Choice(name, name, address, component_interface(address, kind))
        for manifest in list_components():
            if not isinstance(manifest.source, UntrainedSource):
                name = manifest.name
                label = name if manifest.commercial_use else f"{name} (non-commercial)"
                by_kind[manifest.kind][name] = Choice(name, label, name, manifest.interface)
        return cls(by_kind)

    def generators(self) -> list[Choice]:
        """Return the generators for which there are both encoders."""
        encoders: tuple[Kind, ...] = ("identity_encoder", "attribute_encoder")
        everything = self.by_kind["aad_generator"].values()
        return [one for one in everything if all(self.offered(kind, one.name) for kind in encoders)]

    def offered(self, kind: Kind, generator: str) -> list[Choice]:
        """Return the components of a kind that fit a generator, by its name; of generators, those that can be used."""
        if kind == "aad_generator":
            return self.generators()
        drawn_by = self.by_kind["aad_generator"][generator]
        return [one for one in self.by_kind[kind].values() if not misfit(kind, one, "aad_generator", drawn_by)]

    def first_that_fit(self, generator: str) -> dict[Kind, str | None]:
        """Return the names of a generator and of the first component of every other kind that fits it."""
        kinds: tuple[Kind, ...] = (*FOLLOWS_GENERATOR, "face_detector")
        first = {kind: next((one.name for one in self.offered(kind, generator)), None) for kind in kinds}
        return {"aad_generator": generator, **first}

    def default(self) -> dict[Kind, str | None]:
        """Return the names of the components chosen until a visitor chooses."""
        return self.first_that_fit(self.generators()[0].name)

    def adding(self, kind: Kind, choice: Choice) -> "Choices":
        """Return these choices and one more."""
        return Choices({**self.by_kind, kind: {**self.by_kind[kind], choice.name: choice}})

    def addresses(self, names: Mapping[Kind, str | None]) -> dict[Kind, str]:
        """Return the addresses of the components chosen and of the default parser; None is left out.

        Raises:
            UnknownComponentError: There is no component of a name; the message suggests the nearest.
        """
        parser = next(iter(self.by_kind["face_parser"]), None)
        chosen: dict[Kind, str | None] = {"face_parser": parser, **names}
        return {kind: self.find(kind, name).address for kind, name in chosen.items() if name is not None}

    def find(self, kind: Kind, name: str) -> Choice:
        """Return a component by its kind and name.

        Raises:
            UnknownComponentError: There is none; the message suggests the nearest.
        """
        if name not in self.by_kind[kind]:
            raise unknown(name, self.by_kind[kind], kind.replace("_", " "))
        return self.by_kind[kind][name]


def misfit(kind_a: Kind, a: Choice, kind_b: Kind, b: Choice) -> str | None:
    """Say why two components do not fit together, if so."""
    try:
        check_compatible({kind_a: (a.name, a.interface), kind_b: (b.name, b.interface)})
    except IncompatibleComponentsError as error:
        return str(error)
    return None
