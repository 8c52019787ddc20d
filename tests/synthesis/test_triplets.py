import numpy as np

from faceshifter_hub.synthesis.labels import LABELS
from faceshifter_hub.synthesis.triplets import PEOPLE

SIDE = 96


def test_a_group_holds_every_identity_with_the_attributes_of_every_one(drawn):
    images, points, labels = (drawn.pictures[f"group/{part}"] for part in ("images", "points", "labels"))
    assert images.shape == (PEOPLE, PEOPLE, SIDE, SIDE, 3) and images.dtype == np.uint8
    assert points.shape == (PEOPLE, PEOPLE, 5, 2) and points.dtype == np.float32
    assert labels.shape == (PEOPLE, PEOPLE, SIDE, SIDE) and labels.dtype == np.uint8
    assert set(np.unique(labels)) <= set(LABELS.values())


def test_a_column_shares_its_background_and_a_row_does_not(drawn):
    images, labels = drawn.pictures["group/images"].astype(int), drawn.pictures["group/labels"]
    for i, b in np.ndindex(PEOPLE, PEOPLE):
        same, other = (i + 1) % PEOPLE, (b + 1) % PEOPLE
        assert background_distance(images, labels, (i, b), (same, b)) == 0
        assert background_distance(images, labels, (i, b), (i, other)) > 3


def background_distance(images, labels, one, two):
    """Return the median difference of two pictures where both show the background."""
    both = (labels[one] == LABELS["background"]) & (labels[two] == LABELS["background"])
    assert both.sum() > 100
    return np.median(np.abs(images[one] - images[two])[both])


def test_a_row_shares_its_person(drawn):
    """Lengths between landmarks depend on who is shown more than on how."""
    points = drawn.pictures["group/points"]
    eyes = np.linalg.norm(points[:, :, 0] - points[:, :, 1], axis=-1)
    height = np.linalg.norm(points[:, :, :2].mean(2) - points[:, :, 3:].mean(2), axis=-1)
    shape = eyes / height
    by_attributes = shape / shape.mean(0)  # what remains is the person
    assert by_attributes.std(1).mean() < by_attributes.mean(1).std()


def test_every_one_of_a_column_is_framed_alike(drawn):
    points = drawn.pictures["group/points"]
    centre = 0.55 * points[:, :, :2].mean(2) + 0.45 * points[:, :, 3:].mean(2)
    assert np.abs(centre - centre.mean(0)).max() < 0.025 * SIDE
    assert (points > 0).all() and (points < SIDE - 1).all()


def test_people_of_a_group_differ(drawn):
    images = drawn.pictures["group/images"].astype(int)
    middle = images[:, :, SIDE // 4 : 3 * SIDE // 4, SIDE // 4 : 3 * SIDE // 4]
    for i in range(PEOPLE):
        for j in range(i):
            assert np.abs(middle[i] - middle[j]).mean() > 4
