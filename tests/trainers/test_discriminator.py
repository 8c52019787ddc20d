import pytest
import torch

from trainers.discriminator import MultiscaleDiscriminator


@pytest.fixture
def discriminator():
    torch.manual_seed(0)
    return MultiscaleDiscriminator(scales=3, channels=4, layers=3)


def test_a_map_of_scores_a_scale_finest_first(discriminator):
    scores = discriminator(torch.randn(2, 3, 64, 64))
    assert [s.shape for s in scores] == [(2, 1, 8, 8), (2, 1, 4, 4), (2, 1, 2, 2)]


def test_scores_are_not_bounded(discriminator):
    with torch.no_grad():
        for scale in discriminator.scales:
            scale.layers[-1].bias += 7
    assert min(s.min() for s in discriminator(torch.randn(2, 3, 64, 64))) > 1


def test_scales_have_weights_of_their_own_and_all_learn(discriminator):
    sum(s.square().mean() for s in discriminator(torch.randn(2, 3, 64, 64))).backward()
    gradients = [p.grad.abs().sum() for name, p in discriminator.named_parameters() if name.endswith("weight")]
    assert len(gradients) == 3 * 4 and all(g > 0 for g in gradients)


def test_every_scale_sees_the_whole_picture(discriminator):
    x = torch.randn(1, 3, 64, 64, requires_grad=True)
    for scores in discriminator(x):
        (gradient,) = torch.autograd.grad(scores.square().mean(), x, retain_graph=True)
        assert (gradient.abs().amax((0, 1)) > 0).all()


def test_pictures_are_judged_one_by_one(discriminator):
    x = torch.randn(2, 3, 64, 64)
    together, alone = discriminator(x), discriminator(x[:1])
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[:1], b)
