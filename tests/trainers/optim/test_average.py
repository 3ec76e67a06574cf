"""The running average of a network, replica by replica, against `torch.optim.swa_utils.AveragedModel`."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainers.optim.average import Average

DECAYS = [0.9, 0.0, 0.5]


class Stacked(nn.Module):
    """A weight, a running average of a method, and a counter, for each of R replicas."""

    mean: Tensor
    count: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.register_buffer("mean", weight.mean(dim=-1))
        self.register_buffer("count", torch.zeros(len(weight), dtype=torch.int64))


def values(step: int) -> Tensor:
    return torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(step))


def moved(network: Stacked, replica: slice, step: int) -> None:
    network.weight.data.copy_(values(step)[replica])
    network.mean.copy_(values(step)[replica].mean(dim=-1))
    network.count += 1


def test_agrees_with_torch() -> None:
    ours = Stacked(values(0))
    average = Average(ours, DECAYS)
    alone = [Stacked(values(0)[r : r + 1]) for r in range(3)]
    theirs = [
        AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        for network, decay in zip(alone, DECAYS, strict=True)
    ]
    for step in range(1, 21):
        moved(ours, slice(None), step)
        average.follow()
        for r, (network, followed) in enumerate(zip(alone, theirs, strict=True)):
            moved(network, slice(r, r + 1), step)
            followed.update_parameters(network)
    with average.in_place():
        for r, followed in enumerate(theirs):
            for name in ("weight", "mean"):
                expected = getattr(followed.module, name)[0]
                torch.testing.assert_close(getattr(ours, name)[r], expected, rtol=1e-12, atol=1e-12)
        assert ours.count.tolist() == [20, 20, 20]
        ours.weight.data.zero_()  # whatever evaluation does
    assert torch.equal(ours.weight, values(20))
    assert torch.equal(ours.mean, values(20).mean(dim=-1))


def test_without_decay_the_average_is_the_network_bit_for_bit() -> None:
    network = Stacked(values(0))
    average = Average(network, DECAYS)
    for step in range(1, 4):
        moved(network, slice(None), step)
        average.follow()
    with average.in_place():
        assert torch.equal(network.weight[1], values(3)[1])
        assert not torch.equal(network.weight[0], values(3)[0])


def test_goes_on_bit_for_bit() -> None:
    network = Stacked(values(0))
    average = Average(network, DECAYS)
    states = [copy.deepcopy(average.state_dict())]
    for step in range(1, 6):
        moved(network, slice(None), step)
        average.follow()
        states.append(copy.deepcopy(average.state_dict()))
    for begin in (0, 2):
        other = Average(network, DECAYS)
        other.load_state_dict(states[begin])
        for step in range(begin + 1, 6):
            moved(network, slice(None), step)
            other.follow()
        for name, tensor in other.state_dict().items():
            assert torch.equal(tensor, states[5][name])
