import pytest
import torch

from trainers.layers.dropout import Dropout
from trainers.seeding import Streams


def streams(*seeds: int) -> Streams:
    return Streams(seeds, dtype=torch.float64)


def test_each_replica_has_its_own_rate() -> None:
    x = torch.ones(3, 100, 200, dtype=torch.float64)
    y = Dropout([0.5, 0.0, 0.1], streams(1, 2, 3), 4)(x)
    assert torch.equal(y[1], x[1])
    for r, rate in ((0, 0.5), (2, 0.1)):
        assert set(y[r].unique().tolist()) == {0.0, 1 / (1 - rate)}
        assert abs((y[r] == 0).double().mean().item() - rate) < 0.01


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = torch.randn(2, 400, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = Dropout([0.05, 0.3], streams(1, 2), 1, alpha=True)(x)
    torch.testing.assert_close(y.mean(dim=(1, 2)), torch.zeros(2).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(y.var(dim=(1, 2)), torch.ones(2).double(), atol=0.02, rtol=0)
    a = ((1 - 0.3) * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    kept = ((y[1] - x[1] * a).abs() - 0.3 * 1.7580993408473766 * a).abs() < 1e-9
    assert abs(kept.double().mean().item() - 0.7) < 0.01


def test_a_replica_draws_the_same_in_any_pack() -> None:
    x = torch.ones(1, 20, 30, dtype=torch.float64)
    alone = Dropout([0.5], streams(7), 2)(x)
    packed = Dropout([0.5, 0.2], streams(7, 8), 2)(x.expand(2, -1, -1))
    assert torch.equal(alone[0], packed[0])


def test_evaluation_and_rate_zero_leave_values_alone() -> None:
    x = torch.randn(1, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert Dropout([0.5], streams(1), 1).eval()(x) is x
    assert Dropout([0.0], streams(1), 1)(x) is x


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_a_rate_outside_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="dropout rate"):
        Dropout([rate], streams(1), 1)
