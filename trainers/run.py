"""A training run: its beginning, the end of each of its steps, and its folder of metrics, samples and checkpoints."""

import json
import math
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker
from accelerate.utils import send_to_device, set_seed
from PIL import Image
from safetensors import SafetensorError
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset, Subset

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import TrainingError, first_line
from faceshifter_hub.publishing.toml import to_toml
from faceshifter_hub.publishing.upload import check_repository, publish
from trainers.curves import draw_curves
from trainers.ema import EMA
from trainers.options import TrainingOptions
from trainers.pairs import PairStream, SwapPairs
from trainers.watch import Watch


def start(options: TrainingOptions) -> Accelerator:
    """Set the seed, make the output folder, start Accelerate.

    Raises:
        TrainingError: The output folder cannot be made or is of another run, a tracker is missing, or a push has no
            address.
        FaceShifterError: What is to be pushed at the end could not be.
    """
    if options.push_to_hub and options.hub_model_id is None:
        raise TrainingError("push_to_hub needs an address: give --hub_model_id OWNER/NAME.")
    if options.resume_from_checkpoint is None and checkpoints(options):
        raise TrainingError(
            f"{options.output_dir} holds the checkpoints of another run: go on with it by "
            "--resume_from_checkpoint latest, or give another --output_dir."
        )
    if options.report_to is not None and find_spec(options.report_to) is None:
        raise TrainingError(f"report_to = {options.report_to} needs a package: pip install {options.report_to}.")
    accelerator = Accelerator(
        mixed_precision=options.mixed_precision,
        gradient_accumulation_steps=options.gradient_accumulation_steps,
        log_with=options.report_to,
        project_dir=options.output_dir / "logs",
    )
    set_seed(options.seed, device_specific=True)
    try:
        options.output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"The output folder {options.output_dir} cannot be made: {error.strerror}.") from None
    if options.hub_model_id is not None and options.push_to_hub and accelerator.is_main_process:
        check_repository(options.hub_model_id)
    if options.report_to is not None:
        config = {name: str(value) for name, value in options}
        accelerator.init_trackers("faceshifter", config)
    return accelerator


def push(accelerator: Accelerator, options: TrainingOptions) -> None:
    """Publish the finished components, if that was asked for: the main process does, once.

    Raises:
        HubUnavailableError: The Hub cannot be reached, or refuses; what was trained stays in the output folder.
    """
    if options.hub_model_id is not None and options.push_to_hub and accelerator.is_main_process:
        published = publish(options.output_dir, options.hub_model_id)
        print(f"published as {options.hub_model_id}, commit {published.commit}")


def load_identity_encoder(options: TrainingOptions) -> Any:
    """Load the frozen identity encoder, on the CPU.

    Raises:
        TrainingError: No gradient flows through this one.
    """
    encoder = load_component(options.identity_encoder, "identity_encoder")
    if not hasattr(encoder, "features"):
        raise TrainingError(
            f"The losses need gradients through the identity encoder, and {options.identity_encoder} gives none: "
            "train with --identity_encoder dlib-resnet."
        )
    return encoder


Batch = Mapping[str, torch.Tensor]
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
    return step * options.train_batch_size * options.gradient_accumulation_steps * accelerator.num_processes


def loader(pairs: Dataset, options: TrainingOptions, accelerator: Accelerator, first_step: int) -> Iterable[Batch]:
    """Return the batches from `first_step` on; sample n depends on n alone, so a resumed run sees the same."""
    seen = samples_before(first_step, options, accelerator)
    rest = Subset(pairs, range(seen, len(pairs)))  # type: ignore[arg-type]
    return accelerator.prepare(make_loader(rest, options, options.dataloader_num_workers))


def stream_loader(
    pairs: SwapPairs, options: TrainingOptions, accelerator: Accelerator, first_step: int
) -> Iterable[Batch]:
    """Yield the same of pairs that come one after the other; every process makes its own, in one process beside it."""
    first = samples_before(first_step, options, accelerator)
    stream = PairStream(pairs, first, accelerator.process_index, accelerator.num_processes)
    for batch in make_loader(stream, options, 1):
        yield send_to_device(batch, accelerator.device, non_blocking=True)


