"""`faceshifter benchmark`: the stages of a swap by every runtime at hand, against the networks as they are trained."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshifter_hub.errors import UNPARSABLE, DataError
from faceshifter_hub.runtimes import RUNTIMES

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_benchmark(subparsers: "Subparsers") -> None:
    """Add `faceshifter benchmark`."""
    parser = subparsers.add_parser("benchmark", help="time the stages of a swap on this machine, by every runtime")
    parser.add_argument("--pipeline", metavar="ADDRESS", help="registered name, folder or hf://owner/repo")
    parser.add_argument(
        "--runtime",
        nargs="+",
        choices=RUNTIMES[1:],
        default=["torch"],
        help="those compared with the networks as they are trained (torch); what is not exported is exported first",
    )
    parser.add_argument("--batch", nargs="+", type=int, metavar="N", default=[1, 4], help="faces at a time (1 4)")
    parser.add_argument("--rounds", type=int, metavar="N", default=9, help="times that each is measured (9)")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu counts this process's time alone, for a machine that others use (wall)",
    )
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="an earlier --json, to say what changed")
    parser.add_argument("--json", action="store_true", help="print the measurements as JSON")
    parser.set_defaults(run=run_benchmark)


def run_benchmark(arguments: argparse.Namespace) -> None:
    """Measure, print a table or JSON; with --compare, how many times faster than then."""
    from faceshifter_hub.benchmarking.run import benchmark

    old = read_measurements(arguments.compare) if arguments.compare else None
    measured = benchmark(
        arguments.pipeline, arguments.runtime, arguments.batch, max(2, arguments.rounds), arguments.clock
    )
    if arguments.json:
        print(json.dumps(measured, indent=2))
        return
    print("\n".join(as_table(measured, old)))


def read_measurements(path: Path) -> dict[str, Any]:
    """Read what --json printed.

    Raises:
        DataError: It is something else.
    """
    try:
        measured = json.loads(path.read_text("utf-8"))
        told(measured)
        for row in measured["rows"]:
            _key(row), row["milliseconds"]
        return measured
    except (OSError, *UNPARSABLE, KeyError, TypeError) as error:
        raise DataError(
            f"{path} holds no measurements ({error}); `faceshifter benchmark --json` prints some."
        ) from error


def as_table(measured: dict[str, Any], old: dict[str, Any] | None) -> list[str]:
    """Return lines for people: a line a measurement, and how many times faster it is than in `old`."""
    before = {_key(row): row["milliseconds"] for row in old["rows"]} if old else {}
    peak = measured["peak_gflops"]
    lines = [f"old: {told(old)}"] if old else []
    lines += [
        told(measured),
        f"matrix product: {peak:.0f} GFLOP/s; copy: {measured['bandwidth_gbs']:.0f} GB/s",
        f"load and first swap: {measured['start_seconds']:.1f} s; memory: {measured['memory_mb']:.0f} MB",
        "",
        f"{'stage':12} {'runtime':13} {'batch':>5} {'ms':>8} {'quartiles':>15} {'GFLOP/s':>8} {'of peak':>8} "
        f"{'times eager':>12} {'differs by':>11}" + (f" {'times old':>10}" if old else ""),
    ]
    for row in measured["rows"]:
        spread = f"{row['low']:.1f} to {row['high']:.1f}"
        line = (
            f"{row['stage']:12} {row['runtime']:13} {row['batch']:5} {row['milliseconds']:8.1f} {spread:>15} "
            f"{row['gflops']:8.1f} {row['gflops'] / peak:8.0%} {row['times_eager']:12.2f} {row['difference']:11.1e}"
        )
        if _key(row) in before:
            line += f" {before[_key(row)] / row['milliseconds']:10.2f}"
        lines.append(line)
    return lines


def told(measured: dict[str, Any]) -> str:
    """Return where and how something was measured."""
    machine = measured["machine"]
    return f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}, {measured['clock']} clock"


def _key(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["stage"], row["runtime"], row["batch"]
