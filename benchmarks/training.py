"""What a training step of stage 1 costs, plainly written and by our trainer: `python benchmarks/training.py`.

The plain step runs AEI-Net three times, for the discriminator, for identity, and for attributes and reconstruction,
and keeps all three until the end. The trainer runs it once, with its optimisations switched on one after the other.
Each is a process of its own; printed are the most memory that it held until the end of its last step, the median time
of a step after the first, and the ratios.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "registry" / "examples"
TRAINERS = {
    "one pass": (),
    "one pass, gradient checkpointing": ("--gradient_checkpointing", "true"),
}
COMPILED = {
    "one pass, gradient checkpointing, compiled": ("--gradient_checkpointing", "true", "--torch_compile", "true")
}


def plain_steps(flags: list[str], note: Callable[[], None]) -> None:
    """Run the plain step on noise; calls `note` at every step's end."""
    import torch

    from trainers import losses, run
    from trainers.aei import AEIOptions, build
    from trainers.discriminator import MultiscaleDiscriminator
    from trainers.ema import EMA
    from trainers.options import parse_options

    options = parse_options(AEIOptions, flags)
    torch.manual_seed(0)
    identity_encoder = run.load_identity_encoder(options)
    aei, discriminator = build(options), MultiscaleDiscriminator(**options.model["discriminator"])
    ema = EMA(aei, options.ema_decay)
    optimizer, optimizer_d = run.adam(aei, options), run.adam(discriminator, options)
    size = (options.train_batch_size, 3, options.resolution, options.resolution)
    for _ in range(options.max_train_steps):
        source, target = torch.rand(size) * 2 - 1, torch.rand(size) * 2 - 1
        same = torch.tensor([n == 0 for n in range(len(source))])
        with torch.no_grad():
            z_source = identity_encoder(source)
        for_discriminator, _, _ = aei(target, z_source)
        for_identity, _, _ = aei(target, z_source)
        for_attributes, z_target, z_result = aei(target, z_source)

        on_real, on_fake = discriminator(target), discriminator(for_discriminator.detach())
        losses.hinge_discriminator_loss(on_real, on_fake).backward()
        optimizer_d.step()
        optimizer_d.zero_grad()

        z_swap = identity_encoder(for_identity)
        loss = options.adversarial_weight * losses.hinge_generator_loss(discriminator(for_discriminator))
        loss = loss + options.identity_weight * losses.identity_loss(z_swap, z_source)
        loss = loss + options.attribute_weight * losses.attribute_loss(z_result, z_target)
        loss = loss + options.reconstruction_weight * losses.reconstruction_loss(for_attributes, target, same)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        optimizer_d.zero_grad()
        ema.update(aei)
        note()


def trainer_steps(flags: list[str], note: Callable[[], None]) -> None:
    """Run the trainer itself; calls `note` at every step's end, before samples and checkpoints are due."""
    from trainers import aei, run

    report = run.Reporter.report

    def report_and_note(self: run.Reporter, step: int, *values: object) -> None:
        note()
        report(self, step, *values)  # type: ignore[arg-type]

    run.Reporter.report = report_and_note  # type: ignore[method-assign,assignment]
    aei.main(flags)


def measure(steps: Callable[[list[str], Callable[[], None]], None], flags: list[str], result: Connection) -> None:
    """Send the most memory that this process held, in GiB, and the median time of a step after the first."""
    times: list[float] = []
    memory: list[float] = []

    def note() -> None:
        times.append(time.perf_counter())
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)

    steps(flags, note)
    result.send((memory[-1], statistics.median(b - a for a, b in pairwise(times))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="paper", help="of stage 1 (%(default)s)")
    parser.add_argument("--batch", type=int, default=2, help="faces a step (%(default)s)")
    parser.add_argument("--steps", type=int, default=4, help="of each, two at least (%(default)s)")
    parser.add_argument("--compile", action="store_true", help="compiled networks, too: minutes more")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
    context = multiprocessing.get_context("spawn")
    measured = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = ["--train_data_dir", str(EXAMPLES), "--recipe", arguments.recipe]
        given = [*data, "--train_batch_size", str(arguments.batch), "--max_train_steps", str(arguments.steps)]
        trainers = TRAINERS | (COMPILED if arguments.compile else {})
        runs = {"plain, three passes": (plain_steps, ())} | {n: (trainer_steps, more) for n, more in trainers.items()}
        for number, (name, (steps, more)) in enumerate(runs.items()):
            result, sender = context.Pipe(duplex=False)
            flags = [*given, *more, "--output_dir", f"{scratch}/{number}"]
            process = context.Process(target=measure, args=(steps, flags, sender))
            process.start()
            sender.close()
            measured[name] = result.recv()
            process.join()
    plain_memory, plain_seconds = measured["plain, three passes"]
    rows = [
        {"step": n, "gib": m, "memory": m / plain_memory, "seconds": s, "time": s / plain_seconds}
        for n, (m, s) in measured.items()
    ]
    if arguments.json:
        print(json.dumps({**vars(arguments), "cores": os.cpu_count(), "rows": rows}, indent=2))
        return
    print(f"{'recipe ' + arguments.recipe + ', batch ' + str(arguments.batch):44} peak GiB  ratio  s/step  ratio")
    for row in rows:
        print(f"{row['step']:44} {row['gib']:8.2f} {row['memory']:6.2f} {row['seconds']:7.2f} {row['time']:6.2f}")


if __name__ == "__main__":
    main()
