import torch

from faceshifter_hub.faces.alignment import template
from faceshifter_hub.faces.pasting import face_mask
from faceshifter_hub.models.face_region import coarsen_face, face_region

SIDE = 64


def test_it_covers_the_landmarks_and_leaves_the_edge():
    region = face_region(SIDE)
    assert region.shape == (SIDE, SIDE) and region.dtype == torch.float32
    assert all(region[round(y), round(x)] == 1 for x, y in template(SIDE))
    assert not region[0].any() and not region[:, 0].any() and not region[:, -1].any()


def test_whatever_is_pasted_lies_within():
    reached = torch.tensor(face_mask(SIDE)) > 0.02
    assert (face_region(SIDE)[reached] > 0).all()


def test_detail_of_the_face_is_gone_and_its_surroundings_are_exact():
    torch.manual_seed(0)
    region, cells = face_region(SIDE), 8
    coarse = torch.rand(1, 3, cells, cells).repeat_interleave(8, 2).repeat_interleave(8, 3)  # (1, 3, R, R)
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(SIDE // 2, SIDE // 2)  # (R, R), averages to 0
    seen, detailed = (coarsen_face(x, region, cells) for x in (coarse, coarse + 0.3 * checks))
    inside, outside = region == 1, region == 0
    torch.testing.assert_close(detailed[..., inside], seen[..., inside])
    assert torch.equal(detailed[..., outside], (coarse + 0.3 * checks)[..., outside])


def test_the_picture_at_another_size_is_seen_alike():
    torch.manual_seed(0)
    x = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 5), size=128, mode="bicubic")
    small = torch.nn.functional.avg_pool2d(x, 2)
    seen = torch.nn.functional.avg_pool2d(coarsen_face(x, face_region(128), 24), 2)
    torch.testing.assert_close(coarsen_face(small, face_region(64), 24), seen, atol=0.02, rtol=0)
