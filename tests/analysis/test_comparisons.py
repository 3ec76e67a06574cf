import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.frame import published
from analysis.question import Question
from analysis.showing import comparisons, drawings, robustness, tables
from analysis.showing.beside import beside
from analysis.showing.summary import summary
from analysis.showing.tables import Table
from tests.analysis.trials import MAJORITY, diverge, trials

SELECT = Question(select=("depth",))


def relu(**options: object) -> pd.DataFrame:
    return trials(activations=["relu"], depths=[4], **options)  # type: ignore[arg-type]


def lines(table: Table | None) -> pd.DataFrame:
    assert table is not None
    return table.frame.set_index("method")


def test_means_and_paired_differences_over_seeds():
    frame = relu(noise=0.0)
    for seed, shift in enumerate((0.0, 0.1, 0.2)):
        frame.loc[frame["seed"] == seed, "test_error"] += shift
    findings = Findings(frame, SELECT)
    # 0.1, 0.15, 0.2 of the three sets, 0.1 of the seeds' shift, 0.01 of bn
    assert findings.means[findings.names.index("bn")].mean == pytest.approx(0.26)
    assert findings.means[0].half == pytest.approx(0.1 * 2.484138, abs=1e-5)
    none = findings.differences[findings.names.index("none")]
    assert none is not None
    assert none.seeds is not None
    # Seeds shift both alike: the paired difference does not see it.
    assert (none.seeds.mean, none.seeds.half) == (pytest.approx(0.02), pytest.approx(0, abs=1e-12))
    assert findings.differences[findings.names.index("bn")] is None


def test_diverged_trials_enter_means_with_the_majority_class_error():
    frame = relu(noise=0.0, seeds=[0, 1])
    lost = diverge(frame, (frame["normalizer"] == "bn") & (frame["seed"] == 1) & (frame["dataset"] == "digits"))
    findings = Findings(lost, SELECT)
    assert findings.row_means[0, findings.names.index("bn")] == pytest.approx((0.11 + MAJORITY) / 2)


def test_splits_are_averaged_before_intervals_are_taken_over_seeds():
    frame = pd.concat([relu().assign(split=k) for k in range(3)], ignore_index=True)
    findings = Findings(frame, Question(average=("seed", "split")))
    assert findings.means[0].n == 3
    with_splits_only = Findings(frame[frame["seed"] == 0], Question(average=("split",)))
    assert not with_splits_only.replicated
    assert "no interval is given" in " ".join(summary(with_splits_only).sure)


def test_no_interval_takes_splits_for_seeds():
    frame = pd.concat([relu(batch_sizes=[2, 4]).assign(split=k) for k in range(3)], ignore_index=True)
    findings = Findings(frame[frame["seed"] == 0], Question(average=("split",)))
    assert findings.robustness is not None
    for table in (tables.cells, tables.methods, comparisons.aggregates, robustness.small_batches):
        found = table(findings)
        assert found is not None
        ends = [c for c in found.frame if str(c).endswith("_low") and not str(c).startswith("profile_area")]
        assert ends
        assert found.frame[ends].isna().all(axis=None)


def test_epochs_of_one_training_give_no_interval():
    frame = pd.concat([relu(seeds=[0]).assign(epoch=k) for k in range(20)], ignore_index=True)
    assert not Findings(frame, Question(average=("seed", "epoch"))).replicated


def test_wins_within_an_activation_stand_beside_wins_among_all():
    frame = trials(depths=[4], noise=0.0)
    frame.loc[frame["activation"] == "elu", "test_error"] += 0.1
    found = lines(tables.methods(Findings(frame, SELECT)))
    assert found.loc["elu/vcl", ["wins", "wins_within_activation"]].tolist() == [0, 3]
    assert "wins_within_activation" not in lines(tables.methods(Findings(relu(), SELECT)))


def test_ranking_names_the_best_and_how_far_the_others_are():
    table = comparisons.ranking(Findings(relu(datasets=tuple("abcdefgh"), noise=0.001), SELECT))
    found = lines(table)
    assert found.index.tolist() == ["vcl", "bn", "none"]
    assert found["mean_rank"].tolist() == [1, 2, 3]
    assert found.loc["none", "p_nemenyi"] < 0.001
    assert np.isnan(found.loc["vcl", "p_nemenyi"])


