"""MTCNN finds the rendered people that ship, and reads its weights without trusting their pickle."""

import os
import pickle

import cv2
import lz4.frame
import numpy as np
import pytest
import torch

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.faces.mtcnn import MTCNNDetector, read_joblib_arrays
from faceshifter_hub.registry import PHOTOGRAPH, resolve

# ---- faces


def test_every_example_has_its_one_face(detector, examples):
    assert len(examples) == 12
    for photo in examples:
        (face,) = detector.detect(photo)
        assert face.score > 0.99
        assert face.box.shape == (4,) and face.landmarks.shape == (5, 2)
        assert face.box.dtype == face.landmarks.dtype == np.float32
        left, top, right, bottom = face.box
        assert ((face.landmarks > (left, top)) & (face.landmarks < (right, bottom))).all()
        matrix = similarity(face.landmarks, template(256))
        residual = face.landmarks @ matrix[:, :2].T + matrix[:, 2] - template(256)
        assert np.linalg.norm(residual, axis=1).max() < 15  # eyes, nose and mouth, in their order; of 256 pixels


def test_two_people_side_by_side_the_largest_first(detector, examples):
    small = cv2.resize(examples[1], (300, 300), interpolation=cv2.INTER_AREA)
    photo = np.full((512, 812, 3), 128, np.uint8)
    photo[100:400, :300], photo[:, 300:] = small, examples[0]
    large_face, small_face = detector.detect(photo)
    assert large_face.area > small_face.area
    (alone,) = detector.detect(examples[0])
    np.testing.assert_allclose(large_face.landmarks - (300, 0), alone.landmarks, atol=5)
    assert (small_face.landmarks[:, 0] < 300).all()


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1, 1), (11, 300), (300, 12), (1, 3000)])
def test_nobody_is_found_on_grey_of_any_size(detector, height, width):
    assert detector.detect(np.full((height, width, 3), 128, np.uint8)) == []


def test_nobody_is_found_in_noise_or_landscape(detector):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    y, x = np.mgrid[:300, :400]
    landscape = np.stack([y * 255 // 300, 255 - y * 255 // 300, x * 255 // 400], -1).astype(np.uint8)
    assert detector.detect(noise) == detector.detect(landscape) == []


def test_landmarks_follow_the_photograph(detector, examples):
    (face,) = detector.detect(examples[4])
    padded = cv2.copyMakeBorder(examples[4], 30, 50, 110, 70, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    (moved,) = detector.detect(padded)
    np.testing.assert_allclose(moved.landmarks - (110, 30), face.landmarks, atol=5)
    (mirrored,) = detector.detect(examples[4][:, ::-1])
    np.testing.assert_allclose(mirrored.landmarks[[1, 0, 2, 4, 3]], [511, 0] - face.landmarks * (1, -1), atol=5)


def test_a_huge_photograph_is_searched_at_reduced_size(detector, examples):
    (face,) = detector.detect(examples[0])
    photo = cv2.resize(examples[0], (3072, 3072), interpolation=cv2.INTER_LINEAR)
    (enlarged,) = detector.detect(photo)
    np.testing.assert_allclose(enlarged.landmarks, (face.landmarks + 0.5) * 6 - 0.5, atol=6 * 3)


def test_a_face_too_small_for_the_first_search_is_found_by_the_second(detector, examples):
    photo = np.full((1600, 2560, 3), 128, np.uint8)
    photo[700:756, 900:956] = cv2.resize(examples[1], (56, 56), interpolation=cv2.INTER_AREA)
    (face,) = detector.detect(photo)
    assert ((face.landmarks > (900, 700)) & (face.landmarks < (956, 756))).all()


def test_a_face_of_a_twentieth_of_the_photograph_is_found_beside_a_large_one(detector, examples):
    side = 150  # of a picture whose face is 100 high
    photo = np.full((1200, 2000, 3), 128, np.uint8)
    photo[100:1100, 900:1900] = cv2.resize(examples[0], (1000, 1000), interpolation=cv2.INTER_LINEAR)
    for n, example in enumerate(examples[1:6]):
        photo[200 * n : 200 * n + side, 300 : 300 + side] = cv2.resize(
            example, (side, side), interpolation=cv2.INTER_AREA
        )
    _, *small = detector.detect(photo)
    assert [face.area**0.5 < 120 for face in small] == [True] * 5


def test_landmarks_tremble_little_where_the_photograph_is_moved_and_scaled(detector, examples):
    for photo in examples[:4]:
        found = []
        for shift, side in ((0, 512), (13, 512), (31, 512), (0, 470), (0, 600)):
            moved = cv2.copyMakeBorder(photo, shift, 0, shift, 0, cv2.BORDER_REPLICATE)
            moved = cv2.resize(moved, (side + shift, side + shift), interpolation=cv2.INTER_AREA)
            (face,) = detector.detect(moved)
            found.append((face.landmarks + 0.5) * 512 / side - 0.5 - shift)
        apart = np.linalg.norm(found - np.median(found, axis=0), axis=2)  # (5, 5)
        assert apart.mean() < 0.006 * face.area**0.5


def test_a_face_cut_by_the_edge_is_found_with_a_box_that_may_reach_beyond(detector, examples):
    (whole,) = detector.detect(examples[1])
    (face,) = detector.detect(examples[1][:, 150:])
    np.testing.assert_allclose(face.landmarks, whole.landmarks - (150, 0), atol=5)


# ---- the component


def test_it_stays_frozen_whatever_is_asked():
    detector = MTCNNDetector.from_pretrained("mtcnn")
    around = torch.nn.ModuleList([detector, torch.nn.Dropout()])
    for mode in (True, False):
        around.train(mode)
        assert around[1].training == mode
        assert not any(module.training for module in detector.modules())
        assert not any(tensor.requires_grad for tensor in (*detector.parameters(), *detector.state_dict().values()))
    assert detector.interface == PHOTOGRAPH


def test_it_saves_and_loads_the_same_function(detector, examples, tmp_path):
    detector.save_pretrained(tmp_path / "mtcnn")
    loaded = MTCNNDetector.from_pretrained(tmp_path / "mtcnn")
    assert not loaded.training and not any(parameter.requires_grad for parameter in loaded.parameters())
    (expected,), (found,) = detector.detect(examples[2]), loaded.detect(examples[2])
    # on one thread the same sums may come in another order
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)
    np.testing.assert_allclose(found.box, expected.box, atol=1e-3)
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=1e-3)


def test_it_finds_faces_in_half_precision_too(detector, examples):
    (expected,) = detector.detect(examples[2])
    (found,) = MTCNNDetector.from_pretrained("mtcnn", dtype=torch.bfloat16).detect(examples[2])
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=3)


