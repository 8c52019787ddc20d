"""The losses of both stages (arXiv 1912.13457, equations 6 to 9 and 12 to 15), and ours beside them.

Squared norms are means over elements, as in every reimplementation, so that weights do not depend on the resolution.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

ALIKE = 4 / 127.5  # four levels of a picture in [-1, 1]: less is compression
LIGHT_CELLS, CHROMA_CELLS = 8, 24  # averages along a side of the picture


def hinge_generator_loss(on_fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """L_adv for the generator: minus the mean score of what it drew, averaged over the scales."""
    return torch.stack([-scores.mean() for scores in on_fake]).mean()


def hinge_discriminator_loss(on_real: Sequence[torch.Tensor], on_fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """L_adv for the discriminator, averaged over the scales."""
    per_scale = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(on_real, on_fake, strict=True)]
    return torch.stack(per_scale).mean()


def r1_penalty(discriminator: Callable[[torch.Tensor], Sequence[torch.Tensor]], real: torch.Tensor) -> torch.Tensor:
    """Ours: 1/2 |d score / d X|^2 on real pictures (B, 3, R, R), averaged over the batch (arXiv 1801.04406).

    A picture's score is the mean over its patches and the scales.
    """
    real = real.detach().requires_grad_()
    score = torch.stack([scores.flatten(1).mean(1) for scores in discriminator(real)]).mean(0)  # (B,)
    (gradient,) = torch.autograd.grad(score.sum(), real, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1).mean()


def identity_loss(z_result: torch.Tensor, z_source: torch.Tensor) -> torch.Tensor:
    """L_id = 1 - cos(z_id(Y), z_id(X_s)), both (B, d), averaged over the batch (equation 7)."""
    return (1 - F.cosine_similarity(z_result, z_source, dim=1)).mean()


def target_identity_loss(z_result: torch.Tensor, z_target: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """Ours: cos(z_id(Y), z_id(X_t)) where it is above 0 and the people differ: the result must not be the target."""
    return (F.cosine_similarity(z_result, z_target, dim=1).clamp(min=0) * ~same).mean()


def attribute_loss(z_result: Sequence[torch.Tensor], z_target: Sequence[torch.Tensor]) -> torch.Tensor:
    """L_att = 1/2 sum over k of |z_att^k(Y) - z_att^k(X_t)|^2 (equation 8)."""
    return 0.5 * torch.stack([F.mse_loss(r, t) for r, t in zip(z_result, z_target, strict=True)]).sum()


def reconstruction_loss(result: torch.Tensor, target: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    """L_rec = 1/2 |Y - X_t|^2 where X_s = X_t, else 0 (equation 9).

    Args:
        result: Y, (B, 3, R, R).
        target: X_t, (B, 3, R, R).
        same: (B,) bool, whether source and target are the same picture.
    """
    return 0.5 * _masked_mean((result - target).square(), same)


def true_swap_loss(result: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
    """Ours: |Y - truth| within the face, where the true swap is known: what lies outside, pasting replaces.

    Args:
        result: Y, (B, 3, R, R).
        truth: (B, 3, R, R).
        known: (B,) bool.
        face: its soft mask, (R, R).
    """
    return _masked_mean((result - truth).abs() * face, known) / face.mean()


def detail_loss(result: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
    """Ours: |Y - truth| of what a 3x3 mean takes away, within the face, where the true swap is known.

    Edges count more than in `true_swap_loss`, and so do the fine patterns that upsampling leaves.

    Args:
        result: see `true_swap_loss`; so are the others.
        truth: (B, 3, R, R).
        known: (B,) bool.
        face: (R, R).
    """
    error = result - truth
    fine = error - F.avg_pool2d(error, 3, stride=1, padding=1, count_include_pad=False)  # (B, 3, R, R)
    return _masked_mean(fine.abs() * face, known) / face.mean()


def kept_loss(
    result: torch.Tensor, target: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, face: torch.Tensor
) -> torch.Tensor:
    """Ours: |Y - truth| at those pixels of the face where the true swap shows what the target shows: occluders.

    A mean over these pixels alone, few as they are, and 0 where there are none. No mask of an occluder is needed.

    Args:
        result: see `true_swap_loss`; so are the others.
        target: X_t, (B, 3, R, R).
        truth: (B, 3, R, R).
        known: (B,) bool.
        face: (R, R).
    """
    alike = (truth - target).abs().amax(1) < ALIKE  # (B, R, R)
    weight = alike * face * known[:, None, None]
    return ((result - truth).abs().mean(1) * weight).sum() / weight.sum().clamp(min=1)


def change_loss(result: torch.Tensor, first_stage: torch.Tensor) -> torch.Tensor:
    """L'_chg = |Y^_st - Y_st| (equation 13)."""
    return F.l1_loss(result, first_stage)


def surroundings_loss(result: torch.Tensor, target: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
    """Ours: |Y - X_t| outside the face; (B, 3, R, R) twice and the face's soft mask (R, R)."""
    outside = 1 - face
    return ((result - target).abs() * outside).mean() / outside.mean()


def colour_loss(result: torch.Tensor, target: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Ours: Y's coarse light and its chroma, against X_t's, both (B, 3, R, R), where the true swap is unknown (B,).

    Another person's features are drawn in light and shade; in chroma there is no detail to draw.
    """
    light, wanted_light = (F.adaptive_avg_pool2d(x.mean(1, keepdim=True), LIGHT_CELLS) for x in (result, target))
    coarse = F.interpolate(F.adaptive_avg_pool2d(target, CHROMA_CELLS), target.shape[-2:], mode="bilinear")
    chroma, wanted_chroma = (x - x.mean(1, keepdim=True) for x in (result, coarse))  # (B, 3, R, R)
    return _masked_mean((light - wanted_light).abs(), ~known) + _masked_mean((chroma - wanted_chroma).abs(), ~known)


def feature_loss(result: Sequence[torch.Tensor], truth: Sequence[torch.Tensor], known: torch.Tensor) -> torch.Tensor:
    """Ours: |phi(Y) - phi(truth)| over an identity encoder's inner maps, each relative to the truth's magnitude."""
    terms = [
        _masked_mean((r - t).abs(), known) / t.abs().mean().clamp(min=1e-6) for r, t in zip(result, truth, strict=True)
    ]
    return torch.stack(terms).mean()


def _masked_mean(error: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean over the chosen samples and all their elements, as a share of the whole batch: 0 when none is chosen."""
    return (error.flatten(1).mean(1) * chosen).sum() / len(chosen)
