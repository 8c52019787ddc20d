import numpy as np
import pytest
import torch

from faceshifter_hub.evaluation.jitter import identity_jitter, landmark_jitter


@pytest.fixture
def targets():
    return np.random.default_rng(0).normal(0, 3, (6, 10, 2)).cumsum(0)  # (T, P, 2)


def test_a_face_that_follows_its_target_does_not_tremble_wherever_it_is(targets):
    assert landmark_jitter(targets, targets).tolist() == [0] * 5
    otherwise_shaped = targets + np.random.default_rng(1).normal(0, 1, (1, 10, 2))
    np.testing.assert_allclose(landmark_jitter(otherwise_shaped, targets), 0, atol=1e-12)


def test_offsets_to_and_fro_are_the_amount(targets):
    swaps = targets + np.array([0.03, 0.04]) * (np.arange(6) % 2)[:, None, None]
    np.testing.assert_allclose(landmark_jitter(swaps, targets), 0.05)


def test_points_that_stand_still_while_the_target_moves_count(targets):
    still = np.repeat(targets[:1], 6, axis=0)
    np.testing.assert_allclose(landmark_jitter(still, targets), landmark_jitter(targets, still))
    assert (landmark_jitter(still, targets) > 1).all()


def test_points_that_tremble_apart_do_not_cancel_out(targets):
    swaps = targets.copy()
    swaps[1::2, :5] += 0.1
    swaps[1::2, 5:] -= 0.1
    np.testing.assert_allclose(landmark_jitter(swaps, targets), 0.1 * 2**0.5)


def test_only_the_changes_beyond_those_of_the_target_count():
    turning = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])  # a right angle each
    still = torch.tensor([[0.6, 0.8]] * 3)
    assert identity_jitter(turning, still).tolist() == [1, 1]
    assert identity_jitter(still, turning).tolist() == pytest.approx([-1, -1])
    assert identity_jitter(turning, 5 * turning).tolist() == pytest.approx([0, 0])


def test_identity_jitter_tells_the_frame():
    swaps = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert identity_jitter(swaps, torch.ones(4, 2)).tolist() == pytest.approx([0, 1, 0], abs=1e-6)