def make_loader(data: Dataset, options: TrainingOptions, num_workers: int) -> DataLoader:
    """Return the batches of a data set in its order; the processes that load them are the threads."""
    if num_workers:
        cv2.setNumThreads(1)  # here: a forked process that tries waits for ever for threads it did not inherit
    return DataLoader(
        data,
        options.train_batch_size,
        num_workers=num_workers,
        drop_last=True,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # else the loader draws from torch's global state, which a resumed run restored
    )


def checkpoints(options: TrainingOptions) -> list[Path]:
    """Return the whole checkpoints of the output folder, the oldest first."""
    return sorted(options.output_dir.glob("checkpoint-*[0-9]"), key=checkpoint_step)


def latest_checkpoint(options: TrainingOptions) -> Path | None:
    """Return the checkpoint that `resume_from_checkpoint` names, None where a run starts anew.

    Raises:
        TrainingError: The checkpoint named does not exist.
    """
    if options.resume_from_checkpoint is None:
        return None
    if options.resume_from_checkpoint == "latest":
        found = checkpoints(options)
        return found[-1] if found else None
    path = Path(options.resume_from_checkpoint)
    if not path.is_dir():
        raise TrainingError(f"There is no checkpoint {path}; name a folder checkpoint-N, or `latest`.")
    return path


def checkpoint_step(path: Path) -> int:
    """Return N of checkpoint-N."""
    return int(path.name.rpartition("-")[2])


def save_checkpoint(
    accelerator: Accelerator, options: TrainingOptions, step: int, save: Callable[[Path], None]
) -> None:
    """Write checkpoint-N whole or not at all, then drop the oldest beyond `checkpoints_total_limit`.

    Args:
        accelerator: whose state is written.
        options: of the run.
        step: N.
        save: writes the components of this step into a folder: so a checkpoint can be evaluated as it is.

    Raises:
        TrainingError: It cannot be written.
    """
    final = options.output_dir / f"checkpoint-{step}"
    partial = options.output_dir / f"partial-checkpoint-{step}"
    try:
        accelerator.save_state(str(partial))
        if accelerator.is_main_process:
            save(partial)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors have their own for a full disk
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(
            f"{final} cannot be written ({first_line(error)}); earlier checkpoints are kept: make room, then go on "
            "with --resume_from_checkpoint latest."
        ) from error
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        older = [path for path in checkpoints(options) if checkpoint_step(path) < step]
        for path in older[: max(len(older) + 1 - options.checkpoints_total_limit, 0)]:
            shutil.rmtree(path)


def load_checkpoint(accelerator: Accelerator, checkpoint: Path) -> None:
    """Take up everything that a checkpoint holds.

    Raises:
        TrainingError: It is damaged, or of other networks than these.
    """
    try:
        accelerator.load_state(str(checkpoint))
    except (OSError, RuntimeError, ValueError, KeyError, IndexError, SafetensorError, UnpicklingError) as error:
        raise TrainingError(
            f"{checkpoint} cannot be resumed ({first_line(error)}): it is damaged, or of another recipe; the "
            f"one of its run is {checkpoint.parent / 'recipe.toml'}."
        ) from error


def check_space(options: TrainingOptions, network: nn.Module) -> None:
    """Find, before the first step, that there is room for the checkpoints.

    Raises:
        TrainingError: There is not.
    """
    weights = sum(value.nbytes for value in network.state_dict().values())
    # the weights, their average, Adam's two moments, the components; one checkpoint more, while the oldest is there
    needed = 5 * weights * (options.checkpoints_total_limit + 1)
    free = shutil.disk_usage(options.output_dir).free
    if free < needed:
        raise TrainingError(
            f"{options.output_dir} has {free / 2**30:.1f} GiB left, and the checkpoints of this run take "
            f"{needed / 2**30:.1f}: make room, or give another --output_dir."
        )


