import numpy as np
import pytest
from scipy import stats

from analysis.statistics.ranks import cliques, critical_difference, friedman, holm, nemenyi, ranks, wilcoxon_holm

# Demsar 2006, Table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets. The
# third and fourth of the last row but one are both printed 0.975, but ranked 2 and 3.
DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.9749], [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip


def test_demsar_mean_ranks():
    assert ranks(DEMSAR, "max").mean(axis=0).round(3).tolist() == [3.143, 2.0, 2.893, 1.964]


def test_demsar_friedman_without_ties():
    # The paper prints 9.28 and 3.69, which neglect ties; ours is tie-corrected, as SciPy's.
    mean = ranks(DEMSAR, "max").mean(axis=0)
    n, k = DEMSAR.shape
    chi = 12 * n / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4)
    assert chi == pytest.approx(9.28, abs=0.005)
    assert (n - 1) * chi / (n * (k - 1) - chi) == pytest.approx(3.69, abs=0.005)


def test_friedman_agrees_with_scipy():
    found = friedman(ranks(DEMSAR, "max"))
    expected = stats.friedmanchisquare(*DEMSAR.T)
    assert (found.chi_square, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))


def test_friedman_f_form_by_hand():
    # Without ties: chi 9.28, F 3.69 on 3 and 39 degrees of freedom is significant at 0.05.
    ranked = ranks(np.array([[1.0, 2, 3], [1, 2, 3], [1, 3, 2], [2, 1, 3]]))
    found = friedman(ranked)
    assert found.chi_square == pytest.approx(12 * 4 / 12 * (1.25**2 + 2**2 + 2.75**2 - 12))  # 4.5
    assert found.f == pytest.approx(3 * 4.5 / (8 - 4.5))
    assert found.p_f == pytest.approx(stats.f.sf(found.f, 2, 6))


def test_friedman_edges():
    assert friedman(np.full((4, 3), 2.0)).p == 1
    unanimous = friedman(ranks(np.tile([1.0, 2.0, 3.0], (5, 1))))
    assert (unanimous.f, unanimous.p_f) == (np.inf, 0)
    with pytest.raises(ValueError, match="needs 2 rows and 3 methods, but got 1 and 3"):
        friedman(np.array([[1.0, 2.0, 3.0]]))


def test_demsar_critical_difference():
    assert critical_difference(14, 4) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(14, 4, 0.10) == pytest.approx(1.12, abs=0.005)


def test_nemenyi_agrees_with_the_critical_difference():
    ranked = ranks(np.random.default_rng(3).normal([0, 0.3, 1.2, 2.0], size=(20, 4)))
    mean = ranked.mean(axis=0)
    apart = np.abs(mean[:, None] - mean[None, :]) > critical_difference(20, 4)
    np.testing.assert_array_equal(nemenyi(ranked) < 0.05, apart)
    assert apart.any()
    assert not apart.all()


def test_nemenyi_agrees_with_scikit_posthocs():
    import scikit_posthocs as posthocs  # slow to import

    expected = posthocs.posthoc_nemenyi_friedman(DEMSAR).to_numpy()
    np.testing.assert_allclose(nemenyi(ranks(DEMSAR, "max")), expected, atol=1e-6)


def test_demsar_wilcoxon():
    # Demsar 2006, Table 2: C4.5 against C4.5+m, rank sums 93 and 12, z = -2.54.
    difference = DEMSAR[:, 1] - DEMSAR[:, 0]
    found = wilcoxon_holm([DEMSAR[:, 0] - DEMSAR[:, 1]])
    assert found[0] == pytest.approx(stats.wilcoxon(difference.round(12), zero_method="zsplit").pvalue)
    assert found[0] == pytest.approx(2 * stats.norm.sf(2.54), abs=0.003)


def test_wilcoxon_of_equal_columns_is_one():
    assert wilcoxon_holm([np.zeros(5), np.full(3, np.nan)]).tolist() == [1, 1]


def test_holm_by_hand():
    assert holm(np.array([0.03, 0.01, 0.04])).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def test_holm_agrees_with_statsmodels():
    from statsmodels.stats.multitest import multipletests  # slow to import

    p = np.random.default_rng(0).uniform(0, 0.2, size=19)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


def test_ranks_tie_within_rounding_and_put_diverged_last():
    found = ranks(np.array([[0.1 + 0.2, 0.3, np.inf]]))
    assert found.tolist() == [[1.5, 1.5, 3.0]]


def test_cliques():
    assert cliques(np.array([1.0, 1.5, 3.0, 3.2]), 1.0) == [(0, 1), (2, 3)]
    assert cliques(np.array([1.0, 2.0, 3.0]), 1.0) == [(0, 1), (1, 2)]
    assert cliques(np.array([1.0, 3.0]), 1.0) == []
