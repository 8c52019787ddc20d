import numpy as np
import pytest

from faceshifter_hub.evaluation.people_statistics import (
    bootstrap_people,
    calibrate,
    correlation_of,
    mean_of,
    verification_of,
)

PEOPLE = np.repeat(np.arange(6), 3)
ONES = np.ones(len(PEOPLE))


@pytest.fixture
def embeddings():
    """Six people who resemble themselves somewhat, (18, 4), unit length."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4))[PEOPLE] + 0.8 * rng.normal(size=(18, 4))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_verification_is_the_share_of_genuine_pairs_above_impostors(embeddings):
    cosines = embeddings @ embeddings.T
    pairs = [(i, j) for i in range(18) for j in range(i)]
    genuine = [cosines[i, j] for i, j in pairs if PEOPLE[i] == PEOPLE[j]]
    impostors = [cosines[i, j] for i, j in pairs if PEOPLE[i] != PEOPLE[j]]
    expected = np.mean([[(g > i) + (g == i) / 2 for i in impostors] for g in genuine])
    assert 0.6 < expected < 1
    assert verification_of(embeddings, PEOPLE)(ONES) == pytest.approx(expected)


def test_verification_gives_half_for_ties():
    assert verification_of(np.ones((18, 1)), PEOPLE)(ONES) == 0.5


def test_a_person_drawn_never_has_no_part(embeddings):
    without = PEOPLE != 2
    x, y = embeddings[:, 0], embeddings[:, 1]
    for statistic, alone in (
        (verification_of(embeddings, PEOPLE), verification_of(embeddings[without], PEOPLE[without])),
        (correlation_of(x, y), correlation_of(x[without], y[without])),
        (mean_of(x), mean_of(x[without])),
    ):
        assert statistic(without.astype(float)) == pytest.approx(alone(np.ones(without.sum())))


def test_correlation_with_weights_is_that_of_repeated_pictures(embeddings):
    x, y = embeddings[:, 0], embeddings[:, 1]
    weights = np.arange(6)[PEOPLE]
    expected = np.corrcoef(np.repeat(x, weights), np.repeat(y, weights))[0, 1]
    assert correlation_of(x, y)(weights.astype(float)) == pytest.approx(expected)


def test_intervals_know_that_pictures_of_one_person_are_alike():
    people = np.repeat(np.arange(40), 10)
    values = (people % 2).astype(float)  # ten equal pictures say no more than one
    low, high = bootstrap_people(mean_of(values), people)
    # 1.96 standard errors of a share of one half among 40
    assert low == pytest.approx(0.345, abs=0.03) and high == pytest.approx(0.655, abs=0.03)


def test_an_interval_repeats_with_its_seed(embeddings):
    statistic = verification_of(embeddings, PEOPLE)
    assert bootstrap_people(statistic, PEOPLE) == bootstrap_people(statistic, PEOPLE)
    assert bootstrap_people(statistic, PEOPLE) != bootstrap_people(statistic, PEOPLE, seed=1)


def test_calibration_is_a_line_fitted_to_others():
    people = np.repeat(np.arange(8), 2)
    true = np.linspace(-10, 10, 16)
    estimated = true / 2 + 3
    usable = np.ones(16, bool)
    np.testing.assert_allclose(calibrate(estimated, true, people, usable), true, atol=1e-9)
    odd = people % 2 == 1
    spoilt = np.where(odd, estimated * true, estimated)  # an estimate that is wrong for people of odd number
    calibrated = calibrate(spoilt, true, people, usable)
    np.testing.assert_allclose(calibrated[odd], 2 * (spoilt[odd] - 3), atol=1e-9)
    assert np.abs(calibrated[~odd] - true[~odd]).max() > 1
    assert np.isnan(calibrate(estimated, true, people, odd)[odd]).all()
