"""A training run's folder: metrics a step, sample grids, checkpoints that resume."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from PIL import Image
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from faceshifter_hub.errors import TrainingError
from trainers.options import TrainingOptions


def start(options: TrainingOptions) -> Accelerator:
    """Set the seed, make the output folder, start Accelerate.

    Raises:
        TrainingError: The output folder cannot be made.
    """
    accelerator = Accelerator(mixed_precision=options.mixed_precision)
    set_seed(options.seed, device_specific=True)
    try:
        options.output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"The output folder {options.output_dir} cannot be made: {error.strerror}.") from None
    return accelerator


Network = TypeVar("Network", bound=nn.Module)
PRINT_STEPS = 20


def build(cls: type[Network], model: Mapping[str, Mapping[str, Any]], section: str, **given: Any) -> Network:
    """Build the network that a section of the recipe's [model] configures.

    Raises:
        TrainingError: The section is missing, or no configuration of this class.
    """
    if section not in model:
        raise TrainingError(f"The recipe lacks [model.{section}], the configuration of the {cls.__name__}.")
    try:
        return cls(**given, **model[section])
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"[model.{section}] of the recipe is no configuration of a {cls.__name__}: {error}."
        ) from None


def adam(network: nn.Module, options: TrainingOptions) -> torch.optim.Adam:
    """Return the paper's optimiser; betas are both floats, which torch demands."""
    betas = (float(options.adam_beta1), float(options.adam_beta2))
    return torch.optim.Adam(network.parameters(), options.learning_rate, betas=betas)


def schedule(optimizer: torch.optim.Optimizer, options: TrainingOptions) -> LambdaLR:
    """Warm up linearly, hold, decay linearly to zero over the last `lr_decay_steps`."""

    def factor(step: int) -> float:
        warm = min((step + 1) / options.lr_warmup_steps, 1.0) if options.lr_warmup_steps else 1.0
        left = (options.max_train_steps - step) / options.lr_decay_steps if options.lr_decay_steps else 1.0
        return warm * min(max(left, 0.0), 1.0)

    return LambdaLR(optimizer, factor)


def samples_before(step: int, options: TrainingOptions, accelerator: Accelerator) -> int:
    """Return how many samples all processes together have taken before a step."""
    return step * options.train_batch_size * accelerator.num_processes


def loader(data: Dataset, options: TrainingOptions, accelerator: Accelerator, first_step: int) -> DataLoader:
    """Return the batches from `first_step` on; sample n depends on n alone, so a resumed run sees the same."""
    seen = samples_before(first_step, options, accelerator)
    rest = Subset(data, range(seen, len(data)))  # type: ignore[arg-type]
    return make_loader(rest, options, options.dataloader_num_workers)


def live_loader(data: IterableDataset, options: TrainingOptions) -> DataLoader:
    """Return the batches of samples that are rendered meanwhile, in processes of their own: the loader has none."""
    return make_loader(data, options, 0)


def make_loader(data: Dataset, options: TrainingOptions, num_workers: int) -> DataLoader:
    """Return the batches of a data set in its order."""
    return DataLoader(
        data,
        options.train_batch_size,
        num_workers=num_workers,
        drop_last=True,
        generator=torch.Generator(),  # else the loader draws from torch's global state, which a resumed run restored
    )


def latest_checkpoint(options: TrainingOptions) -> Path | None:
    """Return the checkpoint that `resume_from_checkpoint` names, None where a run starts anew.

    Raises:
        TrainingError: The checkpoint named does not exist.
    """
    if options.resume_from_checkpoint is None:
        return None
    if options.resume_from_checkpoint == "latest":
        found = sorted(options.output_dir.glob("checkpoint-*[0-9]"), key=checkpoint_step)
        return found[-1] if found else None
    path = Path(options.resume_from_checkpoint)
    if not path.is_dir():
        raise TrainingError(f"There is no checkpoint {path}; name a folder checkpoint-N, or `latest`.")
    return path


def checkpoint_step(path: Path) -> int:
    """Return N of checkpoint-N."""
    return int(path.name.rpartition("-")[2])


def save_checkpoint(accelerator: Accelerator, options: TrainingOptions, step: int) -> None:
    """Write checkpoint-N whole or not at all, then drop the older ones."""
    final = options.output_dir / f"checkpoint-{step}"
    partial = options.output_dir / f"partial-checkpoint-{step}"
    accelerator.save_state(str(partial))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        for old in options.output_dir.glob("checkpoint-*[0-9]"):
            if checkpoint_step(old) < step:
                shutil.rmtree(old)


class Reporter:
    """Writes every step's losses to metrics.jsonl, and prints some with the speed since `first_step`."""

    def __init__(self, options: TrainingOptions, first_step: int):
        self.options, self.first_step, self.started = options, first_step, time.monotonic()

    def report(self, step: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Tell what step number `step` gave."""
        values = {name: loss.item() for name, loss in losses.items()}
        with (self.options.output_dir / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps({"step": step, **values}) + "\n")
        if step % PRINT_STEPS == 0:
            rate = (step - self.first_step) / (time.monotonic() - self.started)
            shown = " ".join(f"{name} {value:.3f}" for name, value in values.items())
            print(f"step {step}/{self.options.max_train_steps} {rate:.2f} steps/s {shown}", flush=True)


def save_grid(path: Path, columns: Sequence[torch.Tensor]) -> None:
    """Write pictures side by side: every column is (B, 3, R, R) in [-1, 1], every row a sample."""
    path.parent.mkdir(exist_ok=True)
    rows = torch.cat([c.float().cpu().clamp(-1, 1) for c in columns], dim=3)  # (B, 3, R, columns R)
    picture = rows.permute(0, 2, 3, 1).flatten(0, 1)  # (B R, columns R, 3)
    Image.fromarray(((picture + 1) * 127.5).round().to(torch.uint8).numpy()).save(path)
