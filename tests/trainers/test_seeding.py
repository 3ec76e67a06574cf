"""The random numbers of a trial: fixed for ever, whatever it is packed with and wherever training is taken up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.seeding import BLOCK_STEPS, Streams

GOLDEN_UNIFORM = [0.09958243370056152, 0.08040112257003784, 0.4591703414916992]
GOLDEN_NORMAL = [0.844427764415741, -0.7634289264678955, -0.5386593341827393]
GOLDEN_INITIAL = [-1.2131975889205933, -0.015813719481229782, -0.9441724419593811]


def test_golden_numbers() -> None:
    """These may never change: every published result rests on them."""
    streams = Streams([0, 7])
    streams.at(3, 5)
    assert streams.uniform("dropout", 2, (3,))[1].tolist() == GOLDEN_UNIFORM
    torch.testing.assert_close(streams.normal("noise", 1, (3,))[1], torch.tensor(GOLDEN_NORMAL), rtol=1e-6, atol=0)
    torch.testing.assert_close(streams.initial(1, (3,))[1], torch.tensor(GOLDEN_INITIAL), rtol=1e-6, atol=0)
    assert streams.order(7).tolist() == [[1, 2, 6, 3, 4, 0, 5], [3, 5, 1, 0, 4, 6, 2]]


def test_construction_as_documented() -> None:
    """The module's own description, followed word by word with integers of any size."""
    import hashlib
    import math

    name = '["normsweep",1,7,"dropout",2,3]'
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    outputs = np.random.Philox(key=key, counter=5 * 2).random_raw(8)  # 10 numbers: k = 2 counters a step; step 5
    words = [half for o in outputs.tolist() for half in (o & 0xFFFFFFFF, o >> 32)]
    streams = Streams([7])
    streams.at(3, 5)
    assert streams.uniform("dropout", 2, (2, 5)).flatten().tolist() == [(w >> 8) / 2**24 for w in words[:10]]
    normal = []
    for a, b in zip(words[0:10:2], words[1:10:2], strict=True):
        r, t = math.sqrt(-2 * math.log((a + 1) / 2**32)), 2 * math.pi * b / 2**32
        normal += [r * math.cos(t), r * math.sin(t)]
    torch.testing.assert_close(streams.normal("dropout", 2, (10,))[0], torch.tensor(normal), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(), (3,), (8,), (20, 256), (200, 300)])
def test_any_step_is_found_without_those_before(shape: tuple[int, ...]) -> None:
    running = Streams([1, 2])
    for step in range(2 * BLOCK_STEPS + 3):
        running.at(4, step)
        here = running.uniform("dropout", 1, shape), running.normal("noise", 1, shape)
        fresh = Streams([1, 2])
        fresh.at(4, step)
        assert torch.equal(here[0], fresh.uniform("dropout", 1, shape))
        assert torch.equal(here[1], fresh.normal("noise", 1, shape))
        assert torch.equal(here[0], running.uniform("dropout", 1, shape))  # a second look sees the same


def test_independent_of_the_neighbours_and_of_the_global_generators() -> None:
    torch.manual_seed(0)
    alone, packed = Streams([5]), Streams([9, 5, 2, 5])
    for streams in (alone, packed):
        streams.at(1, 17)
    for draw in (
        lambda s: s.uniform("dropout", 3, (4, 5)),
        lambda s: s.normal("noise", 3, (4, 5)),
        lambda s: s.initial(2, (6, 7)),
        lambda s: s.order(50),
    ):
        ours = draw(packed)
        torch.rand(3)
        assert torch.equal(ours[1], draw(alone)[0])
        assert torch.equal(ours[1], ours[3])
        assert not torch.equal(ours[1], ours[0])


def test_float64_draws_the_numbers_of_float32() -> None:
    single, double = Streams([3]), Streams([3], dtype=torch.float64)
    assert double.normal("noise", 1, (9,)).dtype == torch.float64
    assert torch.equal(single.normal("noise", 1, (9,)).double(), double.normal("noise", 1, (9,)))
    assert torch.equal(single.uniform("dropout", 1, (9,)).double(), double.uniform("dropout", 1, (9,)))
    assert torch.equal(single.initial(1, (9,)).double(), double.initial(1, (9,)))


def test_seed_purpose_layer_epoch_and_step_all_matter() -> None:
    seen: set[tuple[float, ...]] = set()
    for seed in (0, 1):
        streams = Streams([seed])
        for purpose in ("dropout", "noise"):
            for layer in (1, 2):
                for epoch, step in ((0, 0), (0, 1), (1, 0)):
                    streams.at(epoch, step)
                    seen.add(tuple(streams.uniform(purpose, layer, (4,))[0].tolist()))
    assert len(seen) == 2 * 2 * 2 * 3


def test_initial_stays_whatever_the_epoch_and_order_does_not() -> None:
    streams = Streams([0])
    weights, order = streams.initial(1, (5,)), streams.order(20)
    streams.at(6, 2)
    assert torch.equal(weights, streams.initial(1, (5,)))
    assert not torch.equal(weights, streams.initial(1, (5,), "init/bias"))
    assert not torch.equal(order, streams.order(20))
    assert streams.order(20).sort().values.tolist() == [list(range(20))]


def test_distributions() -> None:
    """Kolmogorov's distance at n = 200,000 is below 2/sqrt(n) but for 1 draw in 1,400."""
    from scipy import stats

    n = 200_000
    streams = Streams([11])
    uniform, normal = streams.uniform("dropout", 1, (n,))[0].numpy(), streams.normal("noise", 1, (n,))[0].numpy()
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0
    assert stats.kstest(uniform, stats.uniform.cdf).statistic < 2 / np.sqrt(n)
    assert stats.kstest(normal, stats.norm.cdf).statistic < 2 / np.sqrt(n)
    assert abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 4 / np.sqrt(n)
