import shutil

import pytest
import torch
from graph import run_graph

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")


@pytest.fixture(scope="module")
def facemesh():
    return FaceMesh.from_package()


def test_random_weights_give_points_and_stay_frozen():
    network = FaceMesh()
    assert network(torch.zeros(2, 3, 192, 192)).shape == (2, 468, 3)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@needs_npm
def test_equals_the_tensorflow_graph(facemesh):
    crops = torch.rand(2, 3, 192, 192, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = run_graph("facemesh", FaceMesh.fetch(), (crops + 1) / 2, "Identity_2").reshape(2, 468, 3)
    assert expected.std() > 10  # pixels: the weights are no noise
    torch.testing.assert_close(facemesh(crops), expected, rtol=0, atol=1e-3)


@needs_npm
def test_damaged_weights_are_refused_before_parsing(tmp_path):
    folder = shutil.copytree(FaceMesh.fetch(), tmp_path / "facemesh")
    with open(folder / "facemesh.safetensors", "r+b") as weights:
        weights.seek(1000)
        weights.write(b"\xff\xff")
    with pytest.raises(CheckpointError, match=r"facemesh.safetensors is damaged"):
        FaceMesh.from_folder(folder)
