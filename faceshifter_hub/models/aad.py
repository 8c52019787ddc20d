"""The AAD generator: Adaptive Attentional Denormalization, stage 1's decoder.

Reference: Li, Bao, Yang, Chen, Wen, "FaceShifter: Towards High Fidelity And Occlusion Aware Face Swapping",
arXiv 1912.13457, section 3.1.

What the paper leaves open, or its reimplementations do differently, is configuration: the normalisation of h, the
channels of the mask M, the kernel of the attribute convolutions, how identity and attributes are integrated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.registry import AttributeSpace, IdentitySpace, Interface

Normalization = Literal["instance", "batch"]
Integration = Literal["aad", "add", "cat", "spade", "adain"]
Modulation = tuple[torch.Tensor, torch.Tensor]  # gamma and beta


def parameter_free_norm(normalization: Normalization, channels: int) -> nn.Module:
    """Return the normalisation of h, which carries no affine of its own: AAD denormalises."""
    if normalization == "instance":  # a group a channel is the same, and on a CPU several times faster
        return nn.GroupNorm(channels, channels, affine=False)
    return nn.BatchNorm2d(channels, affine=False)


def halves(modulation: torch.Tensor | None) -> Modulation | None:
    """Take gamma and beta, stacked along the channels, apart."""
    if modulation is None:
        return None
    gamma, beta = modulation.chunk(2, dim=1)
    return gamma, beta


class AADLayer(nn.Module):
    """One AAD layer (section 3.1, equations 2 to 5).

    With h normalised to h_bar, the attributes give A = gamma_att * h_bar + beta_att, the identity gives
    I = gamma_id * h_bar + beta_id, and a mask seen by h_bar, M = sigmoid(conv(h_bar)), chooses between them:
    (1 - M) * A + M * I.

    Args:
        channels: C, of h and of the output.
        attribute_channels: C_att, of z_att at this level.
        identity_dim: d, width of z_id.
        normalization: of h, over each image (the paper) or over the batch.
        channelwise_mask: whether M has C channels instead of one.
        attribute_kernel: 1 or 3, kernel of the convolution that gives gamma_att and beta_att.
        integration: `aad`, the paper's ablations `add` (M held at 0.5) and `cat` (A and I concatenated, then a 1x1
            convolution), or AAD's ancestors `spade` (M held at 0) and `adain` (M held at 1).
    """

    def __init__(
        self,
        channels: int,
        attribute_channels: int,
        identity_dim: int,
        normalization: Normalization = "instance",
        channelwise_mask: bool = False,
        attribute_kernel: int = 1,
        integration: Integration = "aad",
    ):
        super().__init__()
        self.integration = integration
        self.norm = parameter_free_norm(normalization, channels)
        if integration != "adain":
            padding = attribute_kernel // 2
            self.attribute_modulation = nn.Conv2d(attribute_channels, 2 * channels, attribute_kernel, padding=padding)
        if integration != "spade":
            self.identity_modulation = nn.Linear(identity_dim, 2 * channels)
        if integration == "aad":
            self.mask = nn.Conv2d(channels, channels if channelwise_mask else 1, 1)
        if integration == "cat":
            self.merge = nn.Conv2d(2 * channels, channels, 1)
        with torch.no_grad():  # gamma starts around 1: at first every layer lets h_bar through
            for name in ("attribute_modulation", "identity_modulation"):
                if hasattr(self, name):
                    getattr(self, name).bias[:channels] += 1

    def modulate_attributes(self, z_att: torch.Tensor) -> torch.Tensor | None:
        """Turn z_att (B, C_att, H, W) into gamma_att and beta_att, stacked as (B, 2C, H, W); None for `adain`."""
        return None if self.integration == "adain" else self.attribute_modulation(z_att)

    def forward(
        self, h: torch.Tensor, z_id: torch.Tensor, attributes: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Denormalise h by identity and attributes.

        Args:
            h: (B * r, C, H, W), of the r identities of each of B targets side by side.
            z_id: (B * r, d).
            attributes: what `modulate_attributes` gave of the targets, (B, 2C, H, W).

        Returns:
            The integrated activation (B * r, C, H, W), and M (B * r, 1 or C, H, W), None where M is held.
        """
        identity = None if self.integration == "spade" else self.identity_modulation(z_id)
        return self.integrate(self.norm(h), halves(identity), halves(attributes))

    def integrate(
        self, h_bar: torch.Tensor, identity: Modulation | None, attributes: Modulation | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Denormalise what `norm` gave.

        Args:
            h_bar: (B * r, C, H, W).
            identity: gamma_id and beta_id, (B * r, C); None for `spade`.
            attributes: gamma_att and beta_att, (B, C, H, W), each for r pictures side by side; None for `adain`.

        Returns:
            As `forward`.
        """
        if attributes is not None:
            gamma, beta = attributes[0][:, None], attributes[1][:, None]  # 2 x (B, 1, C, H, W)
            a = torch.addcmul(beta, gamma, h_bar.unflatten(0, (gamma.shape[0], -1))).flatten(0, 1)  # (B r, C, H, W)
        if identity is not None:
            gamma, beta = identity[0][:, :, None, None], identity[1][:, :, None, None]  # 2 x (B r, C, 1, 1)
            i = torch.addcmul(beta, gamma, h_bar)
        match self.integration:
            case "aad":
                m = torch.sigmoid(self.mask(h_bar))  # (B r, 1 or C, H, W)
                return torch.addcmul(a, m, i - a), m
            case "add":
                return 0.5 * (a + i), None
            case "cat":
                return self.merge(torch.cat([a, i], dim=1)), None
            case "spade":
                return a, None
            case "adain":
                return i, None
        raise AssertionError(self.integration)


class AADResBlock(nn.Module):
    """AAD, ReLU, 3x3 convolution, twice; beside it a skip, itself AAD, ReLU, convolution when the channels change.

    Args:
        channels_in: of h.
        channels_out: of the output.
        attribute_channels: see `AADLayer`.
        identity_dim: see `AADLayer`.
        narrow: whether the first convolution already changes the channels; else the second does.
        **aad: see `AADLayer`.
    """

    gradient_checkpointing = False  # this and the next are what `enable_gradient_checkpointing` of diffusers sets
    _gradient_checkpointing_func: Any

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        attribute_channels: int,
        identity_dim: int,
        narrow: bool = False,
        **aad: Any,
    ):
        super().__init__()
        hidden = channels_out if narrow else channels_in
        self.aad1 = AADLayer(channels_in, attribute_channels, identity_dim, **aad)
        self.conv1 = nn.Conv2d(channels_in, hidden, 3, padding=1)
        self.aad2 = AADLayer(hidden, attribute_channels, identity_dim, **aad)
        self.conv2 = nn.Conv2d(hidden, channels_out, 3, padding=1)
        self.learned_skip = channels_in != channels_out
        if self.learned_skip:
            self.aad_skip = AADLayer(channels_in, attribute_channels, identity_dim, **aad)
            self.conv_skip = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def aad_layers(self) -> list[AADLayer]:
        """Return the two or three AAD layers, in the order of `modulate_attributes`."""
        return [self.aad1, self.aad2] + ([self.aad_skip] if self.learned_skip else [])

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the convolution that follows each AAD layer, in the same order."""
        return [self.conv1, self.conv2] + ([self.conv_skip] if self.learned_skip else [])

    def modulate_attributes(self, z_att: torch.Tensor) -> list[torch.Tensor | None]:
        """Turn z_att (B, C_att, H, W) into the attribute modulation of each AAD layer of the block."""
        return [layer.modulate_attributes(z_att) for layer in self.aad_layers()]

    def forward(
        self, h: torch.Tensor, z_id: torch.Tensor, attributes: Sequence[torch.Tensor | None], modulated: bool = True
    ) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
        """Return the block's output (B, C_out, H, W) and the mask of each AAD layer.

        Args:
            h: (B, C_in, H, W).
            z_id: (B, d).
            attributes: for each AAD layer, what `modulate_attributes` gave or, if not `modulated`, z_att itself.
            modulated: which of the two.
        """
        y, m1 = self.branch(self.aad1, self.conv1, h, z_id, attributes[0], modulated)  # (B, C_in or C_out, H, W)
        y, m2 = self.branch(self.aad2, self.conv2, y, z_id, attributes[1], modulated)  # (B, C_out, H, W)
        if not self.learned_skip:
            return h + y, [m1, m2]
        s, m3 = self.branch(self.aad_skip, self.conv_skip, h, z_id, attributes[2], modulated)  # (B, C_out, H, W)
        return s + y, [m1, m2, m3]

    def branch(self, aad: AADLayer, conv: nn.Conv2d, *inputs: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        """AAD, ReLU, convolution; computed again on the way back, if that was switched on."""
        if self.gradient_checkpointing and torch.is_grad_enabled():
            return self._gradient_checkpointing_func(denormalise, aad, conv, *inputs)
        return denormalise(aad, conv, *inputs)


def denormalise(
    aad: AADLayer,
    conv: nn.Conv2d,
    h: torch.Tensor,
    z_id: torch.Tensor,
    attributes: torch.Tensor | None,
    modulated: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """AAD, ReLU, convolution: (B, C_out, H, W) and the mask. What lies between is what a training step is full of."""
    if attributes is not None and not modulated:
        attributes = aad.modulate_attributes(attributes)
    y, mask = aad(h, z_id, attributes)  # (B, C_in, H, W)
    return conv(F.relu(y)), mask


class AADGenerator(ComponentMixin):
    """Identity and attributes in, the swapped face out (section 3.1).

    z_id is lifted to a small map, then one AAD ResBlk a level follows, bilinear upsampling between them, tanh at the
    end. The defaults are the paper's widths for 256x256.

    Args:
        resolution: R, of the face it draws.
        identity_space: name of the space z_id lives in.
        identity_dim: d, width of z_id.
        attribute_space: name of the space z_att lives in.
        attribute_channels: C_k of z_att, coarsest level first; one block a level.
        stem_channels: of the map that z_id is lifted to.
        channels: output width of each block; the last is 3 unless `output_upscale` says otherwise.
        output_upscale: 1 for the paper; above it, a 3x3 convolution and a pixel shuffle of that factor end the
            network, so that its finest block works at R / output_upscale.
        attribute_levels: how many levels, from the coarsest on, bring attributes; finer blocks see the identity
            alone (the paper's ablation of the number of levels). None for all.
        narrow_blocks: see `AADResBlock`.
        normalization: see `AADLayer`.
        channelwise_mask: see `AADLayer`.
        attribute_kernel: see `AADLayer`.
        integration: see `AADLayer`.
        identity_gain: how many times the way from the target's z_id to the source's a swap has to go, so that it
            comes as near to the source as a trained network can bring it (ours, chosen on validation data).
    """

    kind: ClassVar[str] = "aad_generator"
    _supports_gradient_checkpointing = True

    @register_to_config
    def __init__(
        self,
        resolution: int = 256,
        identity_space: str = "arcface-buffalo-l",
        identity_dim: int = 512,
        attribute_space: str = "paper-256",
        attribute_channels: tuple[int, ...] = (1024, 2048, 1024, 512, 256, 128, 64, 64),
        stem_channels: int = 1024,
        channels: tuple[int, ...] = (1024, 1024, 1024, 512, 256, 128, 64, 3),
        output_upscale: int = 1,
        attribute_levels: int | None = None,
        narrow_blocks: bool = False,
        normalization: Normalization = "instance",
        channelwise_mask: bool = False,
        attribute_kernel: int = 1,
        integration: Integration = "aad",
        identity_gain: float = 1.0,
    ):
        super().__init__()
        sizes = [resolution // output_upscale // 2**k for k in reversed(range(len(channels)))]
        check_widths(resolution, sizes, attribute_channels, channels, output_upscale)
        self.lift = nn.ConvTranspose2d(identity_dim, stem_channels, sizes[0])
        levels = len(channels) if attribute_levels is None else attribute_levels
        # named by the size of the map: a network grown to a higher resolution keeps its coarse blocks
        self.blocks = nn.ModuleDict()
        widths_in = (stem_channels, *channels[:-1])
        for k, (size, c_in, c_out, c_att) in enumerate(
            zip(sizes, widths_in, channels, attribute_channels, strict=True)
        ):
            self.blocks[str(size)] = AADResBlock(
                c_in,
                c_out,
                c_att,
                identity_dim,
                narrow_blocks,
                normalization=normalization,
                channelwise_mask=channelwise_mask,
                attribute_kernel=attribute_kernel,
                integration=integration if k < levels else "adain",
            )
        if output_upscale > 1:
            self.to_rgb = nn.Conv2d(channels[-1], 3 * output_upscale**2, 3, padding=1)

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the spaces this generator reads and the face it draws."""
        return Interface(
            resolution=config["resolution"],
            identity_space=IdentitySpace(name=config["identity_space"], width=config["identity_dim"]),
            attribute_space=AttributeSpace(
                name=config["attribute_space"], channels=tuple(config["attribute_channels"])
            ),
        )

    def modulate_attributes(self, z_att: Sequence[torch.Tensor]) -> list[list[torch.Tensor | None]]:
        """Compute every gamma_att and beta_att, once for all identities drawn with these attributes.

        Args:
            z_att: n maps (B, C_k, S_k, S_k), coarsest first.

        Returns:
            For each block, for each of its AAD layers: (B, 2C, S_k, S_k), or None where attributes do not enter.
        """
        blocks: Iterable[Any] = self.blocks.values()
        return [block.modulate_attributes(z) for block, z in zip(blocks, z_att, strict=True)]

    def generate(
        self, z_id: torch.Tensor, modulations: Sequence[Sequence[torch.Tensor | None]]
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Draw identities with attributes that `modulate_attributes` prepared.

        Args:
            z_id: (B * r, d): the r identities of each of the B targets side by side; only their directions count.
            modulations: for B targets.

        Returns:
            The faces (B * r, 3, R, R) in [-1, 1], and M^k of each level that has one, (B * r, 1, S_k, S_k), the mean
            over the level's AAD layers.
        """
        return self.draw(z_id, modulations, modulated=True)

    def forward(self, z_id: torch.Tensor, z_att: Sequence[torch.Tensor]) -> torch.Tensor:
        """Draw the face of identity z_id (B, d) with attributes z_att: (B, 3, R, R) in [-1, 1]."""
        return self.draw(z_id, [[z] * 3 for z in z_att], modulated=False)[0]  # a block has three AAD layers at most

    def draw(
        self, z_id: torch.Tensor, attributes: Sequence[Sequence[torch.Tensor | None]], modulated: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Run the blocks, with z_att or with what `modulate_attributes` made of it; returns what `generate` does."""
        # entries of unit size, whatever the encoder's scale: at length 1 the identity path would hardly learn
        z_id = F.normalize(z_id, dim=1) * z_id.shape[1] ** 0.5  # (B r, d)
        h = self.lift(z_id[:, :, None, None])  # (B r, C, S_1, S_1)
        masks = []
        for k, (block, given) in enumerate(zip(self.blocks.values(), attributes, strict=True)):
            if k:
                h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
            h, level = block(h, z_id, given, modulated)  # (B r, C_k, S_k, S_k)
            drawn = [m.mean(dim=1, keepdim=True) for m in level if m is not None]
            if drawn:
                masks.append(torch.stack(drawn).mean(dim=0))  # (B r, 1, S_k, S_k)
        if self.config.output_upscale > 1:
            h = F.pixel_shuffle(self.to_rgb(F.leaky_relu(h, 0.1)), self.config.output_upscale)  # (B r, 3, R, R)
        return torch.tanh(h), masks


def check_widths(
    resolution: int,
    sizes: Sequence[int],
    attribute_channels: Sequence[int],
    channels: Sequence[int],
    output_upscale: int,
) -> None:
    """Raise ValueError where widths and resolution contradict each other."""
    if len(attribute_channels) != len(channels):
        raise ValueError(f"{len(attribute_channels)} attribute levels for {len(channels)} blocks: give one a block")
    if sizes[0] < 2 or sizes[-1] * output_upscale != resolution or sizes[0] * 2 ** (len(sizes) - 1) != sizes[-1]:
        raise ValueError(f"{len(channels)} levels do not fit a resolution of {resolution}: the coarsest map needs 2x2")
    if output_upscale == 1 and channels[-1] != 3:
        raise ValueError(f"the last block must draw 3 channels, not {channels[-1]}, unless output_upscale is above 1")
