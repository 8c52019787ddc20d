"""Networks compiled ahead of time by torch's Inductor, in packages of code and weights that are loaded as they are.

In bf16, convolutions and linear layers read and give bfloat16, as under autocast. Inputs and outputs stay float32, but
for the modulations that one graph of a generator hands the other: the same values, in half the memory.
"""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from faceshifter_hub.errors import CheckpointError, ComponentError, MissingPackageError, first_line
from faceshifter_hub.runtimes import Compiled, graphs
from faceshifter_hub.runtimes.graphs import Generate, Graph, Modulate

# weights laid out for the processor beforehand; the threads of the process that runs it, not of that which compiles
INDUCTOR_OPTIONS = {"freezing": True, "cpp.dynamic_threads": True}


class InPrecision(nn.Module):
    """A graph's module, in float32 or in bfloat16, with its results as a list."""

    def __init__(self, module: nn.Module, device: torch.device, bf16: bool):
        super().__init__()
        self.module, self.device_type, self.bf16 = module, device.type, bf16

    def forward(self, *inputs: Any) -> list[torch.Tensor]:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.bf16):
            results = self.module(*inputs)
        if isinstance(self.module, Modulate):
            return list(results)
        return [result.float() for result in ([results] if isinstance(results, torch.Tensor) else results)]


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16 by instructions of its own: else it is slower and not faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


def machine_of(device: torch.device) -> str:
    """Return what decides whether a package that one machine compiled runs on another."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_name(device)}"
    able = torch.cpu.get_capabilities()
    return " ".join([str(able.get("architecture")), *sorted(name for name, has in able.items() if has is True)])


def laid_out(x: torch.Tensor) -> torch.Tensor:
    """Return a tensor as compiled code takes it, which asks none for its strides: maps with their channels last."""
    return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.contiguous_format)


def compile_graph(graph: Graph, path: Path, runtime: Compiled, device: torch.device) -> None:
    """Write a graph as one package, for the device that its module and its examples are on.

    Raises:
        MissingPackageError: There is no C++ compiler.
        ComponentError: The network does something that cannot be compiled.
    """
    from torch._inductor.exc import InductorError, InvalidCxxCompiler

    module = InPrecision(graph.module.eval(), device, bf16=runtime == "inductor-bf16")
    logging.getLogger("torch._inductor").setLevel(logging.ERROR)  # it tells of operators that it leaves to torch
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch's own deprecations
        try:
            inputs = tree_map(laid_out, graph.inputs)
            if isinstance(graph.module, Generate) and module.bf16:
                z_id, modulations = inputs
                inputs = z_id, [modulation.bfloat16() for modulation in modulations]
            program = torch.export.export(module, inputs, dynamic_shapes=(graph.dynamic,))
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs=INDUCTOR_OPTIONS
            )
        except (InductorError, torch._dynamo.exc.UserError) as error:
            reason = getattr(error, "inner_exception", error)
            if isinstance(reason, InvalidCxxCompiler):
                raise MissingPackageError(
                    f"The runtime {runtime} needs a C++ compiler to compile networks, once; on Debian or Ubuntu: "
                    f"sudo apt-get install g++"
                ) from error
            raise ComponentError(
                f"A {type(graph.module).__name__} cannot be compiled by Inductor ({first_line(reason)}); run it with "
                f"the runtime torch."
            ) from error


def open_compiled(name: str, path: Path) -> Callable[..., list[torch.Tensor]]:
    """Load the package of the graph of that name; what it returns takes tensors one by one.

    Raises:
        CheckpointError: It is none, or not for this machine.
    """
    try:
        run = torch._inductor.aoti_load_package(str(path))
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} cannot be run by Inductor ({first_line(error)}); delete it and export again."
        ) from error

    def on_tensors(*inputs: torch.Tensor) -> list[torch.Tensor]:
        given = [laid_out(x) for x in inputs]
        match name:
            case graphs.MODULATE:
                return run(given)
            case graphs.GENERATE:
                return run(given[0], given[1:])
            case _:
                return run(*given)

    return on_tensors
