"""`faceshifter evaluate`: run a protocol, write `report.json` and `pairs.csv`."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.settings import get_settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_evaluate(subparsers: "Subparsers") -> None:
    """Add `faceshifter evaluate`."""
    parser = subparsers.add_parser(
        "evaluate", help="measure a pipeline: numbers with intervals, and how to repeat them"
    )
    protocols = parser.add_subparsers(title="protocols", required=True, metavar="PROTOCOL")
    portraits = protocols.add_parser("portraits", help="identity of swaps between photos of different people")
    portraits.add_argument("data", type=Path, metavar="DATA", help="folder with one photo a person")
    portraits.add_argument("--pipeline", default=get_settings().pipeline, metavar="ADDRESS", help="what to measure")
    portraits.add_argument("--limit", type=positive, default=200, metavar="N", help="most pairs (%(default)s)")
    portraits.add_argument("--seed", type=int, default=0, metavar="S", help="draws the pairs (%(default)s)")
    portraits.add_argument("--no-refine", action="store_true", help="measure stage 1 alone")
    portraits.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for report.json and pairs.csv"
    )
    portraits.set_defaults(run=run_portraits)


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run_portraits(arguments: argparse.Namespace) -> None:
    """Run the protocol `portraits`, write its report and print the scores."""
    from faceshifter_hub.evaluation.faceres import FaceRes, fetch_faceres
    from faceshifter_hub.evaluation.networks import get_network
    from faceshifter_hub.evaluation.portraits import evaluate_portraits
    from faceshifter_hub.evaluation.report import prepare_folder, write_report
    from faceshifter_hub.pipeline import FaceShifterPipeline

    prepare_folder(arguments.out)
    pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline)
    faceres = FaceRes.from_folder(fetch_faceres()).to(pipeline.device)
    encoder = pipeline.components["identity_encoder"]
    training_encoder = f"{encoder.interface.identity_space.name} (training encoder)"
    result = evaluate_portraits(
        pipeline,
        arguments.data,
        {"faceres": faceres, training_encoder: encoder},
        limit=arguments.limit,
        seed=arguments.seed,
        refine=not arguments.no_refine,
    )
    components = pipeline.describe_components()
    report = {
        "protocol": "portraits",
        "command": portraits_command(arguments),
        "pipeline": {"address": arguments.pipeline, "components": components},
        "networks": {
            "faceres": {"independent": True, "sha256": get_network("faceres").sha256},
            training_encoder: {"independent": False, "sha256": components["identity_encoder"]["sha256"]},
        },
    } | result.report()
    write_report(arguments.out, report, result.rows())
    for entry in report["metrics"]:
        low, high = entry["interval"]
        print(f"{entry['name']:16}  {entry['value']:.3f}  [{low:.3f}, {high:.3f}]  {entry['measured_by']}")
    print(f"{report['pairs']['scored']} of {report['pairs']['drawn']} pairs scored; {arguments.out / 'report.json'}")


def portraits_command(arguments: argparse.Namespace) -> str:
    """Return the command that repeats a run; it leaves out where the report goes."""
    words = ["faceshifter", "evaluate", "portraits", str(arguments.data), "--pipeline", str(arguments.pipeline)]
    words += ["--limit", str(arguments.limit), "--seed", str(arguments.seed)]
    return shlex.join(words + ["--no-refine"] * arguments.no_refine)
