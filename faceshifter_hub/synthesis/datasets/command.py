"""`faceshifter synthesize`: fill a folder with faces and triplets; an interrupted run goes on where it stopped."""

import argparse
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.datasets.progress import clock, tell
from faceshifter_hub.errors import RenderError

if TYPE_CHECKING:
    from faceshifter_hub.synthesis.datasets.plan import Plan

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_synthesize(subparsers: "Subparsers") -> None:
    """Add `faceshifter synthesize`."""
    parser = subparsers.add_parser(
        "synthesize", help="render faces, and triplets whose true swap is known, into WebDataset shards"
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="folder; the same command again goes on in it")
    parser.add_argument("--identities", type=int, default=0, metavar="N", help="people among the faces (%(default)s)")
    parser.add_argument("--per-identity", type=int, default=5, metavar="K", help="faces of each (%(default)s)")
    parser.add_argument("--triplets", type=int, default=0, metavar="M", help="source, target, truth (%(default)s)")
    parser.add_argument("--size", type=int, default=256, metavar="S", help="side in pixels (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="W", help="processes (one a core)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all draws (%(default)s)")
    parser.add_argument(
        "--truth", choices=("face", "head"), default="face", help="what the truth takes from the source (%(default)s)"
    )
    parser.add_argument(
        "--benchmark", choices=("swapbench",), help="render a benchmark instead; its size, seed and truth are its own"
    )
    parser.set_defaults(run=run_synthesize)


def run_synthesize(arguments: argparse.Namespace) -> None:
    """Render what the folder lacks, then write its contact sheet and card."""
    if find_spec("moderngl") is None:
        raise RenderError("Rendering needs moderngl: pip install 'faceshifter-hub[synth]'.")
    from faceshifter_hub.datasets.folder import filling
    from faceshifter_hub.synthesis.datasets.card import write_card
    from faceshifter_hub.synthesis.datasets.contact_sheet import write_contact_sheet
    from faceshifter_hub.synthesis.datasets.plan import Plan, check_range, remember
    from faceshifter_hub.synthesis.datasets.swapbench import plan_swapbench

    check_range("workers", arguments.workers)
    if arguments.benchmark and (arguments.identities or arguments.triplets):
        raise RenderError("--benchmark renders its own triplets: leave out --identities and --triplets.")
    if arguments.benchmark:
        plan = plan_swapbench()
    else:
        names = ("seed", "size", "truth", "identities", "per_identity", "triplets")
        plan = Plan.of(**{name: getattr(arguments, name) for name in names})
    folder = arguments.output
    with filling(folder):
        remember(folder, plan)
        try:
            render_missing(folder, plan, arguments.workers)
            write_contact_sheet(folder, plan)
            write_card(folder, plan)
        except KeyboardInterrupt:
            tell("", "\n")
            print("Stopped. The same command goes on where this one stopped.", file=sys.stderr)
            raise
    print(folder)


def render_missing(folder: Path, plan: "Plan", workers: int) -> None:
    """Render the shards that a folder lacks, telling how it goes on stderr."""
    from faceshifter_hub.datasets.workers import map_in_processes
    from faceshifter_hub.synthesis.datasets.draw import draw_shard

    missing = plan.missing(folder)
    left, total = (sum(shard.last - shard.first for shard in shards) for shards in (missing, plan.shards()))
    if not left:
        return
    begun, done = time.monotonic(), 0
    tell(f"{total - left} of {total} samples")
    for shard in map_in_processes(draw_shard, ((folder, plan, shard) for shard in missing), workers):
        done += shard.last - shard.first
        rate = done / (time.monotonic() - begun)
        tell(f"{total - left + done} of {total} samples, {rate:.1f} a second, {clock((left - done) / rate)} left")
    tell("", "\n")
