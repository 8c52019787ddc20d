"""What the page lets one choose: the registry's trained components, and which of them fit a generator."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from faceshifter_hub.component import component_interface
from faceshifter_hub.errors import IncompatibleComponentsError
from faceshifter_hub.pipeline import pipeline_addresses
from faceshifter_hub.registry import (
    KINDS,
    FolderAddress,
    Interface,
    Kind,
    UntrainedSource,
    check_compatible,
    list_components,
    parse_address,
)

FOLLOWS_GENERATOR: tuple[Kind, ...] = ("identity_encoder", "attribute_encoder", "hear_refiner")


@dataclass(frozen=True)
class Choice:
    """A component to choose; `name` is what the page sends, never a path of this machine."""

    name: str
    label: str
    address: str
    interface: Interface


@dataclass(frozen=True)
class Choices:
    """Every component that can be chosen, by kind and name, the default pipeline's own first."""

    by_kind: Mapping[Kind, Mapping[str, Choice]]

    @classmethod
    def of(cls, pipeline: str) -> Self:
        """Gather the components of a pipeline, by its address, and those of the registry.

        Untrained presets are left out, and so is a generator that lacks a fitting encoder.

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
        choices = cls(by_kind)
        for name in list(by_kind["aad_generator"]):
            if not (choices.fitting("identity_encoder", name) and choices.fitting("attribute_encoder", name)):
                del by_kind["aad_generator"][name]
        return choices

    def fitting(self, kind: Kind, generator: str) -> list[Choice]:
        """Return the components of a kind that fit a generator, by its name; every detector does."""
        drawn_by = self.by_kind["aad_generator"][generator]
        return [choice for choice in self.by_kind[kind].values() if fit(kind, choice, "aad_generator", drawn_by)]

    def addresses(self, names: Mapping[Kind, str | None]) -> dict[Kind, str]:
        """Return the addresses of the components chosen; a kind whose name is None is left out."""
        return {kind: self.by_kind[kind][name].address for kind, name in names.items() if name is not None}


def fit(kind_a: Kind, a: Choice, kind_b: Kind, b: Choice) -> bool:
    """Tell whether two components fit together."""
    try:
        check_compatible({kind_a: (a.name, a.interface), kind_b: (b.name, b.interface)})
    except IncompatibleComponentsError:
        return False
    return True
