"""What a paper says, asked of made-up results that say it and of others that do not."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd
import pytest

from analysis.claims import CLAIMS, judged
from analysis.findings import Findings
from analysis.question import Question
from analysis.showing.beside import SOURCES
from analysis.verdicts import papers, verdict, verdicts
from sweeps.file.spec import presets
from sweeps.records import READINGS

NOTHING = pd.DataFrame(columns=list(READINGS))


def results(values: Mapping[str, float], column: str, **more: Any) -> pd.DataFrame:
    """A row a method, whose `column` is its value."""
    rows = [
        {"trial_id": f"{k}", "sweep": "mine", "dataset": "d", "model": "mlp", "normalizer": name, column: value} | more
        for k, (name, value) in enumerate(values.items())
    ]
    return pd.DataFrame(rows)


def seen(values: Mapping[str, float], probe: str, quantity: str, **more: Any) -> pd.DataFrame:
    """A reading a trial of `results`, in its order."""
    place = {"epoch": 1, "layer": 2, "at": None} | more
    rows = [
        {"trial_id": f"{k}", "probe": probe, "quantity": quantity, "value": value} | place
        for k, value in enumerate(values.values())
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("claim", "column", "low", "high"),
    [
        ("vcl_is_faster_than_bn", "seconds", "vcl(n=5)", "bn"),
        ("normprop_is_faster_than_bn", "seconds", "normprop", "bn"),
        ("larger_kappa_lowers_the_loss", "train_loss", "popnorm(kappa=4.0)", "popnorm(kappa=1.0)"),
    ],
)
def test_a_claim_about_results(claim: str, column: str, low: str, high: str) -> None:
    right, wrong = ({low: a, high: b} for a, b in ((1.5, 2.5), (2.5, 1.5)))
    found = judged(claim, results(right, column), NOTHING)
    assert (found.word, "1.5" in found.sentence, "2.5" in found.sentence) == ("reproduced", True, True)
    assert judged(claim, results(wrong, column), NOTHING).word == "not reproduced"
    lacking = judged(claim, results({high: 1.0}, column), NOTHING)
    assert lacking.word == "not comparable"
    assert low.partition("(")[0] in lacking.sentence


@pytest.mark.parametrize(
    ("claim", "probe", "quantity", "low", "high"),
    [
        ("vcl_lowers_kurtosis", "kurtosis", "mean", "vcl", "bn"),
        ("reparametrized_gradients_are_larger", "weights", "gradient", "cwo", "ws"),
        ("normprop_keeps_inputs_closer_to_0", "mean-input", "mean", "normprop", "bn"),
    ],
)
def test_a_claim_about_readings(claim: str, probe: str, quantity: str, low: str, high: str) -> None:
    frame = results({low: 0.1, high: 0.1}, "test_error")
    right, wrong = (seen({low: a, high: b}, probe, quantity) for a, b in ((0.2, 0.3), (0.3, 0.2)))
    assert judged(claim, frame, right).word == "reproduced"
    assert judged(claim, frame, wrong).word == "not reproduced"
    assert judged(claim, frame, NOTHING).sentence == f"because there is no result of probe {probe} yet"
    assert judged(claim, frame.assign(sweep="mine-smoke"), right).word == "not comparable"


@pytest.mark.parametrize(("bn", "word"), [(30.0, "reproduced"), (4.0, "not reproduced")])
def test_bn_focuses_the_partition(bn: float, word: str) -> None:
    frame = results({"bn": 0.5, "none": 0.5, "none(x)": 0.5}, "test_error")
    frame["bias_init"] = ["zero", "zero", "random"]
    about = seen({"bn": bn, "none": 5.0, "none(x)": 6.0}, "partition-density", "data", layer=0)
    random = seen({"bn": 3.0, "none": 5.0, "none(x)": 6.0}, "partition-density", "random", layer=0)
    found = judged("bn_focuses_the_partition", frame, pd.concat([about, random]))
    assert found.word == word
    assert f"bn {bn:.3g} ({bn / 3:.2f} times)" in found.sentence
    images = judged("bn_focuses_the_partition_of_images", frame, pd.concat([about, random]))
    assert images.sentence == "because there is no result of model resnet9 yet"


def test_batch_statistics_and_distances() -> None:
    frame = results({"bn": 0.5, "none": 0.5}, "test_error")
    names = {"mean-ratio": 1.02, "variance-ratio": 0.97, "virtual mean-ratio": 2.05}
    ratios = [seen({"bn": value, "none": value}, "batch-statistics", name) for name, value in names.items()]
    assert judged("statistics_scatter_as_expected", frame, pd.concat(ratios)).word == "reproduced"
    ratios[2]["value"] = 1.0
    assert judged("statistics_scatter_as_expected", frame, pd.concat(ratios)).word == "not reproduced"
    least = seen({"bn": 2.0, "none": 2.0}, "tls-distance", "least", epoch=0)
    distance = seen({"bn": 2.1, "none": 8.0}, "tls-distance", "distance", epoch=0)
    found = judged("bn_is_nearest_to_its_inputs", frame, pd.concat([least, distance]))
    assert (found.word, found.sentence.endswith("bn 1.05, none 4")) == ("reproduced", True)


def test_wins_choose_the_depth_on_validation() -> None:
    rows = [
        {"sweep": "mine", "trial_id": f"{d}{n}{depth}", "dataset": d, "activation": "relu", "normalizer": n, "seed": 0,
         "val_error": 0.1 * depth, "test_error": error if depth == 1 else 0.0}
        for (d, n, error), depth in product(
            [("a", "vcl(n=5)", 0.1), ("a", "bn", 0.2), ("b", "vcl(n=5)", 0.1), ("b", "bn", 0.3)], (1, 2)
        )
    ]  # fmt: skip
    assert judged("vcl_wins_more_than_bn", pd.DataFrame(rows), NOTHING).sentence.endswith("vcl 2, bn 0")


def test_small_batches_and_frozen_bn() -> None:
    parts = [results({"cwo": c, "bn": b}, "test_error", batch_size=n) for n, c, b in ((4, 0.2, 0.4), (128, 0.1, 0.1))]
    assert judged("cwo_bears_small_batches_better", pd.concat(parts), NOTHING).word == "reproduced"
    frame = results({"bn-frozen": 0.1, "none": 0.2}, "test_error", val_error=0.1, bias_init="zero", seed=0)
    assert judged("frozen_bn_beats_no_normalization", frame, NOTHING).word == "reproduced"


def test_every_row_of_the_papers_names_a_preset_and_a_claim_that_there_are() -> None:
    about = papers()
    assert set(about["paper"]) == {"vcl", "popnorm", "cwo", "normprop", "bne"}
    assert set(about["preset"]) - {""} <= set(presets())
    assert set(about["claim"]) - {"", "published"} == set(CLAIMS)
    for row in about.to_dict("records"):
        if row["claim"] == "published":
            assert SOURCES[row["preset"]][0] == row["paper"]
    assert not about.duplicated(["paper", "exhibit"]).any()


def own_table(errors: Mapping[str, float]) -> Findings:
    """Results of `popnorm-imagenet`, which the paper's table 2 has: popnorm better than bn."""
    frame = results(errors, "test_error", activation="relu", seed=0, split=0, state="done")
    frame = frame.assign(sweep="popnorm-imagenet", dataset="imagenet", model="resnet18", depth=4, width=1, batch_size=1)
    return Findings(frame, Question())


def test_a_table_is_reproduced_where_methods_are_in_its_order() -> None:
    right, wrong = own_table({"bn": 0.31, "popnorm": 0.30}), own_table({"bn": 0.30, "popnorm": 0.31})
    assert verdict("published", right, NOTHING).sentence.startswith("own means order 100% of 1 pairs")
    assert verdict("published", wrong, NOTHING).word == "not reproduced"
    assert verdict("", right, NOTHING).word == "not comparable"
    table = verdicts(right, NOTHING)
    assert table is not None
    assert table.frame[["exhibit", "verdict"]].to_numpy().tolist() == [["table 2", "reproduced"]]
