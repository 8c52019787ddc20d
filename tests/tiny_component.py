"""A real component, as small as one can be, and its manifest."""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin, FrozenMixin
from faceshifter_hub.registry import IdentitySpace, Interface, Manifest

MANIFEST = Manifest.model_validate(
    {
        "name": "tiny",
        "kind": "hear_refiner",
        "class": "tiny_component:Tiny",
        "description": "a tiny refiner",
        "code_licence": "Apache-2.0",
        "weights_licence": "CC0-1.0",
        "commercial_use": True,
        "training_data": "nothing at all",
        "source": {"type": "untrained", "config": {"channels": 4}},
        "interface": {"resolution": 64},
        "metrics": [{"name": "PSNR", "value": 12.5, "data": "noise", "command": "faceshifter evaluate noise"}],
    }
)


class Tiny(ComponentMixin, ModelMixin, ConfigMixin):
    """Parameters, a buffer of integers (batch normalisation counts) and a buffer that is not saved."""

    kind = "hear_refiner"

    @register_to_config
    def __init__(self, resolution: int = 64, channels: int = 2, widths: tuple[int, ...] = (1, 2)):
        super().__init__()
        if channels < 1:
            raise ValueError(f"{channels} channels")
        self.conv = nn.Conv2d(3, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.register_buffer("ramp", torch.arange(3.0).view(3, 1, 1), persistent=False)

    @classmethod
    def interface_of(cls, config):
        return Interface(resolution=config["resolution"])

    def forward(self, x):
        return self.norm(self.conv(x + self.ramp))


class FrozenTiny(FrozenMixin, Tiny):
    """An encoder: reads a file of its own format, one number a line, as well as safetensors."""

    kind = "identity_encoder"

    @classmethod
    def interface_of(cls, config):
        return Interface(identity_space=IdentitySpace(name="tiny", width=config["channels"]))

    @classmethod
    def from_files(cls, files):
        encoder = cls(channels=1)
        numbers = [float(line) for line in files["numbers.txt"].read_text().splitlines()]
        nn.init.constant_(encoder.conv.weight, numbers[0])
        return encoder
