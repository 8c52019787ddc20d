"""`faceshifter export`: components become what another runtime than torch runs: ONNX graphs, compiled packages."""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceshifter_hub.errors import ComponentError, UnwritableOutputError
from faceshifter_hub.runtimes import COMPILED, ENGINES, Runtime

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

RESOLUTION = 256  # of the faces that a component takes which takes any


def add_export(subparsers: "Subparsers") -> None:
    """Add `faceshifter export`."""
    parser = subparsers.add_parser(
        "export", help="make what other runtimes than torch run of a pipeline or component: graphs, compiled packages"
    )
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="registered name, folder or hf://owner/repo")
    parser.add_argument(
        "--runtime",
        choices=[*COMPILED, *ENGINES],
        default="onnxruntime",
        help="that is to run them (onnxruntime); what inductor compiles runs on machines like this one alone",
    )
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="copy the graphs to this folder, too")
    parser.add_argument("--json", action="store_true", help="print where the graphs are as JSON")
    parser.set_defaults(run=run_export)


def run_export(arguments: argparse.Namespace) -> None:
    """Export what is not exported yet, say where the graphs are."""
    from faceshifter_hub.datasets.progress import tell
    from faceshifter_hub.pull import component_addresses
    from faceshifter_hub.settings import get_settings

    told: list[dict[str, Any]] = []
    for address in component_addresses(arguments.address or get_settings().pipeline):
        tell(f"exporting {address} ...")
        started = time.perf_counter()
        graphs = export(address, arguments.runtime)
        if arguments.output and graphs:
            graphs = copy_graphs(graphs, arguments.output / Path(address).name)
        tell("", "\n")
        told.append({"address": address, "seconds": round(time.perf_counter() - started, 1), "graphs": graphs})
    if not any(part["graphs"] for part in told):
        raise ComponentError(f"{told[0]['address']} has no graphs: detectors and ONNX files are not exported.")
    if arguments.json:
        print(json.dumps(told, indent=2, default=str, ensure_ascii=False))
        return
    for part in told:
        for path in part["graphs"].values():
            print(path)


def export(address: str, runtime: Runtime) -> dict[str, Path]:
    """Return a component's graphs for a runtime by name, exporting them where that was not done; none of detectors.

    Raises:
        FaceShifterError: The component cannot be found, loaded or exported.
    """
    from torch import nn

    from faceshifter_hub.component import component_interface, component_kind, load_component
    from faceshifter_hub.runtimes.choice import pick_device
    from faceshifter_hub.runtimes.networks import form_of, with_graphs
    from faceshifter_hub.runtimes.store import make_graphs

    kind = component_kind(address)
    component = with_graphs({kind: load_component(address, kind)}).get(kind)
    if component is None:
        return {}
    form = form_of(runtime)
    if form != "onnx":
        nn.Module.to(component, pick_device(None))  # which it is compiled for
    return make_graphs(component, component_interface(address, kind).resolution or RESOLUTION, form)


def copy_graphs(graphs: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Copy graphs to a folder, which is made, and return where they are then; each appears there whole.

    Raises:
        UnwritableOutputError: The folder cannot be written.
    """
    copies: dict[str, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".exporting-") as unfinished:
            for name, path in graphs.items():
                copies[name] = folder / path.name
                os.replace(shutil.copy(path, unfinished), copies[name])
    except OSError as error:
        raise UnwritableOutputError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from error
    return copies
