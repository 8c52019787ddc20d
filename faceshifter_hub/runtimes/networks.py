"""What a pipeline runs in place of its components: fused by torch, or as graphs by another engine."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.errors import SettingsError
from faceshifter_hub.registry import Kind
from faceshifter_hub.runtimes import COMPILED, ENGINES, Runtime
from faceshifter_hub.runtimes.compiled import has_bf16, open_compiled
from faceshifter_hub.runtimes.engines import Run, is_installed, open_graph
from faceshifter_hub.runtimes.fused import fuse
from faceshifter_hub.runtimes.graphs import FORWARD, GENERATE, MODULATE
from faceshifter_hub.runtimes.store import Form, find_graphs, graph_store, key_of, make_graphs

EXPORTED: tuple[Kind, ...] = ("identity_encoder", "attribute_encoder", "aad_generator", "hear_refiner", "face_parser")
# OpenVINO 2026.4 refuses the one's fixed resampling to its crop and resamples with other weights in the other
NOT_BY_OPENVINO: tuple[Kind, ...] = ("identity_encoder", "face_parser")
RunOnTensors = Callable[..., list[torch.Tensor]]  # an opened graph: as many tensors as it has inputs


def open_networks(
    components: Mapping[Kind, ComponentMixin], resolution: int, runtime: Runtime, device: torch.device
) -> tuple[Runtime, dict[Kind, Any]]:
    """Return who runs a pipeline's networks, and for each kind what to call in place of its component.

    Args:
        components: Of the pipeline.
        resolution: R, of the aligned faces.
        runtime: `auto` is the fastest of those that every network was exported for, else torch: to export takes
            longer than many swaps. In bfloat16 only where the device multiplies in it.
        device: Of the components.

    Raises:
        SettingsError: The runtime runs on the CPU alone, and the device is another.
        MissingPackageError: The runtime, or what exports to it, is not installed.
        ComponentError: A component cannot be exported, or its graph not be run.
    """
    chosen = _fastest_exported(components, resolution, device) if runtime == "auto" else runtime
    if chosen in ENGINES and device.type != "cpu":
        raise SettingsError(f"The runtime {chosen} runs on the CPU; take the runtime torch on '{device}'.")
    networks: dict[Kind, Any] = dict(components)
    for kind, component in with_graphs(components).items():
        if chosen == "torch" or (chosen == "openvino" and kind in NOT_BY_OPENVINO):
            networks[kind] = fuse(component)
        else:
            networks[kind] = _opened(kind, chosen, make_graphs(component, resolution, form_of(chosen)))
    return chosen, networks


def form_of(runtime: Runtime) -> Form:
    """Return what a runtime other than torch wants graphs to be written as."""
    for form in COMPILED:
        if runtime == form:
            return form
    return "onnx"


def _fastest_exported(components: Mapping[Kind, ComponentMixin], resolution: int, device: torch.device) -> Runtime:
    if has_bf16(device) and all_exported(components, resolution, "inductor-bf16"):
        return "inductor-bf16"
    if all_exported(components, resolution, "inductor"):
        return "inductor"
    ready = device.type == "cpu" and is_installed("onnxruntime") and all_exported(components, resolution, "onnx")
    return "onnxruntime" if ready else "torch"


def with_graphs(components: Mapping[Kind, ComponentMixin]) -> dict[Kind, ComponentMixin]:
    """Return the components that have graphs: no detectors, and none that bring an engine of their own."""
    return {
        kind: component
        for kind, component in components.items()
        if kind in EXPORTED and any(True for _ in component.parameters())
    }


def all_exported(components: Mapping[Kind, ComponentMixin], resolution: int, form: Form) -> bool:
    """Whether the graphs of all components that have any are in the store."""
    if not graph_store().is_dir():
        return False  # weights need not be read through
    keys = (key_of(component, resolution, form) for component in with_graphs(components).values())
    return all(find_graphs(key, form) for key in keys)


def _opened(kind: Kind, runtime: Runtime, graphs: Mapping[str, Path]) -> Any:
    opened: dict[str, RunOnTensors] = {}
    for name, path in graphs.items():
        if runtime == "onnxruntime" or runtime == "openvino":
            opened[name] = OnTensors(open_graph(runtime, path))
        else:
            opened[name] = open_compiled(name, path)
    match kind:
        case "aad_generator":
            return EngineGenerator(opened[MODULATE], opened[GENERATE])
        case "attribute_encoder":
            return opened[FORWARD]
        case _:
            return FirstOf(opened[FORWARD])


class OnTensors:
    """An engine's graph that takes and gives tensors on the CPU."""

    def __init__(self, run: Run):
        self.run = run

    def __call__(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return all that the graph gives."""
        return [torch.from_numpy(array) for array in self.run([x.contiguous().numpy() for x in inputs])]


class FirstOf:
    """A graph that gives one tensor, which is not put into a list."""

    def __init__(self, graph: RunOnTensors):
        self.graph = graph

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the one thing that the graph gives."""
        return self.graph(*inputs)[0]


class EngineGenerator:
    """The two methods of a generator that a pipeline calls."""

    def __init__(self, modulate: RunOnTensors, generate: RunOnTensors):
        self._modulate, self._generate = modulate, generate

    def modulate_attributes(self, z_att: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return what `generate` takes, of z_att of B targets."""
        return self._modulate(*z_att)

    def generate(
        self, z_id: torch.Tensor, modulations: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return what `AADGenerator.generate` does, of z_id (B * r, d)."""
        faces, *masks = self._generate(z_id.unflatten(0, (len(modulations[0]), -1)), *modulations)
        return faces, masks
