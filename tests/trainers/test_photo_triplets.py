import cv2
import numpy as np
import pytest
from accelerate import Accelerator
from test_train_aei import metrics

from faceshifter_hub.errors import FaceShifterError
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from trainers import aei, hear
from trainers.face_exchange import exchange_face
from trainers.pairs import SwapPairs
from trainers.photo_triplets import PhotoTriplets, find_bare, find_meshes
from trainers.photos import Mixture, PhotoFolder, find_shards

SIDE = 160


def dome(centre, radius, points=468):
    """A half ball of points, x to the right, y down, z away from the camera: its nearest point is in the midst."""
    n = np.arange(points)
    r, angle = np.sqrt((n + 0.5) / points), n * np.pi * (3 - np.sqrt(5))  # evenly over a disc
    disc = np.column_stack([r * np.cos(angle), r * np.sin(angle), -np.sqrt(1 - r**2)])
    return radius * disc + np.array([*centre, 0.0])


def dotted(at):
    """A light picture with a dark dot."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    dot = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / (2 * 4**2))
    return np.uint8(200 - 150 * dot[..., None] + np.zeros(3))


def noisy():
    """A picture without features, whose colours have a spread for the donor's to take on."""
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def darkest(picture, box):
    """Return x and y of the midst of the darkest pixels between two bounds."""
    low, high = box
    light = picture[low:high, low:high].astype(int).sum(2)
    return np.argwhere(light <= light.min() + 5).mean(0)[::-1] + low


@pytest.mark.parametrize("shape", [0.0, 1.0])
def test_a_donors_feature_moves_to_the_same_place_of_the_wearer(shape):
    donor, wearer = dome((60, 70), 40), dome((85, 80), 50)
    result = exchange_face(noisy(), wearer, dotted((68, 66)), donor, shape)
    expected = (85 + (68 - 60) * 50 / 40, 80 + (66 - 70) * 50 / 40)
    assert darkest(result, (60, 105)) == pytest.approx(expected, abs=2)


def test_shape_says_whose_features_are_where():
    wearer = dome((80, 80), 50)
    donor = wearer.copy()
    inner = np.hypot(*(donor[:, :2] - 80).T) < 20
    donor[inner, 0] += 6  # what is in the midst of the donor's face lies further to the right
    columns = [darkest(exchange_face(noisy(), wearer, dotted((86, 80)), donor, s), (60, 100))[0] for s in (0, 1)]
    assert columns[0] == pytest.approx(80, abs=2)
    assert columns[1] == pytest.approx(86, abs=3)


