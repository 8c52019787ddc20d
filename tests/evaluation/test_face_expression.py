import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.evaluation.judging.face_expression import (
    CLASSES,
    NAME,
    FaceExpression,
)
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.packaged.networks import get_network, read_verified
from faceshifter_hub.packaged.tfjs import unpack

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")
MOODS = Path(__file__).parent / "moods"


@pytest.fixture(scope="module")
def face_expression():
    return FaceExpression.from_package()


def convolve(x, kernel, stride, groups=1):
    """Convolve with a kernel (3, 3, in, out), or (3, 3, channels, 1), and TensorFlow's SAME padding."""
    total = max((-(-x.shape[2] // stride) - 1) * stride + 3 - x.shape[2], 0)
    x = F.pad(x, (total // 2, total - total // 2) * 2)
    kernel = kernel.permute(2, 3, 0, 1) if groups > 1 else kernel.permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, stride=stride, groups=groups)


def javascript(pixels, weights):
    """What face-api.js computes of pixels (B, 3, 112, 112) in [0, 255]: FaceExpressionNet.ts, denseBlock.ts."""

    def conv(x, name, stride):
        if f"{name}/filters" in weights:
            y = convolve(x, weights[f"{name}/filters"], stride)
        else:
            y = convolve(x, weights[f"{name}/depthwise_filter"], stride, groups=x.shape[1])
            y = torch.einsum("bihw,io->bohw", y, weights[f"{name}/pointwise_filter"][0, 0])
        return y + weights[f"{name}/bias"][:, None, None]

    out = (pixels - torch.tensor([122.782, 117.001, 104.298])[:, None, None]) / 255
    for block in ("dense0", "dense1", "dense2", "dense3"):
        out1 = F.relu(conv(out, f"{block}/conv0", 2))
        out2 = conv(out1, f"{block}/conv1", 1)
        out3 = conv(F.relu(out1 + out2), f"{block}/conv2", 1)
        out4 = conv(F.relu(out1 + out2 + out3), f"{block}/conv3", 1)
        out = F.relu(out1 + out2 + out3 + out4)
    out = F.avg_pool2d(out, 7, 2).flatten(1)
    return F.softmax(out @ weights["fc/weights"] + weights["fc/bias"], 1)


def test_random_weights_give_probabilities_at_any_resolution_and_stay_frozen():
    network = FaceExpression()
    for resolution in (64, 256):
        probabilities = network(torch.zeros(2, 3, resolution, resolution))
        assert probabilities.shape == (2, len(CLASSES))
        torch.testing.assert_close(probabilities.sum(1), torch.ones(2))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


@needs_npm
def test_equals_what_the_javascript_computes(face_expression):
    contents = read_verified(get_network(NAME), FaceExpression.fetch())
    manifest = json.loads(contents["face_expression_model-weights_manifest.json"])
    weights = unpack(manifest, contents["face_expression_model.bin"])
    crops = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    crops[2:] = F.interpolate(crops[2:, :, :7, :7], size=112, mode="bilinear")
    expected = javascript((crops + 1) * 127.5, weights)
    assert expected.std(0).max() > 0.01  # crops differ
    torch.testing.assert_close(face_expression.classify_crops(crops), expected, rtol=0, atol=1e-5)


@needs_npm
def test_a_smile_is_called_happy(face_expression):
    detector = MTCNNDetector.from_pretrained("mtcnn")
    for person in (1, 2):
        probabilities = {}
        for mood in ("smiling", "neutral"):
            picture = np.asarray(Image.open(MOODS / f"{person}_{mood}.webp"))
            face, _ = align(picture, detector.detect(picture)[0].landmarks, 256)
            x = torch.from_numpy(face).permute(2, 0, 1)[None] / 127.5 - 1
            probabilities[mood] = dict(zip(CLASSES, face_expression(x)[0].tolist(), strict=True))
        assert probabilities["smiling"]["happy"] > 0.5 > probabilities["neutral"]["happy"]
        assert probabilities["neutral"]["neutral"] > 0.5


@needs_npm
def test_damaged_weights_are_refused_before_parsing(tmp_path):
    folder = shutil.copytree(FaceExpression.fetch(), tmp_path / NAME)
    with open(folder / f"{NAME}.safetensors", "r+b") as weights:
        weights.seek(1000)
        byte = weights.read(1)[0]
        weights.seek(1000)
        weights.write(bytes([byte ^ 1]))
    with pytest.raises(CheckpointError, match=r"face-api-expression.safetensors is damaged"):
        FaceExpression.from_folder(folder)
