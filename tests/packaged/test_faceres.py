import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from graph import run_graph
from PIL import Image

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.identity import score_aligned
from faceshifter_hub.packaged.faceres import FaceRes

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")


@pytest.fixture(scope="module")
def faceres():
    return FaceRes.from_package()


def ramps(size):
    """A picture of three colour ramps, (1, 3, size, size) in [-1, 1]."""
    ramp = torch.linspace(-1, 1, size)
    return torch.stack([ramp.expand(size, size), ramp.expand(size, size).T, -ramp.expand(size, size)])[None]


def test_random_weights_embed_any_resolution_and_stay_frozen():
    network = FaceRes()
    for resolution in (64, 256):
        assert network(ramps(resolution)).shape == (1, 1024)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_lets_gradients_through_to_the_face():
    face = ramps(64).requires_grad_()
    FaceRes()(face).sum().backward()
    assert face.grad.abs().sum() > 0


@needs_npm
def test_equals_the_tensorflow_graph(faceres):
    # The eight largest of the 1024 numbers, from an interpreter of the TensorFlow.js graph (`global_pooling/Mean`). On
    # twelve rendered faces the largest difference between the two was 2.7e-6, in embeddings that reach 2.3.
    largest = faceres.embed_crops(ramps(224))[0].topk(8)
    assert largest.indices.tolist() == [584, 549, 715, 7, 757, 88, 981, 213]
    expected = torch.tensor([1.8153, 0.9227, 0.6962, 0.4999, 0.4401, 0.2764, 0.2151, 0.2144])
    torch.testing.assert_close(largest.values, expected, rtol=0, atol=2e-4)


@needs_npm
def test_age_and_sex_equal_the_tensorflow_graph(faceres):
    crops = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    crops = torch.cat([crops, ramps(224)])
    nodes = ("global_pooling/Mean", "age_pred/Softmax", "gender_pred/Sigmoid")
    expected = [run_graph("faceres", FaceRes.fetch(), faceres.prepare(crops), node) for node in nodes]
    embeddings = faceres.embed_crops(crops)
    torch.testing.assert_close(embeddings, expected[0], rtol=0, atol=2e-5)
    age, female = faceres.attributes(embeddings)
    torch.testing.assert_close(age, (expected[1] * torch.arange(100)).sum(1), rtol=0, atol=1e-3)
    torch.testing.assert_close(female, 1 - expected[2][:, 0], rtol=0, atol=1e-5)  # the graph says how male a face is


@needs_npm
def test_damaged_weights_are_refused_before_parsing(faceres, tmp_path):
    folder = shutil.copytree(FaceRes.fetch(), tmp_path / "faceres")
    with open(folder / "faceres.safetensors", "r+b") as weights:
        weights.seek(1000)
        weights.write(b"\xff")
    with pytest.raises(CheckpointError, match=r"faceres.safetensors is damaged"):
        FaceRes.from_folder(folder)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"faceres.safetensors is missing"):
        FaceRes.from_folder(tmp_path)


@needs_npm
def test_tells_rendered_people_apart(faceres):
    faces = {}
    for role in ("source", "target", "truth"):
        paths = sorted(Path(__file__).parents[1].glob(f"evaluation/triplets/*_{role}.webp"))
        pixels = np.stack([np.asarray(Image.open(path)) for path in paths])  # (4, 256, 256, 3)
        faces[role] = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    gallery = torch.cat([faces["source"], faces["target"]])
    # `truth` shows the source's person with everything else of the target
    scores = score_aligned(faces["truth"], torch.arange(4), torch.arange(4, 8), gallery, faceres)
    assert scores["closer_to_source"].value == 1.0
    assert scores["retrieval_top1"].value >= 0.75
    assert scores["cosine_to_source"].value > scores["cosine_to_target"].value + 0.3
