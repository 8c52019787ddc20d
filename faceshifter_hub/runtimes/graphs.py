"""Components as graphs for `torch.export`, one for each thing that a pipeline asks of a component; and as ONNX."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.errors import ComponentError, MissingPackageError, first_line
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.runtimes.fused import fuse

OPSET = 20
FORWARD, MODULATE, GENERATE = "forward", "modulate_attributes", "generate"
BATCH, IDENTITIES = Dim("batch", min=1, max=1024), Dim("identities", min=1, max=16)
SIDE = Dim("side", min=16, max=4096)
TARGETS, IDENTITIES_SHOWN = 2, 3  # in the examples that graphs are traced with


@dataclass(frozen=True)
class Graph:
    """What is exported.

    Attributes:
        module: Takes tensors or lists of them, gives a tensor or a sequence of them.
        inputs: Examples, as the module takes them.
        dynamic: For each input, which of its axes may have another length than the example's.
    """

    module: nn.Module
    inputs: tuple[Any, ...]
    dynamic: tuple[Any, ...]


class Modulate(nn.Module):
    """z_att, n maps (B, C_k, S_k, S_k), to the modulations of a fused generator: those that are not None."""

    def __init__(self, generator: AADGenerator):
        super().__init__()
        self.generator = generator

    def forward(self, z_att: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [a for level in self.generator.modulate_attributes(z_att) for a in level if a is not None]


class Generate(nn.Module):
    """Identities (B, r, d) and what `Modulate` gave for B targets, to faces (B r, 3, R, R) and masks.

    That a target's identities have an axis of their own lets one graph serve one and two of them.
    """

    def __init__(self, generator: AADGenerator, present: Sequence[Sequence[bool]]):
        super().__init__()
        self.generator, self.present = generator, present  # whether a modulation is not None, by level

    def forward(self, z_id: torch.Tensor, modulations: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        given = iter(modulations)
        levels = [[next(given) if there else None for there in level] for level in self.present]
        faces, masks = self.generator.draw(z_id.flatten(0, 1), levels, modulated=True)
        return [faces, *masks]


def graphs_of(component: ComponentMixin, resolution: int) -> dict[str, Graph]:
    """Return the graphs of a component by the name of the method each stands for.

    Args:
        component: Of any kind but a detector, whose three small networks see pictures of any size.
        resolution: R, of the aligned faces.
    """
    fused = fuse(component)
    face = torch.zeros(TARGETS, 3, resolution, resolution, device=next(component.parameters()).device)
    if isinstance(fused, AADGenerator):
        return _generator_graphs(fused)
    if component.kind == "face_parser":  # which sees boosted faces too
        return {FORWARD: Graph(fused, (face,), ({0: BATCH, 2: SIDE, 3: SIDE},))}
    # one tensor given twice would become one input
    inputs = (face, face.clone()) if component.kind == "hear_refiner" else (face,)
    return {FORWARD: Graph(fused, inputs, tuple({0: BATCH} for _ in inputs))}


def _generator_graphs(generator: AADGenerator) -> dict[str, Graph]:
    config, device = generator.config, generator.device
    z_att = [
        torch.zeros(TARGETS, channels, int(size), int(size), device=device)
        for size, channels in zip(generator.blocks, config.attribute_channels, strict=True)
    ]
    z_id = torch.ones(TARGETS, IDENTITIES_SHOWN, config.identity_dim, device=device)
    with torch.no_grad():
        levels = generator.modulate_attributes(z_att)
        modulations = Modulate(generator)(z_att)
    present = [[a is not None for a in level] for level in levels]
    of_maps = [{0: BATCH} for _ in z_att]
    of_modulations = [{0: BATCH} for _ in modulations]
    return {
        MODULATE: Graph(Modulate(generator), (z_att,), (of_maps,)),
        GENERATE: Graph(
            Generate(generator, present), (z_id, modulations), ({0: BATCH, 1: IDENTITIES}, of_modulations)
        ),
    }


def write_onnx(graph: Graph, path: Path) -> None:
    """Write a graph as one ONNX file.

    Raises:
        MissingPackageError: onnxscript is not installed.
        ComponentError: The network does something that ONNX cannot say.
    """
    try:
        import onnxscript  # noqa: F401  (torch's own message speaks of something else)
    except ImportError:
        raise MissingPackageError(
            "ONNX graphs are made by onnxscript; install it: pip install 'faceshifter-hub[onnx]'."
        ) from None
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here needs
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's own deprecations
        try:
            program = torch.onnx.export(
                graph.module.eval(),
                graph.inputs,
                dynamo=True,
                dynamic_shapes=graph.dynamic,
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        except (torch.onnx.OnnxExporterError, torch._dynamo.exc.UserError) as error:
            raise ComponentError(
                f"A {type(graph.module).__name__} cannot be exported to ONNX ({first_line(error)}); run it with the "
                f"runtime torch."
            ) from error
    assert program is not None
    program.save(path)
