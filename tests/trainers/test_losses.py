import pytest
import torch

from trainers import losses

YES_NO = torch.tensor([True, False, True])


def images(seed: int) -> torch.Tensor:
    return torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def embeddings(seed: int) -> torch.Tensor:
    return torch.randn(3, 16, generator=torch.Generator().manual_seed(seed))


def maps(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(3, c, s, s, generator=generator) for c, s in ((8, 2), (4, 4), (2, 8))]


def test_hinge_is_satisfied_beyond_the_margin():
    assert losses.hinge_discriminator_loss([torch.full((2, 1, 3, 3), 1.5)], [torch.full((2, 1, 3, 3), -1.5)]) == 0


@pytest.mark.parametrize(("real", "fake", "expected"), [(0.0, 0.0, 2.0), (1.0, 0.0, 1.0), (-1.0, 1.0, 4.0)])
def test_hinge_within_the_margin(real, fake, expected):
    assert losses.hinge_discriminator_loss([torch.full((2, 1), real)], [torch.full((2, 1), fake)]) == expected


def test_hinge_weighs_every_scale_alike():
    real, fake = [torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 2, 2)], [torch.zeros(2, 1, 4, 4), -torch.ones(2, 1, 2, 2)]
    assert losses.hinge_discriminator_loss(real, fake) == 1
    assert losses.hinge_generator_loss([torch.full((2, 1, 4, 4), 3.0), torch.full((2, 1, 2, 2), -1.0)]) == -1


def test_the_generator_is_pushed_however_far_it_has_fooled():
    scores = torch.full((1, 1, 2, 2), 5.0, requires_grad=True)
    losses.hinge_generator_loss([scores]).backward()
    assert (scores.grad < 0).all()


def test_r1_is_half_the_squared_gradient_on_real_pictures():
    x, slope = images(0), torch.tensor(0.3, requires_grad=True)
    penalty = losses.r1_penalty(lambda y: [slope * y, 3 * slope * y[:, :1]], x)
    # a picture's score moves by 0.5 (1 / 192) of the slope with each number, and 0.5 (3 / 64) with the first channel's
    per_number = torch.tensor([0.5 / 192 + 1.5 / 64, 0.5 / 192, 0.5 / 192]) * slope
    torch.testing.assert_close(penalty, 0.5 * 64 * per_number.square().sum())
    penalty.backward()
    assert slope.grad > 0


def test_what_is_kept_is_where_true_swap_and_target_agree():
    face, target = torch.ones(8, 8), images(0)
    truth = (target + 0.5).clone()
    truth[:, :, :2, :2] = target[:, :, :2, :2]  # an occluder of four pixels
    result = target.clone().requires_grad_()
    assert losses.kept_loss(result, target, truth, YES_NO, face) == 0
    wrong = torch.where(truth == target, 0.3, 9.0) + truth
    torch.testing.assert_close(losses.kept_loss(wrong, target, truth, YES_NO, face), torch.tensor(0.3))
    assert losses.kept_loss(result, target, target + 0.5, YES_NO, face) == 0  # no occluder
    assert losses.kept_loss(wrong, target, truth, torch.zeros(3, dtype=torch.bool), face) == 0


def test_identity_is_equation_7():
    z, s = embeddings(0), embeddings(1)
    expected = sum(1 - (a @ b) / (a.norm() * b.norm()) for a, b in zip(z, s, strict=True)) / 3
    torch.testing.assert_close(losses.identity_loss(z, s), expected)
    assert losses.identity_loss(z, 3 * z) == pytest.approx(0, abs=1e-6)


def test_attribute_is_equation_8_with_means_for_norms():
    z, t = maps(0), maps(1)
    expected = 0.5 * sum(((a - b) ** 2).mean() for a, b in zip(z, t, strict=True))
    torch.testing.assert_close(losses.attribute_loss(z, t), expected)


def test_reconstruction_is_equation_9_with_a_mean_for_the_norm():
    y, x = images(0), images(1)
    expected = sum(0.5 * ((y[n] - x[n]) ** 2).mean() for n in (0, 2)) / 3
    torch.testing.assert_close(losses.reconstruction_loss(y, x, YES_NO), expected)


def test_reconstruction_counts_same_pairs_only():
    y = images(0).requires_grad_()
    losses.reconstruction_loss(y, images(1), YES_NO).backward()
    assert y.grad[0].abs().sum() > 0 and y.grad[2].abs().sum() > 0
    assert y.grad[1].abs().sum() == 0
    assert losses.reconstruction_loss(images(0), images(1), torch.zeros(3, dtype=torch.bool)) == 0


def test_change_is_equation_13():
    y, x = images(0), images(1)
    torch.testing.assert_close(losses.change_loss(y, x), (y - x).abs().mean())


