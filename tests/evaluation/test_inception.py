import hashlib
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.cases import Case, Photo
from faceshifter_hub.evaluation.judging.face_area import align_picture, aligned_matrix
from faceshifter_hub.evaluation.judging.inception import (
    FEATURES,
    NAME,
    PARAMETERS,
    Convolution,
    FIDInception,
    find_inception,
    port_names,
)
from faceshifter_hub.evaluation.judging.judges import MEASURES, Judges
from faceshifter_hub.evaluation.judging.observation import Observation
from faceshifter_hub.evaluation.judging.store import Store
from faceshifter_hub.evaluation.metrics import METRICS
from faceshifter_hub.evaluation.run import Swapped
from faceshifter_hub.evaluation.scoring import score_whole
from faceshifter_hub.packaged import networks
from faceshifter_hub.registry import DATA_ROOT, NpmPackageSource
from faceshifter_hub.settings import get_settings

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the other judges come with npm")
FILE = "pt_inception-2015-12-05-6726825d.pth"
PHOTO = Path(__file__).parent / "triplets" / "01_target.webp"


def port_shapes():
    """The shape of every tensor that the port needs, by its name."""
    layers = [module for module in FIDInception().modules() if isinstance(module, Convolution)]
    shapes = {"fc.weight": (1008, FEATURES), "fc.bias": (1008,)}
    for name, layer in zip(port_names(), layers, strict=True):
        shapes |= {f"{name}.{each}": tuple(layer.state_dict()[each].shape) for each in PARAMETERS}
    return shapes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random weights, written as the port's is: a pickle from before there were zip archives."""
    generator, state = torch.Generator().manual_seed(0), {}
    for name, shape in sorted(port_shapes().items()):
        if len(shape) == 4:
            state[name] = torch.randn(shape, generator=generator) * (2 / np.prod(shape[1:])) ** 0.5
        elif name.endswith(("bn.weight", "running_var")):
            state[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            state[name] = torch.randn(shape, generator=generator)
    path = tmp_path_factory.mktemp("weights") / FILE
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture
def pinned(weights, tmp_path, monkeypatch):
    """The folder of `weights`, which a copy of the registry pins."""
    manifests = shutil.copytree(DATA_ROOT / "evaluation_networks", tmp_path / "registry" / "evaluation_networks")
    (tmp_path / "registry" / "checkpoints").symlink_to(DATA_ROOT / "checkpoints")
    (file,) = networks.get_network(NAME).files
    text, content = (manifests / f"{NAME}.toml").read_text(), weights.read_bytes()
    text = text.replace(file.sha256, hashlib.sha256(content).hexdigest()).replace(str(file.size), str(len(content)))
    (manifests / f"{NAME}.toml").write_text(text)
    monkeypatch.setattr(networks, "DATA_ROOT", tmp_path / "registry")
    return weights.parent


@pytest.fixture(scope="module")
def fetched():
    """The folders of the judges that come with npm, by name."""
    judges = [
        network for network in map(networks.get_network, MEASURES) if isinstance(network.source, NpmPackageSource)
    ]
    return {network.name: networks.fetch_network(network, get_settings().cache.expanduser()) for network in judges}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("FACESHIFTER_CACHE", str(folder))
    get_settings.cache_clear()
    yield folder
    monkeypatch.undo()
    get_settings.cache_clear()


def test_random_weights_give_features_at_any_resolution_and_stay_frozen():
    network = FIDInception()
    for resolution in (64, 256):
        features = network(torch.zeros(2, 3, resolution, resolution))
        assert features.shape == (2, FEATURES) and features.min() >= 0
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_names_and_shapes_are_those_of_the_port():
    """Those of pytorch-fid's `fid_inception_v3` on torchvision 0.28, less the batch counters, which nothing needs."""
    shapes = port_shapes()
    assert len(shapes) == 94 * 5 + 2
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Mixed_6b.branch7x7dbl_4.conv.weight"] == (128, 128, 7, 1)
    assert shapes["Mixed_7c.branch3x3_2a.conv.weight"] == (384, 384, 1, 3)
    lines = "\n".join(f"{name} {shape}" for name, shape in sorted(shapes.items()))
    digest = "d84f693f2abd7fea61cb31c87d3b2f268bf707c1bae1db219afdad3363959cb0"
    assert hashlib.sha256(lines.encode()).hexdigest() == digest


def test_features_are_those_of_the_port(pinned):
    """Of pytorch-fid's `InceptionV3` with the same weights, shown the same pictures in [0, 1]."""
    pictures = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    features = FIDInception.from_folder(pinned)(pictures * 2 - 1)
    expected = torch.tensor(
        [
            [3.4894, 3.8685, 0.1512, 44.7661, 2.7106, 0.9317, 0.0000, 0.0570],
            [3.4496, 3.9425, 0.1530, 44.7496, 2.6354, 0.9718, 0.0000, 0.0288],
        ]
    )
    torch.testing.assert_close(features[:, 127::256], expected, rtol=0, atol=1e-3)


def test_the_file_counts_only_where_the_user_has_put_it(cache):
    assert find_inception() is None
    (cache / NAME).mkdir()
    assert find_inception() is None
    (cache / NAME / FILE).touch()
    assert find_inception() == cache / NAME


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_foreign_file_is_refused_before_it_is_parsed(tmp_path):
    content = pickle.dumps(Hostile(tmp_path / "harm"))
    for padding in (0, networks.get_network(NAME).files[0].size - len(content)):
        (tmp_path / FILE).write_bytes(content + bytes(padding))
        with pytest.raises(CheckpointError, match=rf"{FILE} is damaged: .* fetch it again from https://github.com/"):
            FIDInception.from_folder(tmp_path)
    assert not (tmp_path / "harm").exists()


def test_a_damaged_file_is_refused(pinned, tmp_path):
    content = bytearray((pinned / FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{FILE} is damaged"):
        FIDInception.from_folder(tmp_path)


def metrics_of(seen):
    """The metrics that ten swaps have together, all like `seen`, each a little different."""
    generator = np.random.default_rng(0)

    def differ(values):
        return None if values is None else values + generator.normal(size=values.shape).astype(np.float32)

    def another():
        embeddings = {name: differ(values) for name, values in seen.embeddings.items()}
        return replace(seen, embeddings=embeddings, inception=differ(seen.inception))

    photos = {str(k): another() for k in range(10)}
    cases = [Case(name, *[Photo(name, name, lambda: np.zeros((4, 4, 3), np.uint8))] * 2) for name in photos]
    return score_whole(cases, [Swapped(another(), {}) for _ in cases], photos)


@needs_npm
def test_its_metric_is_there_only_with_the_file_and_under_its_own_name(fetched, pinned, cache, tmp_path):
    for name, folder in fetched.items():
        (cache / name).symlink_to(folder)
    picture = np.asarray(Image.open(PHOTO).convert("RGB"))

    without = Judges()
    (seen,) = without.observe([picture], [None], [None])
    assert without.inception is None and seen.inception is None
    assert NAME not in without.describe(()) and "inception" not in seen.arrays()
    assert {judge: list(by) for judge, by in metrics_of(seen).items()} == {"faceres": ["frechet_faceres"]}

    (cache / NAME).symlink_to(pinned)
    judges = Judges()
    (seen,) = judges.observe([picture], [None], [None])
    face = align_picture(picture, aligned_matrix(seen.points))
    torch.testing.assert_close(torch.from_numpy(seen.inception), judges.inception(judges.to_tensor([face]))[0])
    assert judges.describe(())[NAME]["measures"] == "Frechet distance"
    assert judges.digest != without.digest  # what was measured without it is measured again
    store = Store(tmp_path / "store")
    store.put("key", seen.arrays())
    np.testing.assert_array_equal(Observation.from_arrays(store.get("key")).inception, seen.inception)
    metrics = metrics_of(seen)
    assert {judge: list(by) for judge, by in metrics.items()} == {
        "faceres": ["frechet_faceres"], NAME: ["frechet_inception"]
    }  # fmt: skip
    assert {name for by in metrics.values() for name in by} <= METRICS.keys()
    assert metrics[NAME]["frechet_inception"] != metrics["faceres"]["frechet_faceres"]
