"""insightface's detector and ArcFace encoder on a pack that the test builds; no network, none of the real weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from insightface_pack import FACES, LANDMARKS, RECOGNITION_WEIGHTS, write_detector, write_recogniser, write_stranger

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.insightface import InsightFaceDetector, InsightFaceIdentityEncoder
from faceshifter_hub.registry import PHOTOGRAPH, get_manifest, list_pipelines
from faceshifter_hub.settings import Settings

CLASSES = (InsightFaceDetector, InsightFaceIdentityEncoder)
NAMES = ("insightface-buffalo-l-detector", "insightface-buffalo-l")


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """A folder like a model pack's: the two models we use, one we do not, and a text, in an unhelpful order."""
    folder = tmp_path_factory.mktemp("models") / "antelope_v9"
    folder.mkdir()
    write_stranger(folder / "1k3d68.onnx")
    write_detector(folder / "scrfd.onnx")
    write_recogniser(folder / "arcface.onnx")
    (folder / "LICENSE").write_text("for research only")
    return folder


@pytest.fixture(scope="session")
def insightface_detector(pack):
    return InsightFaceDetector.from_pretrained(pack)


@pytest.fixture(scope="session")
def encoder(pack):
    return InsightFaceIdentityEncoder.from_pretrained(pack)


def photo(colour: tuple[int, int, int], side: int = 640) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


# ---- the detector


@pytest.mark.parametrize("side", [640, 320])
def test_the_detector_finds_boxes_and_landmarks_the_largest_first(insightface_detector, side):
    faces = insightface_detector.detect(photo((255, 0, 0), side))
    assert [face.score for face in faces] == pytest.approx([0.8, 0.95], abs=0.01)  # the larger is the less certain
    assert faces[0].area > faces[1].area
    for face, (centre, half, _) in zip(faces, FACES[::-1], strict=True):
        unit, middle = 32 * side / 640, np.array(centre)
        np.testing.assert_allclose(face.box, unit * np.concatenate([middle - half, middle + half]), rtol=1e-5)
        np.testing.assert_allclose(face.landmarks, unit * (middle + half / 4 * LANDMARKS), rtol=1e-5)
        assert face.box.shape == (4,) and face.box.dtype == face.landmarks.dtype == np.float32
        assert isinstance(face.score, float)


def test_the_detector_sees_red_as_red(insightface_detector):
    assert insightface_detector.detect(photo((0, 0, 255))) == []
    assert insightface_detector.detect(photo((128, 128, 128))) == []
    assert len(insightface_detector.detect(photo((255, 0, 0))[:, ::-1])) == 2  # a view of a photograph, too


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3000), (20_000, 20)])
def test_photographs_of_any_shape_are_searched(insightface_detector, height, width):
    assert insightface_detector.detect(np.zeros((height, width, 3), np.uint8)) == []


def test_what_it_finds_can_be_aligned_and_embedded(insightface_detector, encoder):
    image = photo((255, 0, 0))
    aligned, _ = align(image, insightface_detector.detect(image)[0].landmarks, 128)
    x = torch.from_numpy(aligned).permute(2, 0, 1)[None] / 127.5 - 1
    torch.testing.assert_close(encoder(x), embedding(1, -1, -1))


# ---- the identity encoder


def embedding(red: float, green: float, blue: float) -> torch.Tensor:
    """What the pack's recogniser gives for a face of one colour in [-1, 1]."""
    return F.normalize(torch.tensor([[red, green, blue]]).float() @ torch.from_numpy(RECOGNITION_WEIGHTS), dim=1)


@pytest.mark.parametrize("resolution", [64, 256])
def test_the_encoder_embeds_rgb_in_minus_one_to_one(encoder, resolution):
    colours = torch.tensor([[1.0, -0.5, 0.2], [-1, 0.3, 0.8]])
    embeddings = encoder(colours[..., None, None].expand(2, 3, resolution, resolution))
    assert embeddings.shape == (2, 512)
    torch.testing.assert_close(embeddings, torch.cat([embedding(*colour.tolist()) for colour in colours]))
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))


def test_the_encoder_sees_arcfaces_crop_and_not_the_background(encoder):
    x = torch.zeros(1, 3, 256, 256)
    x[:, 0] = 0.5
    background = x.clone()
    background[..., :18], background[..., 240:], background[..., :10, :], background[..., 224:, :] = -1, -1, -1, -1
    torch.testing.assert_close(encoder(background), encoder(x))
    background[..., 100:140, 100:140] = -1
    assert not torch.allclose(encoder(background), encoder(x), atol=0.01)


def test_the_embedding_keeps_its_inputs_type_and_carries_no_gradient(encoder):
    x = torch.rand(1, 3, 112, 112).half().requires_grad_()
    assert encoder(x).dtype == torch.float16 and not encoder(x).requires_grad


# ---- the components


def test_interfaces(insightface_detector, encoder):
    assert insightface_detector.interface == PHOTOGRAPH
    space = encoder.interface.identity_space
    assert (space.name, space.width) == ("arcface-antelope-v9", 512)  # another pack's embeddings do not compare
    assert encoder.interface.alignment == "arcface-wide"


@pytest.mark.parametrize("component_class", CLASSES)
def test_it_stays_frozen_and_has_nothing_to_train(pack, component_class):
    component = component_class.from_pretrained(pack, dtype=torch.float16)
    around = torch.nn.ModuleList([component, torch.nn.Dropout()]).train()
    assert around[1].training and not component.training
    assert not list(around.parameters())


@pytest.mark.parametrize("component_class", CLASSES)
def test_it_refuses_to_be_saved_or_published(pack, tmp_path, component_class):
    component = component_class.from_pretrained(pack)
    for refuse in (
        lambda: component.save_pretrained(tmp_path / "copy"),
        lambda: component.push_to_hub("somebody/arcface"),
    ):
        with pytest.raises(CheckpointError, match=r"^[^\n]*may not be passed on; [^\n]*\.$"):
            refuse()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("component_class", CLASSES)
def test_a_folder_without_its_model_is_refused_with_the_way_to_get_one(tmp_path, component_class):
    with pytest.raises(CheckpointError, match=r"there are none.*insightface-cli.*non-commercial"):
        component_class.from_pretrained(tmp_path)
    write_stranger(tmp_path / "stranger.onnx")
    (write_recogniser if component_class is InsightFaceDetector else write_detector)(tmp_path / "other.onnx")
    with pytest.raises(CheckpointError, match=rf"other\.onnx, stranger\.onnx\) is no {component_class.task} model"):
        component_class.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=rf"other\.onnx' is no {component_class.task} model"):
        component_class(str(tmp_path / "other.onnx"))


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", bytes(1000)])
def test_a_damaged_model_is_refused(tmp_path, content):
    (tmp_path / "scrfd.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"scrfd\.onnx"):
        InsightFaceDetector.from_pretrained(tmp_path)


# ---- what the registry says


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_of_other_weights_under_the_registered_name_is_refused(tmp_path, monkeypatch, name):
    manifest = get_manifest(name)
    folder = tmp_path / ".insightface/models/buffalo_l"
    folder.mkdir(parents=True)
    write_detector(folder / manifest.files[0].path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="not the file that the manifest"):
        load_component(name, manifest.kind)


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_says_non_commercial(name):
    manifest = get_manifest(name)
    assert not manifest.commercial_use and "non-commercial" in manifest.weights_licence


def test_the_default_pipeline_is_free_of_it():
    default = Settings.model_fields["pipeline"].default
    pipelines = {pipeline.name: pipeline for pipeline in list_pipelines()}
    assert not set(NAMES) & set(pipelines[default].components.values())