# ---- weights, read without trust


class Hostile:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def write(path, content: bytes):
    path.write_bytes(lz4.frame.compress(content))
    return path


@pytest.fixture
def weights(tmp_path):
    """A folder with copies of the three weight files."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name, path in resolve("mtcnn").files.items():
        (folder / name).write_bytes(path.read_bytes())
    return folder


def test_the_weights_are_float32_arrays(weights):
    arrays = read_joblib_arrays(weights / "pnet.lz4")
    assert [array.shape for array in arrays[:3]] == [(3, 3, 3, 10), (10,), (1, 1, 10)]
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.system, exec, eval, __import__, getattr])
def test_a_hostile_pickle_is_refused_and_runs_nothing(weights, tmp_path, protocol, function):
    trace = tmp_path / "trace"
    if function is os.system:
        payload = Hostile(os.system, f"touch {trace}")
    else:
        payload = Hostile(function, f"open({str(trace)!r}, 'w')")
    honest = pickle.dumps([payload], protocol)
    if function in (os.system, exec):  # the payload does what it says, where pickles are trusted
        pickle.loads(honest)
        assert trace.exists()
        trace.unlink()
    write(weights / "rnet.lz4", honest)
    with pytest.raises(CheckpointError, match=r"rnet\.lz4 is no list of numpy arrays \(it names .*; install"):
        MTCNNDetector.from_pretrained(weights)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pickle.dumps({"weights": 1}), id="a dictionary"),
        pytest.param(pickle.dumps([1.0, "two"]), id="a list of other things"),
        pytest.param(pickle.dumps([np.zeros(3, np.float32)]), id="arrays that pickle themselves"),
        pytest.param(b"\x80\x04.", id="an empty stack"),
        pytest.param(b"cnumpy\nndarray\n(tR.", id="calling what only stands there"),
        pytest.param(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b.", id="an array without a shape"),
        pytest.param(b"no pickle", id="text"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_anything_but_a_list_of_arrays_is_refused(tmp_path, content):
    with pytest.raises(CheckpointError, match=r"^[^\n]*is no list of numpy arrays[^\n]*; install the package anew\.$"):
        read_joblib_arrays(write(tmp_path / "pnet.lz4", content))


def test_arrays_of_another_type_are_refused(weights, tmp_path):
    honest = lz4.frame.decompress((weights / "pnet.lz4").read_bytes())
    assert b"f4" in honest
    with pytest.raises(CheckpointError, match="of type f8"):
        read_joblib_arrays(write(tmp_path / "pnet.lz4", honest.replace(b"f4", b"f8", 1)))
    with pytest.raises(CheckpointError, match="of type O4"):
        read_joblib_arrays(write(tmp_path / "pnet.lz4", honest.replace(b"f4", b"O4", 1)))


def test_damaged_files_are_refused(weights):
    data = (weights / "onet.lz4").read_bytes()
    truncated = lz4.frame.decompress(data)[:-100]
    for content in (data[:-100], b"", b"<html>404</html>", lz4.frame.compress(truncated)):
        (weights / "onet.lz4").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"onet\.lz4"):
            MTCNNDetector.from_pretrained(weights)


def test_the_weights_of_another_network_or_none_are_refused(weights):
    (weights / "pnet.lz4").write_bytes((weights / "rnet.lz4").read_bytes())
    with pytest.raises(CheckpointError, match=r"pnet\.lz4 holds the weights of another network"):
        MTCNNDetector.from_pretrained(weights)
    (weights / "pnet.lz4").unlink()
    with pytest.raises(CheckpointError, match=r"lacks the file 'pnet\.lz4'"):
        MTCNNDetector.from_pretrained(weights)
