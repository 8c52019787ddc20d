import shutil

import pytest
import torch
from graph import run_graph

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.judging.iris import Iris

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")


@pytest.fixture(scope="module")
def iris():
    return Iris.from_package()


def test_random_weights_give_points_and_stay_frozen():
    network = Iris()
    outline, points = network(torch.zeros(2, 3, 64, 64))
    assert outline.shape == (2, 71, 3)
    assert points.shape == (2, 5, 3)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@needs_npm
def test_equals_the_tensorflow_graph(iris):
    crops = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = run_graph("iris", Iris.fetch(), (crops + 1) / 2, "Identity").reshape(2, 76, 3)
    assert expected.std() > 10  # pixels: the weights are no noise
    torch.testing.assert_close(torch.cat(iris(crops), 1), expected, rtol=0, atol=1e-3)


@needs_npm
def test_damaged_weights_are_refused_before_parsing(tmp_path):
    folder = shutil.copytree(Iris.fetch(), tmp_path / "iris")
    with open(folder / "iris.safetensors", "r+b") as weights:
        weights.seek(1000)
        weights.write(b"\xff\xff")
    with pytest.raises(CheckpointError, match=r"iris.safetensors is damaged"):
        Iris.from_folder(folder)