def test_target_identity_counts_different_people_only():
    z = embeddings(0)
    assert losses.target_identity_loss(z, z, YES_NO) == pytest.approx(1 / 3)
    assert losses.target_identity_loss(z, z, torch.ones(3, dtype=torch.bool)) == 0


def test_target_identity_does_not_ask_for_the_opposite_of_the_target():
    z = embeddings(0)
    assert losses.target_identity_loss(z, -z, torch.zeros(3, dtype=torch.bool)) == 0


def test_true_swap_counts_known_truths_only():
    y, truth = images(0), images(1)
    expected = ((y[0] - truth[0]).abs().mean() + (y[2] - truth[2]).abs().mean()) / 3
    torch.testing.assert_close(losses.true_swap_loss(y, truth, YES_NO, torch.ones(8, 8)), expected)


def test_true_swap_sees_the_face_alone():
    face = torch.zeros(8, 8)
    face[2:6, 2:6] = 1
    truth, everything = images(0), torch.ones(3, dtype=torch.bool)
    outside = truth.clone()
    outside[..., 0, :] += 1
    assert losses.true_swap_loss(outside, truth, everything, face) == 0
    assert losses.true_swap_loss(truth + face, truth, everything, face) == pytest.approx(1)


def test_detail_is_a_grid_and_no_shade():
    truth, everything, face = torch.zeros(3, 3, 8, 8), torch.ones(3, dtype=torch.bool), torch.zeros(8, 8)
    face[2:6, 2:6] = 1
    grid = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4)
    assert losses.detail_loss(truth + 0.5, truth, everything, face) == pytest.approx(0, abs=1e-6)
    assert losses.detail_loss(truth + grid, truth, everything, face) == pytest.approx(8 / 9)
    assert losses.detail_loss(truth + grid * (1 - face), truth, ~everything, face) == 0


def test_surroundings_do_not_see_the_face():
    face = torch.zeros(8, 8)
    face[2:6, 2:6] = 1
    target = images(0)
    inside, outside = target.clone(), target.clone()
    inside[..., 2:6, 2:6] += 1
    outside[..., 0, :] += 1
    assert losses.surroundings_loss(inside, target, face) == 0
    assert losses.surroundings_loss(outside, target, face) == pytest.approx(8 / 48)


def test_feature_is_relative_to_the_truth():
    truth = [t + 3 for t in maps(0)]
    everything = torch.ones(3, dtype=torch.bool)
    doubled = losses.feature_loss([2 * t.abs() for t in truth], [t.abs() for t in truth], everything)
    assert doubled == pytest.approx(1, abs=1e-5)
    scaled = losses.feature_loss([100 * r for r in maps(1)], [100 * t for t in truth], YES_NO)
    torch.testing.assert_close(scaled, losses.feature_loss(maps(1), truth, YES_NO))


def test_colour_is_chroma_and_coarse_light_where_the_truth_is_unknown():
    target, unknown = torch.zeros(2, 3, 32, 32), torch.tensor([False, False])
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    assert losses.colour_loss(target + checks, target, unknown) == pytest.approx(0, abs=1e-6)  # detail of light
    red = torch.tensor([1.0, -0.5, -0.5]).view(3, 1, 1)
    assert losses.colour_loss(target + checks * red, target, unknown) == pytest.approx(2 / 3)  # detail of chroma
    assert losses.colour_loss(target + 0.5, target, torch.tensor([True, False])) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("loss", "drawn"),
    [
        (lambda y: losses.hinge_generator_loss([y]), images(0)),
        (lambda y: losses.identity_loss(y, embeddings(1)), embeddings(0)),
        (lambda y: losses.target_identity_loss(y, embeddings(0) + embeddings(1), ~YES_NO), embeddings(0)),
        (lambda y: losses.attribute_loss([y], maps(1)[:1]), maps(0)[0]),
        (lambda y: losses.reconstruction_loss(y, images(1), YES_NO), images(0)),
        (lambda y: losses.true_swap_loss(y, images(1), YES_NO, torch.eye(8)), images(0)),
        (lambda y: losses.detail_loss(y, images(1), YES_NO, torch.eye(8)), images(0)),
        (lambda y: losses.change_loss(y, images(1)), images(0)),
        (lambda y: losses.surroundings_loss(y, images(1), torch.eye(8)), images(0)),
        (lambda y: losses.colour_loss(y, images(1), YES_NO), images(0)),
        (lambda y: losses.feature_loss([y], maps(1)[:1], YES_NO), maps(0)[0]),
    ],
)
def test_every_term_has_a_gradient_on_the_result(loss, drawn):
    drawn = drawn.clone().requires_grad_()
    loss(drawn).backward()
    assert drawn.grad.isfinite().all() and drawn.grad.abs().sum() > 0
