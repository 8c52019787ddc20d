"""dlib's network in torch against dlib's own runtime, on the rendered people that ship."""

import dlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.media.images import read_image
from faceshifter_hub.models.crops import DLIB_CROP, canonical_crop
from faceshifter_hub.models.dlib_resnet import WEIGHTS_FILE, DlibIdentityEncoder
from faceshifter_hub.registry import DATA_ROOT, resolve


@pytest.fixture(scope="module")
def weights():
    """The data file of the package face-recognition-models."""
    return resolve("dlib-resnet").files[WEIGHTS_FILE]


@pytest.fixture(scope="module")
def encoder():
    return DlibIdentityEncoder.from_pretrained("dlib-resnet")


@pytest.fixture(scope="module")
def photos():
    """Six of the rendered people."""
    return [read_image(path) for path in sorted((DATA_ROOT / "examples").glob("*.webp"))[:6]]


@pytest.fixture(scope="module")
def faces(photos):
    """Their aligned faces, (6, 3, 256, 256) in [-1, 1]."""
    detector = MTCNNDetector.from_pretrained("mtcnn")
    aligned = [align(photo, detector.detect(photo)[0].landmarks, 256)[0] for photo in photos]
    return torch.from_numpy(np.stack(aligned)).permute(0, 3, 1, 2) / 127.5 - 1


# ---- the same numbers as dlib


def test_descriptors_are_those_of_dlibs_own_runtime(encoder, faces, weights):
    chips = ((canonical_crop(faces, DLIB_CROP) + 1) * 127.5).round().clamp(0, 255)  # (6, 3, 150, 150) as dlib takes it
    theirs = dlib.face_recognition_model_v1(str(weights))
    pixels = chips.byte().permute(0, 2, 3, 1).contiguous().numpy()
    expected = torch.tensor(np.array([theirs.compute_face_descriptor(chip) for chip in pixels]))
    descriptors = encoder.describe(chips / 127.5 - 1)[0]
    # measured: 4e-7 at most, of numbers up to 0.45
    torch.testing.assert_close(descriptors.double(), expected, atol=1e-6, rtol=0)


def test_the_whole_chain_embeds_a_face_as_dlibs_own_chain_does(encoder, photos, faces, weights):
    """From the photograph on: dlib's detector, its five landmarks, its chip and its runtime, against ours."""
    detect = dlib.get_frontal_face_detector()
    place = dlib.shape_predictor(str(weights.parent / "shape_predictor_5_face_landmarks.dat"))
    describe = dlib.face_recognition_model_v1(str(weights)).compute_face_descriptor
    theirs = torch.tensor(np.array([describe(photo, place(photo, detect(photo)[0])) for photo in photos[:3]])).float()
    expected = F.normalize(F.normalize(theirs, dim=1) - encoder.mean_embedding, dim=1)
    # measured: 0.969 at least; between different people here 0.70 at most
    assert (encoder(faces[:3]) * expected).sum(1).min() > 0.95


def test_embeddings_are_centred_and_of_unit_length(encoder, faces):
    embeddings = encoder(faces)
    assert embeddings.shape == (6, 128)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(6))
    raw = F.normalize(encoder.describe(canonical_crop(faces, DLIB_CROP))[0], dim=1)
    torch.testing.assert_close(embeddings, F.normalize(raw - encoder.mean_embedding, dim=1))
    # the mean that all embeddings share is gone; measured between these people, who are all rendered: 0.88 and 0.39
    different = ~torch.eye(6, dtype=torch.bool)
    assert (raw @ raw.T)[different].mean() > 0.8
    assert (embeddings @ embeddings.T)[different].mean() < 0.5


def test_the_same_person_is_nearer_than_others(encoder, faces):
    darker = faces * 0.8 - 0.1
    similarity = encoder(darker) @ encoder(faces.flip(3)).T
    same = torch.eye(6, dtype=torch.bool)
    # measured: 0.946 at least against 0.673 at most
    assert similarity[same].min() > 0.9 and similarity[~same].max() < 0.75


