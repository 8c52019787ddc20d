"""L_adv's turn in a training step: the discriminator learns to tell true from drawn, the network hears its scores."""

from collections.abc import Mapping

import torch
from accelerate import Accelerator
from pydantic import Field
from torch import nn

from faceshifter_hub.models.face_region import face_region
from trainers import losses, run
from trainers.discriminator import MultiscaleDiscriminator
from trainers.options import TrainingOptions

R1_STEPS = 16  # the penalty changes slowly, so it is due now and then, that much heavier (StyleGAN2, arXiv 1912.04958)


class AdversarialOptions(TrainingOptions):
    """Options of L_adv."""

    adversarial_weight: float = 1.0
    adversarial_face: bool = Field(
        False, description="ours: L_adv judges the face alone, and true swaps of it where they are known"
    )
    discriminator_start_step: int = Field(0, ge=0, description="ours: no L_adv before this step")
    discriminator_learning_rate: float = Field(4e-4, gt=0)
    r1_weight: float = Field(0.0, ge=0, description=f"ours: R1 penalty on the discriminator, every {R1_STEPS}th step")


class Adversary:
    """The multi-scale discriminator of the recipe's [model.discriminator], and its optimiser; neither, at weight 0.

    Args:
        options: of the run.
        accelerator: prepares both, after what was prepared before.
    """

    def __init__(self, options: AdversarialOptions, accelerator: Accelerator):
        self.options, self.accelerator = options, accelerator
        self.networks = list[nn.Module]()
        if not options.adversarial_weight:
            return
        discriminator = run.build(MultiscaleDiscriminator, options.model, "discriminator")
        rate = options.discriminator_learning_rate
        optimizer = run.adam(discriminator, options.model_copy(update={"learning_rate": rate}))
        self.discriminator, self.optimizer = accelerator.prepare(discriminator, optimizer)
        self.networks.append(self.discriminator)
        # the bare one, for the network's turn and for R1, which is computed in full precision
        self.judge = accelerator.unwrap_model(self.discriminator, keep_fp32_wrapper=False)
        self.face = face_region(options.resolution).to(accelerator.device)

    def turn(self, batch: Mapping[str, torch.Tensor], result: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        """Let the discriminator learn from a batch, then score what the network drew.

        Args:
            batch: `target` and `truth`, (B, 3, R, R).
            result: Y, (B, 3, R, R).
            step: the number of this one, from 0.

        Returns:
            `discriminator`, with `r1` when that is due, which it has learnt from; `adversarial`, for the network to
            learn from. Nothing before `discriminator_start_step`.
        """
        if not self.options.adversarial_weight or step < self.options.discriminator_start_step:
            return {}
        if self.options.adversarial_face:
            real, fake = judged(batch["truth"], result, self.face)
        else:
            real, fake = batch["target"], result
        with self.accelerator.autocast():
            on_both = self.discriminator(torch.cat([real, fake.detach()]))
        halves = [s.float().chunk(2) for s in on_both]
        values = {"discriminator": losses.hinge_discriminator_loss([r for r, _ in halves], [f for _, f in halves])}
        if self.options.r1_weight and step % R1_STEPS == 0:
            values["r1"] = losses.r1_penalty(self.judge, real)
        penalty = R1_STEPS * self.options.r1_weight * values.get("r1", 0.0)
        self.accelerator.backward(values["discriminator"] + penalty)
        self.optimizer.step()
        self.optimizer.zero_grad()

        self.judge.requires_grad_(False)  # it must gather no gradients from the network's turn
        with self.accelerator.autocast():
            scores = self.judge(fake)
        self.judge.requires_grad_(True)
        return values | {"adversarial": losses.hinge_generator_loss([s.float() for s in scores])}


def judged(truth: torch.Tensor, result: torch.Tensor, face: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the discriminator is to tell apart, real and drawn, of all (B, 3, R, R) and the face (R, R).

    What lies outside the face, pasting replaces, so it is no one's fault. And a true swap differs from the drawing in
    nothing but how it is drawn: against other photographs, a discriminator of few steps learnt next to nothing.
    """
    return truth * face, result * face
