"""Questions to a real MLflow on SQLite, and the same answers from the ledger."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from orchestrator.ask.compare import SOURCES, Comparison, compare
from orchestrator.ask.from_ledger import from_ledger
from orchestrator.ask.from_mlflow import from_mlflow
from orchestrator.mirror.sync import sync
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from sweeps.select import Selector
from sweeps.words.choice import Choice
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, small_sweep, trials

FILTERS = [
    "",
    "params.dataset = 'wine'",
    "params.dataset != 'wine' and metrics.test_error < 0.9",
    "params.normalizer LIKE 'V%'",
    "params.normalizer ILIKE 'V%'",
    "params.normalizer LIKE '_n'",
    "params.seed = '1' AND params.lr = '0.01'",
    "params.schedule LIKE 'step%'",
    "metrics.test_error >= 0.5",
    "metrics.test_error != 0.5 and metrics.seconds = 12.5",
    "metrics.selected_epoch > 3",
    "tags.normsweep.state = 'diverged'",
    "tags.`normsweep.diverged_epoch` = '3'",
    "tags.normsweep.diverged_epoch IS NULL",
    "params.`normalizer.weight` = '0.01'",
    "params.`normalizer.affine` != 'true'",
    "params.`schedule.at` IS NOT NULL",
    "params.schedule IS NOT NULL and params.nesterov = 'false'",
    "params.optimizer = 'sgd' and params.warmup = '0.0'",
]


@pytest.fixture
def two_sweeps(workspace: Workspace) -> Workspace:
    """`small` (wine, titanic) and `other` (titanic, shared, and led), whose `led` trials have another schedule."""
    small_sweep(workspace)
    led = [replace(t, schedule=Choice.of("step", {"at": (3,)})) for t in trials(("led-display-generated",))]
    record_sweep(workspace, "other", trials(("titanic",)) + led)
    packs = record_packs(workspace, led)
    finish(workspace, packs[:1])
    finish(workspace, packs[1:], epochs=3, state="diverged", diverged_epoch=3, test_error=None, val_error=None)
    sync(workspace)
    return workspace


def test_finished_trials_that_mlflow_lacks_are_told(two_sweeps: Workspace) -> None:
    more = trials(("iris",))
    record_sweep(two_sweeps, "late", more)
    finish(two_sweeps, record_packs(two_sweeps, more))
    told = f"{len(more)} finished trials not in MLflow yet: `normsweep sync` shows them there"
    store = Store(two_sweeps)
    assert told not in compare(store, ["small"]).below
    assert told in compare(store, ["small", "late"]).below
    assert told not in compare(store, ["small", "late"], source="ledger").below
    assert told not in compare(store, ["small", "late"], query="params.dataset = 'wine'").below
    sync(two_sweeps)
    assert told not in compare(store, ["small", "late"]).below


@pytest.mark.parametrize("sweeps", [[], ["small"], ["other"], ["small", "other"]])
def test_both_sources_hold_the_same_trials_under_every_filter(two_sweeps: Workspace, sweeps: list[str]) -> None:
    for query in FILTERS:
        mirrored = from_mlflow(two_sweeps, None, sweeps, query)
        read = from_ledger(Store(two_sweeps), sweeps, query)
        pd.testing.assert_frame_equal(mirrored, read, check_exact=True, obj=query or "all")
    assert len(from_ledger(Store(two_sweeps), sweeps, "")) == {0: 18, 1: 12, 2: 18}[len(sweeps)]


def test_both_sources_give_the_same_answer(two_sweeps: Workspace) -> None:
    from_server = compare(Store(two_sweeps), ["small"], by=["normalizer"], baseline="bn")
    from_parquet = compare(Store(two_sweeps), ["small"], by=["normalizer"], baseline="bn", source="ledger")
    assert from_server == replace(from_parquet, source="mlflow")


def test_a_selector_is_asked_of_both_sources_alike(two_sweeps: Workspace) -> None:
    where = Selector.parse("lr=1e-2 seed=0 state=done normalizer!=none")
    both = [compare(Store(two_sweeps), ["small"], by=["normalizer"], where=where, source=s) for s in SOURCES]
    assert both[0] == replace(both[1], source="mlflow")
    assert {line["method"] for line in both[0].lines} == {"bn", "vcl"}
    assert both[0].runs == 4
    # MLflow's own filter compares texts.
    with pytest.raises(ValueError, match=r"MLflow compares settings as texts .* -w lr=1e-2 reads them as numbers"):
        compare(Store(two_sweeps), ["small"], query="params.lr = '1e-2'")
    with pytest.raises(ValueError, match="a tracking URI says where MLflow is: leave it out"):
        compare(Store(two_sweeps), ["small"], source="ledger", uri="sqlite:///here.db")


def answer_of(workspace: Workspace, **errors: list[float]) -> Comparison:
    """Of a sweep whose test errors are given by normalizer, over wine and titanic, seeds 0 and 1."""
    members = trials()
    record_sweep(workspace, "hand", members)
    for pack, trial in zip(record_packs(workspace, members, size=1), members, strict=True):
        error = errors[trial.normalizer.name][2 * (trial.dataset == "titanic") + trial.seed]
        finish(workspace, [pack], test_error=error)
    return compare(Store(workspace), ["hand"], by=["normalizer"], baseline="none", source="ledger")


def test_the_numbers_are_right(workspace: Workspace) -> None:
    answer = answer_of(workspace, none=[0.2, 0.4, 0.6, 0.6], bn=[0.1, 0.1, 0.7, 0.9], vcl=[0.1, 0.1, 0.5, 0.5])
    assert answer.runs == 12
    lines = {line["method"]: line for line in answer.lines}
    assert list(lines) == ["vcl", "none", "bn"] or list(lines) == ["vcl", "bn", "none"]  # equal means
    assert {name: line["wins"] for name, line in lines.items()} == {"vcl": 2, "bn": 1, "none": 0}  # one is shared
    assert lines["vcl"]["mean"] == pytest.approx(0.3)
    assert lines["bn"]["rank"] == pytest.approx((1.5 + 3) / 2)
    # Seeds: means over data sets 0.4, 0.5 (none) and 0.3, 0.3 (vcl): differences -0.1, -0.2.
    assert lines["vcl"]["difference"] == pytest.approx(-0.15)
    half = 25.451699579 * 0.05  # t(1, 1 - 0.025 / 2), two comparisons; times s / sqrt(2), s = 0.1 / sqrt(2)
    assert (lines["vcl"]["low"], lines["vcl"]["high"]) == pytest.approx((-0.15 - half, -0.15 + half))
    assert lines["vcl"]["against"] == "none"
    assert lines["none"]["difference"] is None


def test_a_trial_that_a_sweep_leaves_out_is_not_compared(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    sync(workspace)
    record_sweep(workspace, "small", members[:6], version=2)
    sync(workspace)
    assert len(from_mlflow(workspace, None, ["small"], "")) == len(from_ledger(Store(workspace), ["small"], "")) == 6


def test_bad_questions_are_one_sentence(two_sweeps: Workspace) -> None:
    with pytest.raises(ValueError, match="MLflow does not take the filter 'dataset is wine'"):
        compare(Store(two_sweeps), ["small"], query="dataset is wine")
    with pytest.raises(ValueError, match="MLflow does not take the filter 'dataset is wine'"):
        compare(Store(two_sweeps), ["small"], query="dataset is wine", source="ledger")
    with pytest.raises(ValueError, match="unknown metric 'test_eror': did you mean test_error"):
        compare(Store(two_sweeps), ["small"], query="metrics.test_eror < 1", source="ledger")
    with pytest.raises(ValueError, match=r"mlflow has no finished trial of sweep small with params.dataset = 'iris'"):
        compare(Store(two_sweeps), ["small"], query="params.dataset = 'iris'")
    with pytest.raises(ValueError, match=r"nothing is mirrored in .* yet: `normsweep sync`"):
        compare(Store.at(two_sweeps.root / "elsewhere"))
