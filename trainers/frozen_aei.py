"""A trained stage 1 as stage 2 uses it: frozen."""

import hashlib

import torch
from torch import nn

from faceshifter_hub.component import FrozenMixin
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.identity_mixing import mix_identities


class FrozenAEI(FrozenMixin, nn.Module):
    """AEI-Net, and what stage 2 asks of it.

    Args:
        address: of a folder or repository with attribute_encoder/ and aad_generator/, as stage 1 leaves them.
        identity_encoder: a frozen one of the space that the generator reads.
    """

    def __init__(self, address: str, identity_encoder: nn.Module):
        super().__init__()
        self.encoder = MultilevelAttributeEncoder.from_pretrained(part_address(address, "attribute_encoder"))
        self.generator = AADGenerator.from_pretrained(part_address(address, "aad_generator"))
        self.identity_encoder = identity_encoder
        self.eval()

    @torch.no_grad()
    def forward(self, target: torch.Tensor, z_source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return Y^_st and dY_t = X_t - Y^_tt, both (B, 3, R, R), for `target` (B, 3, R, R) and z_source (B, d).

        The swap goes as far as the generator's `identity_gain` says, as it does in the pipeline.
        """
        modulations = self.generator.modulate_attributes(self.encoder(target))
        z_target = self.identity_encoder(target)  # (B, d)
        z_swap = mix_identities(z_target, z_source, self.generator.config.identity_gain)
        identities = torch.stack([z_swap, z_target], dim=1).flatten(0, 1)  # (2B, d)
        both, _ = self.generator.generate(identities, modulations)  # (2B, 3, R, R)
        return both[0::2].float(), target - both[1::2].float()

    @torch.no_grad()
    def error(self, target: torch.Tensor) -> torch.Tensor:
        """Return dY_t = X_t - Y^_tt alone, (B, 3, R, R), for `target` (B, 3, R, R)."""
        return target - self.generator(self.identity_encoder(target), self.encoder(target)).float()

    def digest(self) -> str:
        """Return a SHA-256 of all weights."""
        found = hashlib.sha256()
        for name, value in self.state_dict().items():
            found.update(name.encode() + value.detach().cpu().numpy().tobytes())
        return found.hexdigest()


def part_address(address: str, part: str) -> str:
    """Return the address of a component in a folder or repository; a revision stays at the end."""
    location, at, revision = address.partition("@") if address.startswith("hf://") else (address, "", "")
    return f"{location}/{part}{at}{revision}"
