from collections import Counter

import numpy as np
import pytest

from faceshifter_hub.synthesis.attribute_prior import sample_attributes, sample_lamps
from faceshifter_hub.synthesis.identity_prior import sample_hair_tone, sample_identity
from faceshifter_hub.synthesis.parameters import ANCESTRIES, Attributes, Identity

MANY = 600


def sample_many(catalogue, seed, count):
    """Return identities and attributes of one generator."""
    rng = np.random.default_rng(seed)
    identities = [sample_identity(rng, catalogue) for _ in range(count)]
    return identities, [sample_attributes(rng, identity, catalogue) for identity in identities]


@pytest.fixture(scope="module")
def people(catalogue):
    return sample_many(catalogue, 0, MANY)


def test_a_seed_always_gives_the_same_people_and_another_seed_others(catalogue):
    assert sample_many(catalogue, 7, 3) == sample_many(catalogue, 7, 3)
    assert sample_many(catalogue, 7, 3) != sample_many(catalogue, 8, 3)


def test_sexes_and_ancestries_are_even(people):
    identities, _ = people
    sexes = Counter(identity.sex for identity in identities)
    assert abs(sexes["female"] / MANY - 0.5) < 0.08  # four standard deviations
    ancestry = np.array([identity.ancestry for identity in identities])
    assert np.abs(ancestry.mean(0) - 1 / 3).max() < 0.06
    largest = Counter(ancestry.argmax(1).tolist())
    assert all(abs(largest[k] / MANY - 1 / 3) < 0.08 for k in range(len(ANCESTRIES)))


def test_ages_cover_adulthood(people):
    ages = np.array([identity.age for identity in people[0]])
    assert 18 <= ages.min() < 19 and 89 < ages.max() <= 90
    assert abs(ages.mean() - 54) < 3.5  # four standard deviations


def test_every_sample_is_valid_when_it_is_checked_again(people):
    for identity, attributes in zip(*people, strict=True):
        assert Identity(**identity.model_dump()) == identity
        assert Attributes(**attributes.model_dump()) == attributes


def test_samples_name_only_what_the_catalogue_has(catalogue, people):
    looks = catalogue.looks
    for identity, attributes in zip(*people, strict=True):
        assert identity.shape.keys() <= catalogue.targets.keys()
        assert attributes.expression.keys() <= set(catalogue.units)
        assert identity.iris in [*looks.brown_irises, *looks.pale_irises]
        assert identity.brow in looks.brows[identity.sex] and identity.lash in looks.lashes[identity.sex]
        assert attributes.hair.style in [None, *(style.name for style in looks.hair)]
        assert identity.skin.mixture.keys() <= {*looks.light_skins[identity.sex], *looks.dark_skins[identity.sex]}


def test_every_kind_of_attribute_occurs(people):
    attributes = people[1]
    assert {None, "short", "long"} <= {each.hair.style for each in attributes}
    assert any(each.hat for each in attributes) and not all(each.hat for each in attributes)
    assert any("mouthSmileLeft" in each.expression for each in attributes)
    yaws = np.array([each.pose.yaw for each in attributes])
    assert yaws.min() < -0.6 < 0.6 < yaws.max() and abs(yaws.mean()) < 0.06
    assert len({each.background.seed for each in attributes}) == MANY


def test_opposite_shapes_exclude_each_other_and_both_sides_are_nearly_alike(people):
    for identity in people[0][:50]:
        for name, weight in identity.shape.items():
            assert not name.endswith("-incr") or name.replace("-incr", "-decr") not in identity.shape
            if name.startswith("l-"):
                assert identity.shape["r-" + name[2:]] == pytest.approx(weight, rel=0.6)


def test_the_gaze_is_no_part_of_an_expression(people):
    assert not [name for each in people[1] for name in each.expression if name.startswith("eyeLook")]


def test_only_men_have_stubble(people):
    assert max(identity.stubble for identity in people[0] if identity.sex == "female") == 0
    assert max(identity.stubble for identity in people[0] if identity.sex == "male") > 0.5


def test_a_hand_is_of_the_skin_of_whoever_the_attributes_are_for(people):
    for identity, attributes in zip(*people, strict=True):
        hands = [occluder for occluder in attributes.occluders if occluder.kind == "hand"]
        assert all(hand.skin == identity.skin for hand in hands)


def test_neutral_and_smiling_faces_are_well_represented_and_expressions_sparse(people):
    expressions = [each.expression for each in people[1]]
    smiling = [max(e.get("mouthSmileLeft", 0), e.get("mouthSmileRight", 0)) > 0.2 for e in expressions]
    calm = [all(weight < 0.4 for weight in e.values()) for e in expressions]
    assert 0.3 < np.mean(smiling) < 0.5 and 0.25 < np.mean(calm) < 0.6
    assert np.mean([len(e) for e in expressions]) < 8


def test_the_benchmark_shares_no_place_with_training(catalogue):
    places = [
        {each.background.environment for each in sample_many(catalogue.of_split(split), 3, 150)[1]} - {None}
        for split in ("train", "benchmark")
    ]
    assert places[0] and places[1] and places[0].isdisjoint(places[1])


def test_hair_turns_grey_with_age():
    rng = np.random.default_rng(0)
    young, old = (np.array([sample_hair_tone(rng, age=age) for _ in range(200)]) for age in (30, 90))
    assert np.ptp(old, axis=1).mean() < 0.03 < np.ptp(young, axis=1).mean()  # grey: the channels are alike


def test_the_key_light_comes_from_above_and_before_the_face():
    rng = np.random.default_rng(0)
    for key, rim in (sample_lamps(rng) for _ in range(200)):
        assert key[1] > 0 and key[2] > 0 and key[0] * rim[0] <= 0
        assert np.linalg.norm(key) == pytest.approx(1) == np.linalg.norm(rim)
