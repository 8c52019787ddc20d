import torch

from faceshifter_hub.models.face_region import face_region
from trainers.adversary import judged


def test_a_discriminator_of_faces_sees_true_swaps_and_nothing_outside_the_face():
    truth, result = torch.rand(2, 2, 3, 64, 64)
    result.requires_grad_()
    real, fake = judged(truth, result, face_region(64))
    outside = (face_region(64) == 0).expand_as(real)
    assert not real[outside].any() and not fake[outside].any()
    assert torch.equal(real[..., 32:36, 30:34], truth[..., 32:36, 30:34])
    fake.square().sum().backward()
    assert not result.grad[outside].any() and result.grad[..., 32:36, 30:34].all()
