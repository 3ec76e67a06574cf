"""Every preset is a sweep that could be trained: planned on facts alone, and the small sizes on a fresh checkout."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from orchestrator.ask.report import reported
from orchestrator.planning.plan import check, facts_once
from orchestrator.store import Store
from orchestrator.store.results import readings
from orchestrator.store.workspace import Workspace
from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.file.spec import load_spec, presets
from sweeps.plan import expand, packs
from sweeps.trial import Trial
from sweeps.words.rules import problems
from tests.orchestrator.training import train
from trainers import data
from trainers.data.listings.registry import lookup
from trainers.host import prepare
from trainers.pack import PackTrainer

SMOKES = [name for name in presets() if name.endswith("-smoke")]
WHOLE = [name.removesuffix("-smoke") for name in SMOKES]
OF_IMAGES = [name for name in presets() if not name.startswith(("demo", "uci44", "batch-size"))]
# uci44-all is a quarter of a million trials.
SOME = {"uci44-all": ["seed=0", "split=0"]}
PAGE = Path(__file__).parents[3] / "docs" / "presets.md"


@cache
def listed_facts(name: str) -> DatasetFacts:
    """Of a data set as its registry lists it, here or not."""
    listing = lookup(name)
    sizes = SplitSizes(train=listing.n * 6 // 10, validation=listing.n // 10, test=listing.n * 3 // 10)
    return DatasetFacts(
        name=name, digest="0" * 64, n=listing.n, shape=listing.shape, classes=listing.classes, splits=(sizes,) * 5
    )


@cache
def trials(name: str) -> list[Trial]:
    return expand(load_spec(name, SOME.get(name, ())), listed_facts)


def names(name: str, kind: str) -> set[str]:
    return {getattr(trial, kind).name for trial in trials(name)}


@pytest.mark.parametrize("name", presets())
def test_no_preset_breaks_a_rule(name: str) -> None:
    assert problems(trials(name), listed_facts) == []


@pytest.mark.smoke
@pytest.mark.parametrize("name", OF_IMAGES)
def test_every_network_of_a_preset_takes_its_batches(name: str) -> None:
    networks = {(t.dataset, t.model, t.normalizer.name, t.batch_size, t.augment): t for t in trials(name)}
    check(list(networks.values()), listed_facts)


@pytest.mark.parametrize("name", WHOLE)
def test_a_small_size_goes_the_way_of_the_whole(name: str) -> None:
    for kind in ("model", "activation", "normalizer", "schedule"):
        assert names(f"{name}-smoke", kind) == names(name, kind), kind
    assert names(f"{name}-smoke", "augment") <= names(name, "augment")
    for field in ("momentum", "weight_decay", "bias_init", "init", "standardize"):
        assert {getattr(t, field) for t in trials(f"{name}-smoke")} == {getattr(t, field) for t in trials(name)}, field
    small, whole = (replace(load_spec(n).analysis, select=None) for n in (f"{name}-smoke", name))
    assert small == whole


@pytest.mark.parametrize("name", [s for s in SMOKES if s != "uci44-smoke"])
def test_a_small_size_needs_no_download(name: str) -> None:
    assert data.missing({trial.dataset for trial in trials(name)}) == {}


@pytest.mark.parametrize("name", [n for n in presets() if n not in SOME])
def test_the_page_of_presets_says_how_many_trials_each_has(name: str) -> None:
    base, size = name.removesuffix("-smoke"), name.endswith("-smoke")
    (row,) = re.findall(rf"^\| `{base}` \|.*\| *([\d,]+) *\| *([\d,–]+) *\|$", PAGE.read_text(), re.MULTILINE)
    assert int(row[size].replace(",", "")) == len(trials(name))


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["vcl-tinyimagenet-smoke", "cwo-modelnet40-smoke", "popnorm-imagenet-smoke"])
def test_a_small_size_trains(name: str) -> None:
    prepare(threads=2)
    spec, facts = load_spec(name), facts_once()
    for pack in packs(expand(spec, facts), facts, spec.run.pack_size):
        trainer = PackTrainer(pack.trials, data.load(pack.trials[0].dataset))
        while not trainer.finished:
            trainer.advance(60.0)
        assert [row["state"] for row in trainer.rows()] == ["done"] * len(pack.trials)


@pytest.mark.smoke
@pytest.mark.parametrize(
    "name", ["vcl-modes", "normprop-shift", "bne-partition", "bne-geometry", "popnorm-landscape", "cwo-weights"]
)
def test_what_probes_see_comes_to_a_report(name: str, tmp_path: Path) -> None:
    workspace = Workspace.at(tmp_path / "out")
    train(workspace, f"{name}-smoke")
    store = Store(workspace)
    seen, problems = readings(store, f"{name}-smoke")
    assert problems == []
    assert set(seen["probe"].to_pylist()) == {probe.name for trial in trials(name) for probe in trial.record}
    reported(store, f"{name}-smoke", tmp_path / "report.html", interim=False)
    page = (tmp_path / "report.html").read_text()
    for probe in set(seen["probe"].to_pylist()):
        assert f'id="probe-{probe}' in page