def test_what_is_not_the_face_stays_the_wearers_exactly():
    wearer = noisy()
    result = exchange_face(wearer, dome((80, 80), 50), dotted((70, 70)), dome((80, 80), 50), 0.5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    changed = (result != wearer).any(2)
    assert not changed[np.hypot(columns - 80, rows - 80) > 51].any()
    assert changed[np.hypot(columns - 80, rows - 80) < 35].mean() > 0.95


def test_a_donors_shape_is_turned_to_the_wearers_pose():
    donor = dome((80, 80), 50)
    donor[np.hypot(*(donor[:, :2] - 80).T) < 15, 2] -= 20  # a long nose
    angle = 0.5
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    wearer = (donor - (80, 80, 0)) @ turn.T + (80, 80, 0)
    tip = wearer[donor[:, 2].argmin(), :2]
    picture = exchange_face(noisy(), wearer, dotted(donor[donor[:, 2].argmin(), :2]), donor, 1.0)
    assert abs(tip[0] - 80) > 15
    assert darkest(picture, (50, 125)) == pytest.approx(tip, abs=4)


@pytest.fixture(scope="module")
def photos(photos_dir):
    return PhotoFolder(find_shards(photos_dir), "training", 64)


@pytest.fixture(scope="module")
def meshes(photos, tmp_path_factory):
    return find_meshes(photos, tmp_path_factory.mktemp("meshes"), Accelerator())


@pytest.fixture(scope="module")
def triplets(photos, meshes):
    return PhotoTriplets([photos], [meshes], [np.arange(len(photos))], [1.0])


def test_a_mesh_lies_on_its_face(photos, meshes):
    for photo, mesh in zip(photos, meshes, strict=True):
        eyes = [mesh[[33, 133], :2].mean(0), mesh[[362, 263], :2].mean(0)]
        away = np.linalg.norm(eyes - photo.points[:2], axis=1)
        assert away.max() < 0.2 * np.linalg.norm(photo.points[1] - photo.points[0])
        assert mesh[1, 2] < mesh[[234, 454], 2].min()  # the tip of the nose is nearer than the ears


def test_meshes_are_found_once(photos, tmp_path, monkeypatch):
    first = find_meshes(photos, tmp_path, Accelerator())
    monkeypatch.setattr(FaceMesh, "from_package", None)
    assert np.array_equal(find_meshes(photos, tmp_path, Accelerator()), first)


def test_either_the_photograph_is_the_target_or_it_is_the_true_swap(photos, triplets):
    rng = np.random.default_rng(0)
    originals = {photo.image.tobytes(): photo.person for photo in photos}
    cycles = 0
    for _ in range(40):
        swap = triplets.draw(rng)
        assert swap.source.image.tobytes() in originals
        cycle = swap.truth.image.tobytes() in originals
        wearer, exchanged = (swap.truth, swap.target) if cycle else (swap.target, swap.truth)
        assert exchanged.image.tobytes() not in originals
        assert np.array_equal(exchanged.points, wearer.points)
        # the one who is wanted is the source: the photograph itself, or else somebody other than the wearer
        assert (originals[wearer.image.tobytes()] == swap.source.person) == cycle
        cycles += cycle
    assert 8 < cycles < 32


def test_who_wears_glasses_takes_no_part(photos, meshes, tmp_path):
    class Bespectacled(PhotoFolder):
        def __getitem__(self, n):
            photo = super().__getitem__(n)
            if n < 2:  # thick frames round both eyes
                radius = int(0.42 * np.linalg.norm(photo.points[1] - photo.points[0]))
                for x, y in photo.points[:2]:
                    cv2.circle(photo.image, (int(x), int(y)), radius, (20, 20, 25), max(radius // 4, 2))
            return photo

    folder = Bespectacled(photos.paths, "training", 256)
    before = find_bare(PhotoFolder(photos.paths, "training", 256), tmp_path / "before", Accelerator())
    after = find_bare(folder, tmp_path / "after", Accelerator())
    assert set(before) - set(after) == {0, 1}
    triplets = PhotoTriplets([folder], [meshes], [np.array([3, 4])], [1.0])
    taking_part = {folder[n].image.tobytes() for n in (3, 4)}
    rng = np.random.default_rng(0)
    assert all(triplets.draw(rng).source.image.tobytes() in taking_part for _ in range(10))


def test_the_share_of_photographs_whose_swap_is_known(photos, triplets):
    pairs = SwapPairs(Mixture([photos], [1.0]), None, 64, 200, 0, 1.0, 0.0, exchanged=triplets, exchanged_share=0.7)
    known = np.mean([bool(pairs[n]["known"]) for n in range(len(pairs))])
    assert known == pytest.approx(0.7, abs=4 * np.sqrt(0.7 * 0.3 / 200))


def test_stage_1_learns_from_exchanged_faces(flags, tmp_path):
    aei.main(flags("tiny-aei", tmp_path, max_train_steps=2, different_ratio=1, rendered_ratio=0, exchanged_ratio=1))
    assert all(line["true_swap"] > 0 for line in metrics(tmp_path))


def test_stage_2_learns_from_exchanged_faces(flags, tiny_aei, tmp_path):
    shares = {"different_ratio": 1, "rendered_ratio": 0, "exchanged_ratio": 1}
    hear.main(flags("tiny-hear", tmp_path, aei_model=tiny_aei.folder, max_train_steps=2, **shares))
    assert all(line["true_swap"] > 0 for line in metrics(tmp_path))


def test_one_person_alone_cannot_exchange_faces(photos, meshes):
    class One(PhotoFolder):
        def __getitem__(self, n):
            photo = super().__getitem__(n)
            photo.person = "ann"
            return photo

    alone = PhotoTriplets([One(photos.paths, "training", 64)], [meshes], [np.arange(len(photos))], [1.0])
    with pytest.raises(
        FaceShifterError, match=r"^\d+ photographs in a row show one person; exchanging faces needs two\.$"
    ):
        alone.draw(np.random.default_rng(0))


def test_streams_alone_cannot_exchange_faces(flags, photos_dir, tmp_path):
    given = flags("tiny-aei", tmp_path, dataset_name=photos_dir, exchanged_ratio=0.5)
    at = given.index("--train_data_dir")
    with pytest.raises(FaceShifterError, match=r"^exchanged_ratio needs photographs in a folder, "):
        aei.main([*given[:at], *given[at + 2 :]])