# measured: 0.987 at 128 pixels, where the crop is enlarged, and 0.999 at 224
@pytest.mark.parametrize(("resolution", "cosine"), [(128, 0.98), (224, 0.995)])
def test_any_resolution_gives_the_same_embedding(encoder, faces, resolution, cosine):
    resized = F.interpolate(faces, size=(resolution, resolution), mode="bilinear", antialias=True)
    assert (encoder(resized) * encoder(faces)).sum(1).min() > cosine


def test_features_are_the_maps_of_every_resolution(encoder, faces):
    embeddings, maps = encoder.features(faces[:2])
    torch.testing.assert_close(embeddings, encoder(faces[:2]))
    sides = {32: 35, 64: 17, 128: 8, 256: 4}
    shapes = [(2, channels, side, side) for channels, side in [*sides.items(), (256, 2)]]
    assert [tuple(features.shape) for features in maps] == shapes
    assert all(features.min() >= 0 and features.max() > 0 for features in maps)


# ---- frozen, and differentiable


def test_gradient_reaches_the_input_and_no_parameter(encoder, faces):
    x = faces[:2].clone().requires_grad_()
    embeddings, maps = encoder.features(x)
    (embeddings[0] @ embeddings[1] + maps[2].square().mean()).backward()
    assert x.grad.isfinite().all() and x.grad.abs().sum() > 0
    assert x.grad[..., :10].abs().sum() == 0  # beyond dlib's crop
    assert all(not parameter.requires_grad and parameter.grad is None for parameter in encoder.parameters())


def test_the_gradient_is_the_slope(encoder, faces):
    torch.manual_seed(0)
    network = DlibIdentityEncoder.from_pretrained("dlib-resnet", dtype=torch.float64)
    noise, direction = torch.randn(2, 1, 3, 256, 256, dtype=torch.float64)
    x = (faces[:1] + 0.01 * noise).requires_grad_()  # in a flat part of a picture, maxima of pooling are ties
    other = encoder(faces[1:2]).double()
    (slope,) = torch.autograd.grad((network(x) * other).sum(), x)
    step = 1e-8  # no larger: the function is made of flat pieces, and the slope holds within one
    with torch.no_grad():
        ahead, behind = ((network(x + sign * step * direction) * other).sum() for sign in (1, -1))
    torch.testing.assert_close((slope * direction).sum(), (ahead - behind) / (2 * step), rtol=1e-5, atol=0)


def test_it_stays_in_eval_mode_inside_a_module_in_training(weights):
    class Loss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.identity = DlibIdentityEncoder.from_files({WEIGHTS_FILE: weights})
            self.scale = torch.nn.Linear(128, 1)

    loss = Loss()
    for mode in (True, False):
        loss.train(mode)
        assert loss.scale.training == mode
        assert not any(module.training for module in loss.identity.modules())
    assert {name for name, parameter in loss.named_parameters() if parameter.requires_grad} == {
        "scale.weight",
        "scale.bias",
    }


# ---- its files


def test_it_saves_and_loads_the_same_function(encoder, faces, tmp_path):
    encoder.save_pretrained(tmp_path / "dlib")
    loaded = load_component(tmp_path / "dlib", "identity_encoder")
    assert torch.equal(loaded(faces[:2]), encoder(faces[:2]))
    assert loaded.interface == encoder.interface
    assert not loaded.training and not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-1_000], id="truncated"),
        pytest.param(lambda data: data[: len(data) // 2], id="half"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"<html>404</html>", id="text"),
        pytest.param(lambda data: data[1_000_000:], id="without its beginning"),
        pytest.param(lambda data: bytes(len(data)), id="zeros"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence(weights, tmp_path, damage):
    path = tmp_path / WEIGHTS_FILE
    path.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(CheckpointError, match=rf"^{path} is not dlib's face recognition network; [^\n]+\.$"):
        DlibIdentityEncoder.from_pretrained(tmp_path)


def test_another_network_of_dlib_is_refused(weights, tmp_path):
    (tmp_path / WEIGHTS_FILE).write_bytes((weights.parent / "mmod_human_face_detector.dat").read_bytes())
    with pytest.raises(CheckpointError, match="is not dlib's face recognition network"):
        DlibIdentityEncoder.from_pretrained(tmp_path)
