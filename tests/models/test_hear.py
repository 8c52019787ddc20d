import pytest
import torch

from faceshifter_hub.models.hear import HEARRefiner


@pytest.mark.parametrize("residual", [False, True])
def test_shape_range_and_gradient(residual):
    refiner = HEARRefiner(64, (4, 6, 8), residual)
    swapped = torch.rand(2, 3, 64, 64) * 2 - 1
    out = refiner(swapped, torch.randn(2, 3, 64, 64))
    assert out.shape == swapped.shape and out.abs().max() <= 1
    out.square().mean().backward()
    assert refiner.to_rgb.weight.grad.abs().sum() > 0


def test_a_gate_lets_the_error_through_where_it_opens():
    refiner = HEARRefiner(64, (4, 6, 8), residual=True, error_gate=True).eval()
    swapped, error = torch.rand(2, 1, 3, 64, 64) - 0.5
    with torch.no_grad():
        refiner.to_rgb.bias[3] = 20
        torch.testing.assert_close(refiner(swapped, error), (swapped + error).clamp(-1, 1))
        refiner.to_rgb.bias[3] = -20
        torch.testing.assert_close(refiner(swapped, error), swapped)


def test_the_gate_learns():
    refiner = HEARRefiner(64, (4, 6, 8), residual=True, error_gate=True)
    swapped, error = torch.rand(2, 2, 3, 64, 64) - 0.5
    (refiner(swapped, error) - swapped - error).abs().mean().backward()
    assert refiner.to_rgb.bias.grad[3] < 0


def test_a_gate_needs_a_change_to_add_to():
    with pytest.raises(ValueError, match="residual"):
        HEARRefiner(64, (4, 6, 8), error_gate=True)


def test_every_parameter_receives_gradient():
    refiner = HEARRefiner(64, (4, 6, 8))
    refiner(torch.randn(2, 3, 64, 64), torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in refiner.parameters())


def test_a_new_residual_refiner_changes_nothing():
    swapped = torch.rand(1, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(HEARRefiner(64, (4, 6, 8), True).eval()(swapped, torch.randn_like(swapped)), swapped)


def test_the_error_matters():
    torch.manual_seed(0)
    refiner = HEARRefiner(64, (4, 6, 8)).eval()
    swapped = torch.randn(1, 3, 64, 64)
    assert not torch.allclose(refiner(swapped, torch.zeros_like(swapped)), refiner(swapped, torch.randn_like(swapped)))


def test_sizes_that_do_not_halve_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        HEARRefiner(100, (4, 6, 8))


def test_saves_and_loads_the_same_function(tmp_path):
    refiner = HEARRefiner(64, (4, 6, 8)).eval()
    refiner.save_pretrained(tmp_path)
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(refiner(x, x), HEARRefiner.from_pretrained(tmp_path)(x, x))
