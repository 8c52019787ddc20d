from itertools import pairwise

import torch
from torch import nn

from trainers.ema import EMA


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def moved(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter)
        model(torch.randn(8, 3, 4, 4) + 5)  # moves the running statistics
    return model


def test_parameters_and_running_statistics_follow_by_the_same_share():
    model = network()
    ema = EMA(model, 0.9)
    before = {name: value.clone() for name, value in ema.average.state_dict().items()}
    ema.update(moved(model))
    share = 1 - 2 / 11  # of the first update
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(ema.average.state_dict()[name], before[name].lerp(value, share))
            assert not torch.equal(value, before[name])
    assert ema.average[1].num_batches_tracked == 1


def test_the_decay_is_approached():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    ema = EMA(model, 0.5)
    nn.init.ones_(model.weight)
    gaps = []
    for _ in range(20):
        ema.update(model)
        gaps.append(1 - ema.average.weight.item())
    ratios = [b / a for a, b in pairwise(gaps)]
    assert ratios[0] < 0.3 and ratios[-1] == 0.5


def test_the_average_is_a_frozen_copy_in_eval_mode():
    model = network().train()
    ema = EMA(model, 0.9)
    assert model.training and all(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in ema.average.modules())
    assert not any(p.requires_grad for p in ema.average.parameters())


def test_a_resumed_average_goes_on_alike():
    model = network()
    first = EMA(model, 0.9)
    first.update(moved(model))
    resumed = EMA(network(), 0.9)
    resumed.load_state_dict(first.state_dict())
    moved(model)
    first.update(model)
    resumed.update(model)
    for a, b in zip(first.average.state_dict().values(), resumed.average.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_without_decay_there_is_no_copy():
    model = network()
    ema = EMA(model, 0.0)
    ema.update(moved(model))
    assert ema.average is model and model.training and ema.state_dict() == {}
