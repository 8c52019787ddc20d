"""`faceshifter evaluate`: run a protocol, write `report.json`, a table and a page."""

import argparse
import os
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshifter_hub.errors import SettingsError

if TYPE_CHECKING:
    from faceshifter_hub.evaluation.cases import CaseList
    from faceshifter_hub.evaluation.contestants import Contestant
    from faceshifter_hub.evaluation.run import Share

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

BASELINES = ("target", "pasted", "stage-1", "truth")
EVERYTHING = 10**9  # cases
COMPRESSIONS = ("raw", "c23", "c40")
PAIRS = ("normal", "cross-ethnicity", "cross-attribute")


def add_evaluate(subparsers: "Subparsers") -> None:
    """Add `faceshifter evaluate`."""
    parser = subparsers.add_parser(
        "evaluate", help="measure a pipeline: numbers with intervals, and how to repeat them"
    )
    protocols = parser.add_subparsers(title="protocols", required=True, metavar="PROTOCOL")
    add_protocol(protocols, "swapbench", "rendered people, whose true swap is known", "folder of `synthesize`")
    portraits = add_protocol(protocols, "portraits", "photos of different people", "folder, one photo a person", 200)
    portraits.add_argument("--seed", type=int, default=0, metavar="S", help="draws the pairs (%(default)s)")
    videos = add_protocol(protocols, "faceforensics", "FaceForensics++, the paper's table", "folder of the data set")
    videos.add_argument("--compression", choices=COMPRESSIONS, default="c23", help="of the videos (%(default)s)")
    casia = add_protocol(protocols, "casia2026", "the benchmark CASIA FaceSwapping", "folder of the data set")
    casia.add_argument("--pairs", choices=PAIRS, default="normal", help="which of its protocols (%(default)s)")
    add_protocol(protocols, "pairs", "anyone's photos", "CSV file with columns source and target")
    add_results(protocols)
    add_gallery(protocols)
    add_renders(protocols)


def add_protocol(
    protocols: "Subparsers", name: str, who: str, what: str, limit: int = EVERYTHING
) -> argparse.ArgumentParser:
    """Add a protocol of swaps, with the options that all have."""
    default = "pairs.csv" if name == "pairs" else f"data/{name}"
    parser = protocols.add_parser(name, help=f"swaps between {who}")
    parser.add_argument("data", type=Path, nargs="?", default=default, metavar="DATA", help=f"{what} ({default})")
    parser.add_argument(
        "--pipeline",
        action="append",
        metavar="ADDRESS",
        help="what to measure (the default pipeline); several checkpoints give curves",
    )
    parser.add_argument(
        "--baseline",
        action="append",
        default=[],
        metavar="NAME",
        help=f"what to compare it with, as often as needed: {', '.join(BASELINES)}, a pipeline's address, or a folder "
        "of results by another program",
    )
    parser.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="NAME",
        help="identity encoder of the registry that judges identity beside faceres",
    )
    parser.add_argument(
        "--allow-training-encoder",
        action="store_true",
        help="let a judge be the encoder that a generator was trained with; the report says so",
    )
    words = "all" if limit == EVERYTHING else "%(default)s"
    parser.add_argument("--limit", type=positive, default=limit, metavar="N", help=f"most cases ({words})")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for report.json, .html and .csv"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="folder of measurements, which runs may share (OUT/cache)"
    )
    parser.add_argument(
        "--export",
        action="store_true",
        help="measure nothing: write the pictures and pairs.csv to OUT, for another program to swap",
    )
    parser.set_defaults(run=partial(run_protocol, name))
    return parser


def add_results(protocols: "Subparsers") -> None:
    """Add `faceshifter evaluate results`."""
    parser = protocols.add_parser("results", help="make one page of Markdown out of reports")
    parser.add_argument("reports", type=Path, nargs="+", metavar="REPORT", help="report.json files")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page")
    parser.set_defaults(run=run_results)