def test_ranking_needs_two_rows():
    assert comparisons.ranking(Findings(relu(datasets=["wine"]), SELECT)) is None


def test_all_batch_sizes_of_a_data_set_are_one_measurement_of_it():
    findings = Findings(relu(batch_sizes=[2, 4, 8]), Question())
    table = comparisons.ranking(findings)
    assert table is not None
    assert len(findings.scores.rows) == 9
    assert "over 3 data sets" in table.note
    assert findings.unit_means[0] == pytest.approx(findings.row_means[:3].mean(axis=0))
    difference = findings.differences[findings.names.index("none")]
    assert difference is not None
    assert difference.rows.n == 3


def test_sensitivity_to_the_rule_for_diverged_trials():
    frame = relu()
    assert comparisons.sensitivity(Findings(frame, SELECT)) is None
    lost = diverge(frame, (frame["normalizer"] == "vcl") & (frame["dataset"] != "wine"))
    table = comparisons.sensitivity(Findings(lost, SELECT))
    assert table is not None
    assert table.frame["most_wins"].tolist() == ["bn", "bn", "vcl"]
    assert table.frame["rows"].tolist() == [3, 3, 1]


def test_other_aggregates():
    found = lines(comparisons.aggregates(Findings(relu(epochs=30, seeds=range(5)), SELECT)))
    assert (found["interquartile_mean_rank_low"] <= found["interquartile_mean_rank"]).all()
    assert (found["profile_area_high"] <= 1).all()
    assert found["variance_first_epochs"].gt(0).all()


def test_no_data_set_is_too_hard_to_enter_the_interquartile_mean():
    # Of the raw errors of the VCL paper's Table 5, 15 of 44 data sets lie outside the middle half of every method.
    table = published("vcl", "5").assign(seed=0).rename(columns={"value": "test_error"})
    findings = Findings(table, Question())

    def never(values: np.ndarray) -> set[str]:
        places = values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
        outside = ((places < 11) | (places >= 33)).all(axis=1)
        return {row[0] for row, out in zip(findings.scores.rows, outside, strict=True) if out}

    assert len(never(findings.row_means)) == 15
    assert never(findings.normalized_ranks[:, :, 0]) == set()
    before = lines(comparisons.aggregates(findings))["interquartile_mean_rank"]
    worse = (table["dataset"] == "titanic") & (table["activation"] == "relu") & (table["normalizer"] == "none")
    table.loc[worse, "test_error"] += 0.5
    after = lines(comparisons.aggregates(Findings(table, Question())))["interquartile_mean_rank"]
    assert after["relu/none"] > before["relu/none"]
    assert before.between(0, 1).all()


def test_a_loss_has_a_profile_of_its_ratio():
    frame = relu(noise=0.0).assign(train_loss=lambda f: f["test_error"] * 10)
    question = Question(metric="train_loss")
    findings = Findings(frame, question)
    loss = findings.row_means
    assert findings.profile[-1].tolist() == (loss <= loss.min(axis=1, keepdims=True) / 0.95).mean(axis=0).tolist()
    assert "within 5% of the best train loss" in tables.methods(findings).note
    assert "accuracy" not in drawings.profiles(findings).note


def test_completeness_counts_the_methods_that_are_compared_in_each_block():
    frame = relu()
    gone = (frame["normalizer"] == "bn") & (frame["dataset"] == "wine") & (frame["seed"] == 2)
    frame.loc[gone, "state"] = "failed"
    found = tables.completeness(Findings(frame, SELECT)).frame.set_index(["dataset", "seed"])
    assert found.loc[("wine", 2), ["done", "failed", "compared"]].tolist() == [2, 1, 2]
    assert set(found["compared"].drop(("wine", 2))) == {3}


def test_trials_that_are_still_to_do_are_counted_and_not_compared():
    frame = relu()
    later = (frame["dataset"] == "wine") & (frame["seed"] == 2)
    frame.loc[later, "state"] = "todo"
    frame.loc[later, ["test_error", "val_error"]] = None
    findings = Findings(frame, SELECT)
    found = tables.completeness(findings).frame.set_index(["dataset", "seed"])
    assert found.loc[("wine", 2), ["done", "todo", "compared"]].tolist() == [0, 3, 0]
    assert "24 of 27 trials have a result (3 todo)." in summary(findings).compared


