"""How fast faces are rendered with all outputs, and whether memory stays flat: `python benchmarks/rendering.py`.

Draws random people in processes of their own, as data sets do, and prints pictures a second of all of them together,
the processor time a picture takes, and the memory of one process at the start, half way and at the end.
"""

import argparse
import json
import multiprocessing
import os
import platform
import time
from pathlib import Path

import numpy as np

WARM_UP = 5
GOAL = 8.0  # pictures a second at 256 pixels on two cores with software rendering


def resident_memory() -> float:
    """Return this process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def draw(worker: int, images: int, size: int, ready, results) -> None:
    """Draw pictures in a process of its own; puts times and memory into `results`."""
    from faceshifter_hub.synthesis.attribute_prior import sample_attributes
    from faceshifter_hub.synthesis.identity_prior import sample_identity
    from faceshifter_hub.synthesis.renderer import FaceRenderer

    renderer = FaceRenderer(size)
    rng = np.random.default_rng(worker)

    def one() -> None:
        identity = sample_identity(rng, renderer.catalogue)
        renderer.render(identity, sample_attributes(rng, identity, renderer.catalogue))

    for _ in range(WARM_UP):
        one()
    ready.wait()
    start, processor, memory = time.perf_counter(), time.process_time(), []
    for n in range(images):
        one()
        if n % max(images // 20, 1) == 0 or n == images - 1:
            memory.append(resident_memory())
    wall, processor = time.perf_counter() - start, time.process_time() - processor
    with renderer.context as context:
        results.put((wall, processor, memory, context.info["GL_RENDERER"]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="pictures altogether (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (one a core)")
    parser.add_argument("--size", type=int, default=256, help="side of a picture (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    each = args.images // args.workers
    ready, results = context.Barrier(args.workers), context.Queue()
    processes = [
        context.Process(target=draw, args=(worker, each, args.size, ready, results)) for worker in range(args.workers)
    ]
    for process in processes:
        process.start()
    measured = [results.get() for _ in processes]
    for process in processes:
        process.join()
    wall, processor = max(m[0] for m in measured), sum(m[1] for m in measured)
    memory, driver = measured[0][2], measured[0][3]
    report = {
        "images": each * args.workers,
        "size": args.size,
        "workers": args.workers,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "renderer": driver,
        "images_per_second": each * args.workers / wall,
        "ratio_to_goal": each * args.workers / wall / GOAL,
        "processor_seconds_per_image": processor / (each * args.workers),
        "memory_mb": memory,
    }
    if args.json:
        print(json.dumps(report, indent=2))
        return
    print(f"{report['renderer']}, {args.workers} processes on {os.cpu_count()} cores, {args.size} pixels")
    print(
        f"{report['images_per_second']:.2f} pictures a second, {report['ratio_to_goal']:.2f} of the goal of {GOAL:g}"
    )
    print(f"{report['processor_seconds_per_image']:.3f} seconds of a processor for each picture")
    print(f"memory of a process: {memory[0]:.0f} MB, {memory[len(memory) // 2]:.0f} MB half way, {memory[-1]:.0f} MB")


if __name__ == "__main__":
    main()