def add_gallery(protocols: "Subparsers") -> None:
    """Add `faceshifter evaluate gallery`."""
    parser = protocols.add_parser("gallery", help="make a page of swaps of rendered people, drawn by a seed")
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of `synthesize --benchmark swapbench`")
    parser.add_argument("--pipeline", metavar="ADDRESS", help="who swaps (the default pipeline)")
    parser.add_argument("--count", type=positive, default=12, metavar="N", help="cases (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="draws them (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page; pictures go beside it")
    parser.set_defaults(run=run_gallery)


def add_renders(protocols: "Subparsers") -> None:
    """Add `faceshifter evaluate renders`."""
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


def run_protocol(name: str, arguments: argparse.Namespace) -> None:
    """Run a protocol of swaps: measure, write the report, print the metrics."""
    from faceshifter_hub.evaluation.report import prepare_folder
    from faceshifter_hub.settings import get_settings

    listed = list_cases(name, arguments)
    if arguments.export:
        from faceshifter_hub.evaluation.export import export

        prepare_folder(arguments.out)
        print(f"{export(listed, arguments.out)} cases; {arguments.out / 'pairs.csv'}")
        return
    pipelines = arguments.pipeline or [get_settings().pipeline]
    prepare_folder(arguments.out)
    share, device = take_share()

    from faceshifter_hub.evaluation.contestants import make_contestants
    from faceshifter_hub.evaluation.judging.judges import Judges
    from faceshifter_hub.evaluation.judging.store import Store
    from faceshifter_hub.evaluation.run import measure

    trained_with = judge_spaces(arguments.judge)
    contestants = make_contestants(pipelines, arguments.baseline, device)
    dependent = refuse_dependence(trained_with, contestants, allowed=arguments.allow_training_encoder)
    judges = Judges(arguments.judge, device)
    store = Store(arguments.cache or arguments.out / "cache")
    measured = measure(listed, contestants, judges, store, share)
    if share.index == 0:
        command = repeat(name, arguments, pipelines)
        report(listed, contestants, measured, judges.describe(dependent), command, arguments.out)


def list_cases(name: str, arguments: argparse.Namespace) -> "CaseList":
    """Return the cases of a protocol."""
    from faceshifter_hub.evaluation.protocols.casia2026 import list_casia2026
    from faceshifter_hub.evaluation.protocols.faceforensics import list_faceforensics
    from faceshifter_hub.evaluation.protocols.pair_list import list_pairs
    from faceshifter_hub.evaluation.protocols.portraits import list_portraits
    from faceshifter_hub.evaluation.protocols.swapbench import list_swapbench

    match name:
        case "swapbench":
            return list_swapbench(arguments.data, arguments.limit)
        case "portraits":
            return list_portraits(arguments.data, arguments.limit, arguments.seed)
        case "faceforensics":
            return list_faceforensics(arguments.data, arguments.limit, arguments.compression)
        case "casia2026":
            return list_casia2026(arguments.data, arguments.limit, arguments.pairs)
        case _:
            return list_pairs(arguments.data, arguments.limit)


def take_share() -> tuple["Share", str | None]:
    """Return this process's part of the work, and its device; `accelerate launch` starts several."""
    from datetime import timedelta

    from faceshifter_hub.evaluation.run import Share

    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Share(), None
    from accelerate import Accelerator, InitProcessGroupKwargs

    patience = InitProcessGroupKwargs(timeout=timedelta(days=1))  # one process may have the slowest pictures
    state = Accelerator(kwargs_handlers=[patience])
    return Share(state.process_index, state.num_processes, state.wait_for_everyone), str(state.device)


def judge_spaces(judges: list[str]) -> dict[str, str]:
    """Return the identity space of each judge, by its name."""
    from faceshifter_hub.component import component_interface

    spaces = {name: component_interface(name, "identity_encoder").identity_space for name in judges}
    return {name: space.name for name, space in spaces.items() if space is not None}


def refuse_dependence(spaces: dict[str, str], contestants: "list[Contestant]", *, allowed: bool) -> set[str]:
    """Return which judges are encoders that a pipeline was trained to please.

    Raises:
        SettingsError: There is one, and nobody has allowed it.
    """
    trained = {each.identity_space: each.name for each in contestants if each.identity_space}
    dependent = {name for name, space in spaces.items() if space in trained}
    if dependent and not allowed:
        name = min(dependent)
        raise SettingsError(
            f"'{name}' cannot judge '{trained[spaces[name]]}', whose generator was trained to please it: leave it "
            "out, or give --allow-training-encoder to see its figures, which the report then marks."
        )
    return dependent


def repeat(name: str, arguments: argparse.Namespace, pipelines: list[str]) -> str:
    """Return the command that repeats a run; it leaves out where the report and the measurements go."""
    words = ["faceshifter", "evaluate", name, str(arguments.data)]
    repeated = [("--pipeline", pipelines), ("--baseline", arguments.baseline), ("--judge", arguments.judge)]
    words += [word for option, values in repeated for value in values for word in (option, value)]
    words += ["--allow-training-encoder"] * arguments.allow_training_encoder
    words += ["--limit", str(arguments.limit)] * (arguments.limit != EVERYTHING)
    for option in ("seed", "compression", "pairs"):
        if hasattr(arguments, option):
            words += [f"--{option}", str(getattr(arguments, option))]
    return shlex.join(words)


def report(
    listed: "CaseList",
    contestants: "list[Contestant]",
    measured: Any,
    judges: dict[str, dict[str, Any]],
    command: str,
    out: Path,
) -> None:
    """Score what was measured, write report.json, pairs.csv and report.html, print the metrics."""
    import faceshifter_hub
    from faceshifter_hub.evaluation.case_pictures import picture_cases
    from faceshifter_hub.evaluation.report import make_report, table_rows, write_report
    from faceshifter_hub.evaluation.report_page import write_page
    from faceshifter_hub.evaluation.scoring import score_all
    from faceshifter_hub.evaluation.wording import print_table

    scored = score_all(listed, measured, contestants)
    failed = {
        name: {case: why for case, why in swaps.items() if isinstance(why, str)}
        for name, swaps in measured.swaps.items()
    }
    content = make_report(
        listed,
        contestants,
        scored,
        failed,
        measured.left_out,
        judges,
        command=command,
        version=faceshifter_hub.__version__,
        seconds={"swaps": measured.seconds},
    )
    write_report(out, content, table_rows(listed, scored, failed, measured.left_out))
    cases = {case.name: case for case in measured.cases}
    pictures = picture_cases(cases, contestants, scored[contestants[0].name], measured.photos)
    write_page(out / "report.html", content, scored, pictures)
    print_table(content)
    print(out / "report.html")


def run_results(arguments: argparse.Namespace) -> None:
    """Write the page of several reports."""
    from faceshifter_hub.datasets.whole import written_whole
    from faceshifter_hub.evaluation.results_page import read_reports, results_page

    page = results_page(read_reports(arguments.reports))
    with written_whole(arguments.out) as file:
        file.write(page.encode())
    print(arguments.out)


def run_gallery(arguments: argparse.Namespace) -> None:
    """Write the page and its pictures, in a folder `images/NAME` beside it."""
    import numpy as np

    from faceshifter_hub.datasets.whole import written_whole
    from faceshifter_hub.evaluation.gallery_page import gallery_page, make_gallery
    from faceshifter_hub.evaluation.protocols.swapbench import list_swapbench
    from faceshifter_hub.media.images import write_image
    from faceshifter_hub.pipeline import FaceShifterPipeline
    from faceshifter_hub.settings import get_settings

    cases = list_swapbench(arguments.data, EVERYTHING).cases
    address = arguments.pipeline or get_settings().pipeline
    shown = make_gallery(FaceShifterPipeline.from_pretrained(address), cases, arguments.count, arguments.seed)
    folder = Path("images", arguments.out.stem)
    (arguments.out.parent / folder).mkdir(parents=True, exist_ok=True)
    for case in shown:
        for strip, picture in case.strips.items():
            write_image(np.asarray(picture), arguments.out.parent / folder / f"{case.name}-{strip}.webp")
    given = ["faceshifter", "evaluate", "gallery", str(arguments.data), "--count", str(arguments.count)]
    given += ["--seed", str(arguments.seed), "--pipeline", address, "--out", str(arguments.out)]
    page = gallery_page(
        shown, folder.as_posix(), pipeline=address, total=len(cases), seed=arguments.seed, command=shlex.join(given)
    )
    with written_whole(arguments.out) as file:
        file.write(page.encode())
    print(arguments.out)


def run_renders(arguments: argparse.Namespace) -> None:
    """Run the protocol `renders`, write its report and print the scores."""
    from huggingface_hub.utils import tqdm

    from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
    from faceshifter_hub.evaluation.people import draw_people
    from faceshifter_hub.evaluation.pose_plot import write_pose_plot
    from faceshifter_hub.evaluation.renders import judge_people
    from faceshifter_hub.evaluation.report import prepare_folder, write_report
    from faceshifter_hub.faces.mtcnn import MTCNNDetector
    from faceshifter_hub.models.dlib_resnet import DlibIdentityEncoder
    from faceshifter_hub.packaged.faceres import FaceRes
    from faceshifter_hub.packaged.networks import get_network
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
        "faceres": FaceRes.from_package(),
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
        FaceMesh.from_package(),
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