def test_small_batches_say_where_the_baseline_loses():
    frame = relu(noise=0.0, batch_sizes=[1, 2, 4, 8])
    at_two = (frame["normalizer"] == "bn") & (frame["batch_size"] == 2)
    frame.loc[at_two, "test_error"] += 0.06
    frame = frame[(frame["normalizer"] != "vcl") | (frame["batch_size"] >= 2)]
    findings = Findings(frame, Question())
    found = lines(robustness.small_batches(findings))
    # At 2 bn is 0.04 worse than none, from 4 on 0.02 better: the lines cross at two thirds of the way.
    assert found.loc["none", "bn_loses_below"] == f"{2 ** (1 + 2 / 3):.1f}"
    assert found.loc["vcl", ["no_result_at", "bn_loses_below"]].tolist() == ["1", "every size"]
    assert found.loc["bn", "index"] == pytest.approx(0.06 / 4)
    wide = robustness.by_batch_size(findings)
    assert wide is not None
    assert wide.frame["vcl"].isna().tolist() == [True, False, False, False]
    assert wide.missing == "not defined"
    assert "At batch size 2, the smallest that all methods share, vcl has the best" in " ".join(
        summary(findings).answer
    )


def test_published_figures_stand_beside_own_ones():
    frame = trials(datasets=["abalone", "adult"], depths=[4]).assign(sweep="uci44-smoke")
    _, table = beside(Findings(frame, SELECT))
    assert isinstance(table, Table)
    printed = table.frame.set_index(["dataset", "method"])["published"]
    assert printed["abalone", "relu/bn"] == 0.342
    assert len(printed) == 2 * 6
    assert beside(Findings(frame.assign(sweep="mine"), SELECT)) == []


def test_percent_and_accuracy_are_published_as_errors():
    frame = trials(datasets=["cifar10"], activations=["sigmoid", "tanh"], normalizers=["bn", "popnorm"], depths=[4])
    frame = frame.assign(sweep="popnorm-cifar", model="vgg16")
    _, table = beside(Findings(frame, SELECT))
    assert isinstance(table, Table)
    printed = table.frame.set_index("method")["published"]
    assert printed["sigmoid/bn"] == pytest.approx(1 - 0.8421)  # vgg16's 84.21 %, not resnet20's


def test_published_settings_tell_cells_apart():
    frame = trials(
        datasets=["cifar10"], activations=["elu", "lrelu(slope=0.2)"], normalizers=["none", "vcl"], depths=[4]
    )
    frame = frame.assign(sweep="vcl-cifar", model="elu-cnn-11")
    five = frame["normalizer"] == "vcl"
    two = frame[five].assign(normalizer_options='{"n": 2, "weight": 0.01}')
    _, table = beside(Findings(pd.concat([frame, two]), SELECT))
    assert isinstance(table, Table)
    printed = table.frame.set_index("method")["published"]
    theirs = (
        published("vcl", "2").query("dataset == 'cifar10'").set_index(["activation", "normalizer", "setting"])["value"]
    )
    assert printed["elu/vcl(n=5)"] == theirs["elu", "vcl", "n=5"]
    assert printed["lrelu(slope=0.2)/vcl(n=2)"] == theirs["lrelu", "vcl", "n=2"]
    assert len(printed) == 6


def test_published_augmentations_are_told_apart_by_the_sweep_s_columns():
    frame = trials(datasets=["cifar10"], activations=["relu"], normalizers=["bn", "cwo"], depths=[4])
    frame = frame.assign(sweep="cwo-cifar", model="cnn9", augment="pad-crop-flip")
    both = pd.concat([frame, frame.assign(augment="fastaa")])
    _, table = beside(Findings(both, Question(columns=("augment", "normalizer"))))
    assert isinstance(table, Table)
    printed = table.frame.set_index("method")["published"]
    assert printed["pad-crop-flip/cwo"] == pytest.approx(0.0550)
    assert printed["fastaa/bn"] == pytest.approx(0.0440)
