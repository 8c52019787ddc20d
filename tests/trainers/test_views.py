import pytest
import torch

from trainers import views
from trainers.views import random_view


@pytest.fixture
def faces():
    torch.manual_seed(0)
    # smooth, so that half a pixel more or less does not matter
    return torch.nn.functional.interpolate(torch.rand(4, 3, 6, 6) * 2 - 1, size=(64, 64), mode="bicubic")


def test_gradients_reach_the_picture(faces):
    faces.requires_grad_()
    random_view(4, faces)(faces).square().mean().backward()
    assert faces.grad.isfinite().all() and (faces.grad.abs().sum((1, 2, 3)) > 0).all()


def test_one_view_shows_two_pictures_alike(faces):
    """Else a result would differ from its truth even where it is right."""
    view = random_view(4, faces)
    assert torch.equal(view(faces), view(faces))
    assert (view(faces) - random_view(4, faces)(faces)).std() > 0.1


def test_colour_is_not_for_the_encoder_to_judge(faces):
    faces.requires_grad_()
    random_view(4, faces)(faces).square().mean().backward()
    for channel in (1, 2):
        torch.testing.assert_close(faces.grad[:, channel], faces.grad[:, 0])


def test_every_sample_has_a_view_of_its_own(faces, monkeypatch):
    monkeypatch.setattr(views, "MAX_NOISE", 0)
    same = faces[:1].expand(4, -1, -1, -1)
    seen = random_view(4, same)(same)
    assert all((seen[n] - seen[m]).abs().mean() > 0.01 for n in range(4) for m in range(n))


def test_a_view_keeps_most_of_the_face(faces, monkeypatch):
    monkeypatch.setattr(views, "MAX_NOISE", 0)
    for seed in range(10):
        torch.manual_seed(seed)
        seen = random_view(4, faces)(faces)
        assert seen.shape == faces.shape
        grey = faces.mean(1, keepdim=True).expand_as(faces)
        both = torch.stack([grey, grey.flip(3)])
        for n in range(4):
            # either the face or its mirror image shows again
            correlation = [torch.corrcoef(torch.stack([b[n].flatten(), seen[n].flatten()]))[0, 1] for b in both]
            assert max(correlation) > 0.6
