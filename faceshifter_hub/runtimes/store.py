"""Exported graphs on disk: found by the content of what they were made of, written whole, verified when read.

A folder a component and form, named by a hash of weights, configuration, the code that becomes the graph and torch's
version; what is compiled, also by the machine.
"""

import hashlib
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from faceshifter_hub import models
from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.errors import UnwritableOutputError
from faceshifter_hub.registry import sha256_of
from faceshifter_hub.runtimes import COMPILED, Compiled, compiled, fused, graphs, small_maps
from faceshifter_hub.settings import get_settings

SUMS = "sha256.json"
Form = Literal["onnx"] | Compiled  # what graphs are written as


def graph_store() -> Path:
    """Return the folder of all exported graphs, which may not exist."""
    return get_settings().cache.expanduser() / "graphs"


def key_of(component: ComponentMixin, resolution: int, form: Form) -> str:
    """Return a hash of all that decides a component's graphs for aligned faces of `resolution` pixels."""
    digest = hashlib.sha256(f"{type(component).__qualname__} {resolution} {torch.__version__} {form}\n".encode())
    if form in COMPILED:
        digest.update(compiled.machine_of(_device_of(component)).encode())
    digest.update(_code_of_graphs())
    digest.update(component.to_json_string().encode())
    for name, tensor in component.state_dict().items():
        digest.update(f"\n{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def _code_of_graphs() -> bytes:
    own = [Path(str(module.__file__)) for module in (fused, small_maps, graphs, compiled)]
    files = [*Path(models.__path__[0]).glob("*.py"), *own]
    return b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sorted(files))


def _device_of(component: ComponentMixin) -> torch.device:
    return next(component.parameters()).device


def find_graphs(key: str, form: Form) -> dict[str, Path] | None:
    """Return the graphs of a key by name; None where they are not there, or not as they were written."""
    folder = graph_store() / key
    try:
        sums = json.loads((folder / SUMS).read_text("utf-8"))
        paths = {name: folder / f"{name}{_suffix(form)}" for name in sums}
        if sums and all(sha256_of(paths[name]) == sums[name] for name in sums):
            return paths
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return None


def _suffix(form: Form) -> str:
    return ".onnx" if form == "onnx" else ".pt2"


def make_graphs(component: ComponentMixin, resolution: int, form: Form) -> dict[str, Path]:
    """Return a component's graphs by name, out of the store or, where it lacks them, exported into it.

    Raises:
        MissingPackageError: They must be exported, and onnxscript or a C++ compiler is not installed.
        ComponentError: The component cannot be exported.
        UnwritableOutputError: The store cannot be written.
    """
    key = key_of(component, resolution, form)
    found = find_graphs(key, form)
    if found is not None:
        return found
    folder = graph_store() / key
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".exporting-") as scratch:
            unfinished = Path(scratch, key)
            write_graphs(component, resolution, form, unfinished)
            shutil.rmtree(folder, ignore_errors=True)  # damaged, or there would be nothing to do
            os.replace(unfinished, folder)
    except OSError as error:
        raise UnwritableOutputError(
            f"Graphs cannot be written to {folder.parent} ({error.strerror}); choose another cache by "
            f"FACESHIFTER_CACHE."
        ) from error
    return {path.stem: path for path in folder.glob(f"*{_suffix(form)}")}


def write_graphs(component: ComponentMixin, resolution: int, form: Form, folder: Path) -> None:
    """Export a component's graphs to a new folder, with their hashes.

    Raises:
        MissingPackageError: onnxscript, or a C++ compiler, is not installed.
        ComponentError: The component cannot be exported.
    """
    folder.mkdir(parents=True)
    sums = {}
    for name, graph in graphs.graphs_of(component, resolution).items():
        path = folder / f"{name}{_suffix(form)}"
        if form == "onnx":
            graphs.write_onnx(graph, path)
        else:
            compiled.compile_graph(graph, path, form, _device_of(component))
        sums[name] = sha256_of(path)
    (folder / SUMS).write_text(json.dumps(sums, indent=2) + "\n", "utf-8")
