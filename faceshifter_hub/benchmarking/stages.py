"""What of a pipeline is timed: each network by itself and the whole swap, by every runtime, and what it costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from faceshifter_hub.registry import Kind

Networks = Mapping[Kind, Any]


@dataclass(frozen=True)
class Cost:
    """What a call does, whoever runs it.

    Attributes:
        gflop: Billions of floating point operations, a multiplication and an addition counted as two.
        gigabytes: What its operations read and write, one after the other and unfused, in GB.
    """

    gflop: float
    gigabytes: float


class Stages:
    """The stages of a swap of `batch` aligned faces, as calls without arguments.

    Args:
        networks: By kind: a pipeline's components or its networks.
        faces: (B, 3, R, R) in [-1, 1].
        z_source: (B, d).
    """

    def __init__(self, networks: Networks, faces: torch.Tensor, z_source: torch.Tensor):
        self.networks, self.faces, self.z_source = networks, faces, z_source
        with torch.inference_mode():
            self.z_att = networks["attribute_encoder"](faces)
            self.modulations = networks["aad_generator"].modulate_attributes(self.z_att)

    def calls(self) -> dict[str, Callable[[], Any]]:
        """Return the stages by name, in their order, and `swap`: all that a swap needs once the source is known."""
        stages: dict[str, Callable[[], Any]] = {
            "identity": lambda: self.networks["identity_encoder"](self.faces),
            "attributes": lambda: self.networks["attribute_encoder"](self.faces),
            "modulations": lambda: self.networks["aad_generator"].modulate_attributes(self.z_att),
            "generator": lambda: self.generate(self.z_source),
        }
        if "hear_refiner" in self.networks:
            stages["refiner"] = lambda: self.networks["hear_refiner"](self.faces, self.faces)
        if "face_parser" in self.networks:
            stages["parser"] = lambda: self.networks["face_parser"](self.faces)
        return {name: torch.inference_mode()(call) for name, call in (stages | {"swap": self.swap}).items()}

    def generate(self, z_target: torch.Tensor) -> torch.Tensor:
        """Draw both identities of every face."""
        both = torch.stack([self.z_source, z_target], dim=1).flatten(0, 1)  # (2B, d)
        return self.networks["aad_generator"].generate(both, self.modulations)[0]

    def swap(self) -> torch.Tensor:
        """Swap as the pipeline does, (B, 3, R, R)."""
        generator = self.networks["aad_generator"]
        modulations = generator.modulate_attributes(self.networks["attribute_encoder"](self.faces))
        z_target = self.networks["identity_encoder"](self.faces)
        both, _ = generator.generate(torch.stack([self.z_source, z_target], dim=1).flatten(0, 1), modulations)
        if "hear_refiner" not in self.networks:
            return both[0::2]
        return self.networks["hear_refiner"](both[0::2], self.faces - both[1::2])


class _Traffic(TorchDispatchMode):
    """Adds up the bytes of what every operation is given and gives; views cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, torch.Tensor)]
            self.bytes += sum(x.nbytes for x in tensors)
        return result


@torch.no_grad()
def cost_of(call: Callable[[], Any]) -> Cost:
    """Return what a call of torch costs."""
    with FlopCounterMode(display=False) as counter:
        call()
    with _Traffic() as traffic:
        call()
    return Cost(counter.get_total_flops() / 1e9, traffic.bytes / 1e9)


def largest_difference(found: Any, expected: Any) -> float:
    """Return the largest absolute difference of tensors, or of lists of them."""
    pairs = zip(tree_leaves(found), tree_leaves(expected), strict=True)
    return max(float(np.abs(a.cpu().numpy() - b.cpu().numpy()).max()) for a, b in pairs)
