import numpy as np
import pytest

from faceshifter_hub.evaluation.cases import Case, Photo
from faceshifter_hub.evaluation.groups import age_group, groups_of, sex_group, skin_group
from faceshifter_hub.evaluation.judging.observation import Observation


def seen(skin_tone, age=30.0, female=0.9, glasses=0.0):
    others = ("found", "points", "mesh", "pose", "expression", "emotion", "gaze", "mouth")
    estimates = {"skin_tone": skin_tone, "age": age, "female": female, "glasses": glasses}
    estimates = {name: np.array(value) for name, value in estimates.items()}
    return Observation(**dict.fromkeys(others, np.zeros(2)), **estimates, embeddings={})


def case(**groups):
    photos = [Photo(name, name, lambda: np.zeros((4, 4, 3), np.uint8)) for name in ("a", "b")]
    return Case("a-b", *photos, groups=groups)


@pytest.mark.parametrize(
    ("angle", "group"),
    [
        (-80, "dark"),
        (9.9, "dark"),
        (10, "intermediate"),
        (41, "intermediate"),
        (41.1, "light"),
        (float("nan"), "unknown"),
    ],
)
def test_skin_by_the_typology_angle(angle, group):
    assert skin_group(angle) == group


@pytest.mark.parametrize(
    ("years", "group"), [(34.9, "below 35"), (35, "35 to 55"), (54.9, "35 to 55"), (55, "55 and above")]
)
def test_every_age_has_one_group(years, group):
    assert age_group(years) == group


@pytest.mark.parametrize(
    ("female", "group"),
    [(1, "female"), (0.7, "female"), (0.5, "unsure"), (0.31, "unsure"), (0.3, "male"), (0, "male")],
)
def test_a_sex_is_said_only_where_it_is_sure(female, group):
    assert sex_group(female) == group


def test_source_and_target_are_not_mixed_up_and_estimates_are_named_so():
    found = groups_of(case(), seen(60.0), seen(-60.0, 80.0, 0.0, glasses=0.02))
    assert found == {
        "skin of the source (estimated)": "light",
        "skin of the target (estimated)": "dark",
        "age of the source (estimated)": "below 35",
        "sex of the source (estimated)": "female",
        "glasses of the target (estimated)": "worn",
    }


def test_what_is_known_is_not_estimated():
    known = case(**{"skin of the source": "dark", "light": "dim"})
    found = groups_of(known, seen(60.0), seen(np.nan))
    assert found["skin of the source"] == "dark" and "skin of the source (estimated)" not in found
    assert found["light"] == "dim" and found["skin of the target (estimated)"] == "unknown"
    assert known.groups == {"skin of the source": "dark", "light": "dim"}  # untouched
