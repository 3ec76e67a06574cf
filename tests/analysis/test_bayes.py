import numpy as np
import pytest

from analysis.statistics.bayes import signed_rank


def test_probabilities_add_up_and_follow_the_differences():
    found = signed_rank(np.full(10, 0.05), rope=0.01, seed=0)
    assert found.below + found.within + found.above == pytest.approx(1)
    assert found.above > 0.99
    assert signed_rank(np.full(10, -0.05), rope=0.01, seed=0).below > 0.99
    assert signed_rank(np.full(10, 0.002), rope=0.01, seed=0).within > 0.99


def test_symmetric_differences_are_undecided():
    found = signed_rank([-0.05, 0.05] * 6, rope=0.0, seed=1)
    assert found.below == pytest.approx(found.above, abs=0.03)


def test_one_difference_by_hand():
    # z = (0, 1): the pair of two ones has weight w^2 with w ~ Beta(1, 0.6); the other pairs lie at 0 and 1/2.
    # With rope 1/4 the share above is 1 - (1 - w)^2, the largest where w > 1 - sqrt(1/2).
    found = signed_rank([1.0], rope=0.25, seed=2, samples=200_000)
    cut = 1 - np.sqrt(0.5)
    assert found.above == pytest.approx((1 - cut) ** 0.6, abs=0.005)


@pytest.mark.parametrize("one", [1.0, 10 * (0.3 - 0.2)])  # 0.9999999999999998
def test_a_pair_on_the_edge_is_half_in_the_region(one: float):
    # The two mixed pairs, at 1/2, are on the edge: the share above is w^2 + w (1 - w) = w.
    found = signed_rank([one], rope=0.5, seed=2, samples=200_000)
    assert found.above == pytest.approx(0.5**0.6, abs=0.005)
    assert found.within == pytest.approx(1 - 0.5**0.6, abs=0.005)
    assert signed_rank([1.0], rope=0.5, seed=2) == signed_rank([one], rope=0.5, seed=2)


def test_the_same_seed_gives_the_same_verdict_whatever_the_global_generator_does():
    z = np.random.default_rng(0).normal(size=8)
    first = signed_rank(z, rope=0.1, seed=5)
    np.random.seed(123)  # noqa: NPY002
    np.random.random(7)  # noqa: NPY002
    assert signed_rank(z, rope=0.1, seed=5) == first
    assert signed_rank(z, rope=0.1, seed=6) != first


@pytest.mark.parametrize(("z", "rope"), [([], 0.1), ([np.inf], 0.1), ([1.0], -1.0)])
def test_refusals(z: list[float], rope: float):
    with pytest.raises(ValueError, match=r"needs at least one|must not be negative"):
        signed_rank(z, rope, seed=0)
