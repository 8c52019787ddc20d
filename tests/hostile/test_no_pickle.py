"""No pickle of anybody else is loaded: not by what the code says, and not by what the loaders do."""

import ast
import pickle
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import torch
from accelerate import Accelerator
from tiny_component import Tiny

from faceshifter_hub.errors import CheckpointError, RenderError, TrainingError
from faceshifter_hub.faces.mtcnn import read_joblib_arrays
from faceshifter_hub.registry import sha256_of
from faceshifter_hub.synthesis.assets import read_meshes
from trainers.run import load_checkpoint

ROOT = Path(__file__).parents[2]
CODE = [ROOT / "app.py", *(path for room in ("faceshifter_hub", "trainers") for path in (ROOT / room).rglob("*.py"))]
UNSAFE = {"_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "pickle", "shelve", "yaml"}
ADMITTED = {
    "faceshifter_hub/datasets/cluster.py": "calls and results between our own processes, of a cluster with a token",
    "faceshifter_hub/synthesis/datasets/stream.py": "what a child of this very process writes",
    "faceshifter_hub/faces/mtcnn.py": "an unpickler in which every name is inert",
    "trainers/run.py": "the name of an error alone",
}
ONLY_NAMES = {"trainers/run.py": {"UnpicklingError"}}


def imports_of(tree: ast.AST) -> set[str]:
    """Return the outermost names of all modules that are imported, wherever."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def calls_in(tree: ast.AST) -> list[tuple[str, dict[str, object]]]:
    """Return each call as `module.function` and its keywords whose values are constants."""
    return [
        (ast.unparse(node.func), {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)})
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_only_what_is_admitted_imports_what_unpickles():
    importing = {
        str(path.relative_to(ROOT)) for path in CODE if imports_of(ast.parse(path.read_text("utf-8"))) & UNSAFE
    }
    assert importing == ADMITTED.keys()
    for name, names in ONLY_NAMES.items():
        nodes = ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
        taken = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.module in UNSAFE]
        assert {alias.name for node in taken for alias in node.names} == names


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_loader_is_told_not_to_unpickle(path):
    for function, keywords in calls_in(ast.parse(path.read_text("utf-8"))):
        if function == "torch.load":
            assert keywords.get("weights_only") is True, function
        if function in ("np.load", "numpy.load"):
            assert not keywords.get("allow_pickle", False), function  # numpy's own default is False
        assert function not in ("eval", "exec", "torch.hub.load", "torch.package.PackageImporter"), function
        assert not function.endswith("read_pickle"), function


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, sprung: Path):
        self.sprung = sprung

    def __reduce__(self):
        return Path.touch, (self.sprung,)


@pytest.fixture
def trap(tmp_path):
    """What must not be unpickled; whether it was is looked after at the end."""
    sprung = tmp_path / "sprung"
    yield Trap(sprung)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # it works


def test_a_pickle_in_place_of_weights(trap, tmp_path):
    Tiny().save_pretrained(tmp_path / "tiny")
    for name in ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"):
        (tmp_path / "tiny" / name).write_bytes(pickle.dumps(trap))
    torch.save(trap, tmp_path / "tiny" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError):
        Tiny.from_pretrained(tmp_path / "tiny")


def test_a_pickle_in_place_of_the_detectors_arrays(trap, tmp_path):
    (tmp_path / "pnet.lz4").write_bytes(lz4.frame.compress(pickle.dumps(trap)))
    with pytest.raises(CheckpointError, match="names"):
        read_joblib_arrays(tmp_path / "pnet.lz4")


def test_objects_among_the_arrays_of_the_asset_pack(trap, tmp_path):
    np.savez(tmp_path / "meshes.npz", vertices=np.array([trap], object))
    with pytest.raises(RenderError, match="no archive of arrays"):
        read_meshes(tmp_path, {"meshes.npz": sha256_of(tmp_path / "meshes.npz")})


@pytest.mark.parametrize("name", ["optimizer.bin", "random_states_0.pkl"])
def test_a_pickle_in_a_checkpoint_of_a_training_run(trap, tmp_path, name):
    accelerator = Accelerator(cpu=True)
    network = Tiny()
    accelerator.prepare(network, torch.optim.SGD(network.parameters(), 0.1))
    accelerator.save_state(str(tmp_path / "checkpoint"))
    assert (tmp_path / "checkpoint" / name).is_file()
    torch.save({"state": trap}, tmp_path / "checkpoint" / name)
    if name == "optimizer.bin":
        with pytest.raises(TrainingError, match="cannot be resumed"):
            load_checkpoint(accelerator, tmp_path / "checkpoint")
    else:
        load_checkpoint(accelerator, tmp_path / "checkpoint")  # goes on without the states, and says so in its log