@contextmanager
def in_eval_mode(network: nn.Module) -> Iterator[None]:
    """Put a network that may be in training into eval mode for a while."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


class Loop:
    """Where a run stands, and what the steps of both stages have in common: their end.

    Args:
        accelerator: that prepared everything.
        options: of the run.
        network: the prepared network that is trained.
        optimizer: the prepared one of `network`.
        schedule: of the optimizer; not prepared, so that it moves once a step, whatever the number of processes.
        ema: average of `network`.
        save: writes the components into a folder; called in the main process.
        draw: writes a grid of samples of the step it is told, and returns where; called in the main process.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        options: TrainingOptions,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: LambdaLR,
        ema: EMA,
        save: Callable[[Path], None],
        draw: Callable[[int], Path],
    ):
        self.accelerator, self.options = accelerator, options
        self.network, self.optimizer, self.schedule, self.ema = network, optimizer, schedule, ema
        self.save, self.draw = save, draw
        check_space(options, network)
        # preparing gave every process the weights of the first: averages start from these, too
        if ema.decay:
            ema.average.load_state_dict(accelerator.unwrap_model(network).state_dict())
        accelerator.register_for_checkpointing(ema, schedule)
        self.step = 0
        checkpoint = latest_checkpoint(options)
        if checkpoint is not None:
            load_checkpoint(accelerator, checkpoint)
            self.step = checkpoint_step(checkpoint)
        self.watch, self.parts = Watch(), list[torch.Tensor]()
        if accelerator.is_main_process:
            recipe = to_toml(options.model_dump(mode="json", exclude_none=True))
            (options.output_dir / "recipe.toml").write_text(recipe, "utf-8")
            self.reporter = Reporter(accelerator, options, self.step)

    def finish(self, values: Mapping[str, torch.Tensor], weights: Mapping[str, float]) -> None:
        """Send the weighted losses backwards; where a step is whole, move the network, report, save what is due.

        Args:
            values: losses of this batch, by name.
            weights: of those that `network` learns from.

        Raises:
            TrainingError: The losses say that the run is lost; the last checkpoint is from before.
        """
        self.parts.append(torch.stack([loss.detach() for loss in values.values()]))
        if self.accelerator.sync_gradients:
            means = dict(zip(values, torch.stack(self.parts).mean(0).tolist(), strict=True))
            self.parts.clear()
            try:
                self.watch.check(self.step + 1, means)
            except TrainingError as error:
                raise TrainingError(f"{error}; {self.way_out()}") from None
        self.accelerator.backward(sum(weights[name] * value for name, value in values.items() if name in weights))
        self.optimizer.step()
        self.optimizer.zero_grad()
        if not self.accelerator.sync_gradients:
            return
        self.schedule.step()
        self.ema.update(self.accelerator.unwrap_model(self.network))
        self.step += 1
        last = self.step == self.options.max_train_steps
        validation_due = self.step % self.options.validation_steps == 0 or last
        checkpoint_due = self.step % self.options.checkpointing_steps == 0 or last
        if validation_due or checkpoint_due:
            self.check_weights()
        if self.accelerator.is_main_process:
            self.reporter.report(self.step, means, self.optimizer.param_groups[0]["lr"])
            if validation_due:
                with in_eval_mode(self.ema.average):
                    self.save(self.options.output_dir)
                    grid = self.draw(self.step)
                self.reporter.show(self.step, grid)
        if checkpoint_due:
            save_checkpoint(self.accelerator, self.options, self.step, self.save)

    def check_weights(self) -> None:
        """Let nothing good be replaced by weights that are lost.

        Raises:
            TrainingError: A weight of the average is not finite.
        """
        if not all(p.isfinite().all() for p in self.ema.average.parameters()):
            raise TrainingError(f"At step {self.step} a weight is not finite; {self.way_out()}")

    def way_out(self) -> str:
        """Say what is left. A resumed run takes its rates from the checkpoint, so it would fail again."""
        found = checkpoints(self.options)
        if not found:
            return "there is no checkpoint yet; train anew with smaller rates."
        return f"the last good checkpoint, {found[-1]}, is kept; train anew with smaller rates."


