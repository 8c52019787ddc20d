"""Exponential moving average of a network: its parameters and, unlike diffusers' EMAModel, its buffers."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Keeps `average`, a copy of `model` that follows it slowly; with a decay of 0 it is `model` itself, not a copy.

    Batch norm's running statistics are buffers: an average without them would pair averaged weights with the
    statistics of other weights, so floating-point buffers are averaged too; integer ones are copied.

    Args:
        model: whose states are averaged.
        decay: share of the average that stays at each update, approached as (1 + n) / (10 + n).
    """

    def __init__(self, model: Network, decay: float):
        self.average: Network = copy.deepcopy(model).requires_grad_(False).eval() if decay else model
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average one step towards `model`."""
        if not self.decay:
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        current = model.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name].to(value.dtype), 1 - decay)
            else:
                value.copy_(current[name])

    def state_dict(self) -> dict:
        """Return what a checkpoint must hold."""
        return {"average": self.average.state_dict(), "updates": self.updates} if self.decay else {}

    def load_state_dict(self, state: dict) -> None:
        """Take up what a checkpoint held."""
        if self.decay:
            self.average.load_state_dict(state["average"])
            self.updates = state["updates"]
