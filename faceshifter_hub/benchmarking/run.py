"""A benchmark: a pipeline's stages by several runtimes, in one run in which they take turns."""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from faceshifter_hub.benchmarking.stages import Stages, cost_of, largest_difference
from faceshifter_hub.benchmarking.timing import CLOCKS, copy, products, take_turns
from faceshifter_hub.datasets.progress import tell
from faceshifter_hub.errors import ComponentError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.media.images import read_image
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import DATA_ROOT
from faceshifter_hub.runtimes import Runtime

EAGER = "eager"  # the networks as they are trained


def benchmark(
    address: str | None, runtimes: Sequence[Runtime], batches: Sequence[int], rounds: int, clock: str
) -> dict[str, Any]:
    """Measure a pipeline, as plain data.

    Args:
        address: Of the pipeline; None for the default.
        runtimes: To compare with the networks as they are trained.
        batches: Numbers of faces at a time.
        rounds: How often each is measured, at least 2.
        clock: `wall` or `cpu`.
    """
    tell("starting a process that swaps once ...")
    start_seconds, memory_mb = first_swap(address)
    pipelines = {runtime: FaceShifterPipeline.from_pretrained(address, runtime=runtime) for runtime in runtimes}
    rows: list[dict[str, Any]] = []
    peak = bandwidth = 0.0
    for batch in batches:
        tell(f"measuring batches of {batch} ...")
        found, reached, moved = measure(pipelines, batch, rounds, clock)
        rows += found
        peak, bandwidth = max(peak, reached), max(bandwidth, moved)
    tell("", "\n")
    machine = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    return {
        "machine": machine,
        "clock": clock,
        "rounds": rounds,
        "peak_gflops": round(peak, 1),
        "bandwidth_gbs": round(bandwidth, 1),
        "start_seconds": round(start_seconds, 2),
        "memory_mb": round(memory_mb),
        "rows": rows,
    }


def measure(
    pipelines: dict[Runtime, FaceShifterPipeline], batch: int, rounds: int, clock: str
) -> tuple[list[dict[str, Any]], float, float]:
    """Return a row a stage and runtime, and what was reached between them: a product's GFLOP/s, a copy's GB/s."""
    first = next(iter(pipelines.values()))
    faces, z_source = example_faces(first, batch)
    stages = {EAGER: Stages(first.components, faces, z_source).calls()}
    stages |= {name: Stages(each.networks, faces, z_source).calls() for name, each in pipelines.items()}
    calls = {f"{stage} {who}": its[stage] for stage in stages[EAGER] for who, its in stages.items()}
    multiply, gflop = products()
    move, gigabytes = copy()
    timings = take_turns(calls | multiply | {"copy": move}, rounds, CLOCKS[clock])
    rows = []
    for stage, eager in stages[EAGER].items():
        cost, expected = cost_of(eager), eager()
        for who, its in stages.items():
            timing = timings[f"{stage} {who}"]
            same_form = stage != "modulations"  # of which every runtime has its own arrangement
            row = {
                "stage": stage,
                "runtime": who,
                "batch": batch,
                "milliseconds": round(timing.median, 2),
                "low": round(timing.low, 2),
                "high": round(timing.high, 2),
                "gflop": round(cost.gflop, 3),
                "gigabytes": round(cost.gigabytes, 4),
                "gflops": round(1000 * cost.gflop / timing.median, 1),
                "times_eager": round(timings[f"{stage} {EAGER}"].median / timing.median, 3),
                "difference": largest_difference(its[stage](), expected) if same_form else 0.0,
            }
            rows.append(row)
    peak = max(1000 * gflop[name] / timings[name].median for name in gflop)
    return rows, peak, 1000 * gigabytes / timings["copy"].median


def example_faces(pipeline: FaceShifterPipeline, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rendered people's aligned faces (B, 3, R, R), and the identity (B, d) of the one after each."""
    paths = sorted((DATA_ROOT / "examples").glob("face_*.webp"))
    faces = []
    for n in range(batch + 1):
        photo = read_image(paths[n % len(paths)])
        faces.append(pipeline.to_tensor(align(photo, pipeline.detect(photo)[0].landmarks, pipeline.resolution)[0]))
    with torch.inference_mode():
        z_id = pipeline.components["identity_encoder"](torch.cat(faces[1:]))
    return torch.cat(faces[:-1]), z_id


def first_swap(address: str | None) -> tuple[float, float]:
    """Return how long `faceshifter swap` takes from start to end, in seconds, and the most memory it held, in MB.

    Raises:
        FaceShifterError: It fails; its own sentence says why.
    """
    source, target = sorted((DATA_ROOT / "examples").glob("face_*.webp"))[:2]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "faceshifter_hub.cli", "swap", str(source), str(target)]
        command += ["-o", str(Path(folder, "swapped.png"))] + (["--pipeline", address] if address else [])
        started = time.perf_counter()
        process = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise ComponentError(process.stderr.strip().removeprefix("faceshifter: "))
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