class Reporter:
    """Writes every step's losses and learning rate to metrics.jsonl and the tracker; prints some, speed and memory.

    Lines of steps after `first_step`, of a run that was killed between checkpoints, are dropped first.
    """

    def __init__(self, accelerator: Accelerator, options: TrainingOptions, first_step: int):
        self.accelerator, self.options = accelerator, options
        self.first_step, self.started = first_step, time.monotonic()
        self.metrics = options.output_dir / "metrics.jsonl"
        if self.metrics.is_file():
            # the end of a killed run's last line may be missing, and is of a later step
            lines = [line for line in self.metrics.read_text().splitlines(keepends=True) if line.endswith("}\n")]
            partial = self.metrics.with_suffix(".partial")
            partial.write_text("".join(line for line in lines if json.loads(line)["step"] <= first_step))
            partial.rename(self.metrics)

    def report(self, step: int, values: Mapping[str, float], learning_rate: float) -> None:
        """Tell what step number `step` gave."""
        with self.metrics.open("a") as lines:
            lines.write(json.dumps({"step": step, **values, "learning_rate": learning_rate}) + "\n")
        self.accelerator.log({**values, "learning_rate": learning_rate}, step=step)
        if step % PRINT_STEPS == 0 or step == self.options.max_train_steps:
            rate = (step - self.first_step) / (time.monotonic() - self.started)
            faces = rate * samples_before(1, self.options, self.accelerator)
            speed = f"{rate:.2f} steps/s {faces:.1f} faces/s {peak_memory(self.accelerator.device):.1f} GiB"
            shown = " ".join(f"{name} {value:.3f}" for name, value in values.items())
            print(f"step {step}/{self.options.max_train_steps} {speed} {shown}", flush=True)

    def show(self, step: int, grid: Path) -> None:
        """Draw curves.png anew, and send a grid of samples to the tracker."""
        draw_curves(self.metrics, self.options.output_dir / "curves.png")
        for tracker in self.accelerator.trackers:
            show_picture(tracker, step, grid)


def show_picture(tracker: GeneralTracker, step: int, path: Path) -> None:
    """Send a picture to a tracker."""
    if tracker.name == "trackio":  # Accelerate sends it no pictures
        import trackio

        tracker.tracker.log({path.parent.name: trackio.Image(path)}, step=step)
        return
    pixels = np.asarray(Image.open(path))[None]  # (1, H, W, 3)
    options = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
    tracker.log_images({path.parent.name: pixels}, step=step, **options)


def peak_memory(device: torch.device) -> float:
    """Return the most memory that this process has held so far, in GiB: of the GPU, else of the machine.

    Not a number on Windows without a GPU.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    if sys.platform == "win32":
        return float("nan")
    import resource

    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def draw_pairs(
    pairs: SwapPairs,
    batch: int,
    accelerator: Accelerator,
    draw: Callable[[torch.Tensor, torch.Tensor], Sequence[torch.Tensor]],
) -> list[torch.Tensor]:
    """Draw all pairs, in batches no larger than a step's, so that samples need no more memory than steps.

    Args:
        pairs: whose sources and targets are drawn.
        batch: most pairs at once.
        accelerator: of the run.
        draw: turns sources and targets, (B, 3, R, R) each, into columns of a grid, (B, 3, R, R) each.

    Returns:
        The columns, (N, 3, R, R) each, on the CPU.
    """
    samples = [pairs[n] for n in range(len(pairs))]
    source, target = (torch.stack([s[k] for s in samples]).to(accelerator.device) for k in ("source", "target"))
    parts = [draw(*both) for both in zip(source.split(batch), target.split(batch), strict=True)]
    return [torch.cat([column.float().cpu() for column in columns]) for columns in zip(*parts, strict=True)]


def save_grid(path: Path, columns: Sequence[torch.Tensor]) -> Path:
    """Write pictures side by side: every column is (B, 3, R, R) in [-1, 1], every row a sample; returns the path."""
    path.parent.mkdir(exist_ok=True)
    rows = torch.cat([c.cpu().clamp(-1, 1) for c in columns], dim=3)  # (B, 3, R, columns R)
    picture = rows.permute(0, 2, 3, 1).flatten(0, 1)  # (B R, columns R, 3)
    Image.fromarray(((picture + 1) * 127.5).round().to(torch.uint8).numpy()).save(path)
    return path


def tile_masks(masks: Sequence[torch.Tensor], batch: int, resolution: int) -> torch.Tensor:
    """Show the attention masks M^k of a batch, each (B, 1, S_k, S_k) in [0, 1], as one picture a sample.

    They stand row by row, the coarsest first; white is where the identity is taken.

    Returns:
        (batch, 3, resolution, resolution) in [-1, 1], black for a generator without masks.
    """
    columns = math.ceil(math.sqrt(max(len(masks), 1)))
    side = resolution // columns
    picture = -torch.ones(batch, 1, resolution, resolution)
    for k, mask in enumerate(masks):
        top, left = side * (k // columns), side * (k % columns)
        picture[..., top : top + side, left : left + side] = 2 * F.interpolate(mask.float().cpu(), (side, side)) - 1
    return picture.expand(-1, 3, -1, -1)
