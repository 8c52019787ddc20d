"""Identities between two people's, and beyond."""

import torch
import torch.nn.functional as F


def mix_identities(z_target: torch.Tensor, z_source: torch.Tensor, strength: float) -> torch.Tensor:
    """Return the identity on the line from z_target, 0, through z_source, 1, of unit length; all (B, d)."""
    return F.normalize(torch.lerp(F.normalize(z_target), F.normalize(z_source), strength))
