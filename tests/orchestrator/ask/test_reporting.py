"""`analyze` and `report` on made-up ledgers: what is compared, what is refused, what stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.parts import part_rows
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from sweeps.trial import Trial
from tests.orchestrator.stage import Call

FILE = """
name: mine
trial:
  dataset: [wine, titanic]
  depth: 1
  normalizer: [none, bn]
  activation: relu
  batch_size: 32
  epochs: 2
  seed: 0..1
"""
ERROR = {"none": 0.3, "bn": 0.2, "vcl": 0.1}


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace.at("normsweep-out")


def train(workspace: Workspace, text: str, *, state: str = "done", leave: str = "", error: float | None = None) -> None:
    """Publishes made-up results of a sweep file's text through the real ledger, but for the data set `leave`."""
    path = Path("mine.yaml")
    path.write_text(text)
    planned, _ = commit(Store(workspace), load_spec(str(path)))
    for pack in planned.serving:
        if pack.trials[0].dataset != leave:
            rows = [result(trial, state, error) for trial in pack.trials]
            Store(workspace).ledger.publish(pack.id, part_rows(pack, rows, {"seconds": 1.0, "attempts": 1}))


def result(trial: Trial, state: str, error: float | None) -> dict[str, object]:
    if state != "done":
        return {"state": state, "majority_error": 0.6}
    test = ERROR.get(trial.normalizer.name, 0.2) + trial.seed / 100 if error is None else error
    return {
        "state": state,
        "val_error": test,
        "test_error": test,
        "majority_error": 0.6,
        "curve_val_error": [0.5, test],
    }


def test_an_incomplete_sweep_is_analysed_on_what_is_complete_and_says_so(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE, leave="titanic")
    code, out, _ = call("analyze", "mine", "-o", "tables")
    assert code == 0
    assert "the sweep is not complete (4 todo): only rows on which every method has a result are compared" in out
    blocks = pd.read_csv("tables/completeness.csv").set_index(["dataset", "seed"])
    assert blocks.loc[("titanic", 0), ["done", "todo", "compared"]].tolist() == [0, 2, 0]
    assert "4 of 8 trials have a result (4 todo)." in json.loads(Path("tables/summary.json").read_text())["compared"]
    code, _, err = call("report", "mine")
    assert code == 2
    assert "sweep mine is not complete (4 todo)" in err


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (FILE, {"state": "failed"}, "no row has a result for each of the 2 columns"),
        (FILE.replace("depth: 1", "depth: [1, 2]"), {}, ""),
        (
            FILE.replace("epochs: 2", "epochs: 2\n  split: [0, 1]"),
            {},
            "split must not make rows: the splits of a data set",
        ),
        (FILE.replace("epochs: 2", "epochs: 2\n  lr: [0.1, 0.01]"), {}, "holds 2 rows (they differ in lr)"),
        (
            FILE.replace("epochs: 2", "epochs: 2\n  where:\n    - {if: dataset=wine, shards: 8}"),
            {},
            "bn with shards=8 and bn with shards=1 of a batch of 32 take their statistics over different numbers",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    call: Call, workspace: Workspace, text: str, given: dict[str, str], sentence: str
) -> None:
    train(workspace, text, **given)  # type: ignore[arg-type]
    for verb, out in (("report", "page.html"), ("analyze", "tables")):
        code, _, err = call(verb, "mine", "-o", out)
        assert code == (2 if sentence else 0)
        assert sentence in err
        assert len(err.strip().splitlines()) == bool(sentence)
        assert Path(out).exists() == (not sentence)


def test_a_sweep_none_of_whose_trials_has_a_result_is_one_sentence(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE)
    train(workspace, FILE.replace("[wine, titanic]", "optical-test"), leave="optical-test")
    for verb in ("report", "analyze"):
        assert call(verb, "mine", "-o", "made") == (
            2,
            "",
            "normsweep: sweep mine has no result yet: `normsweep run mine.yaml`\n",
        )
    assert not Path("made").exists()


def test_one_seed_and_constant_rows_are_said(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE.replace("0..1", "0"), error=0.25)
    assert call("report", "mine", "-o", "page.html")[0] == 0
    page = Path("page.html").read_text()
    assert (
        "There is one seed only, so chance cannot be told from effect on these data sets: no interval is given." in page
    )
    assert "No method wins: on every one of the 2 data sets all methods are equal." in page


def test_activations_that_differ_in_an_option_alone_are_kept_apart(call: Call, workspace: Workspace) -> None:
    slopes = "[lrelu, {lrelu: {slope: 0.2}}, {elu: {alpha: 2.0}}]"
    train(workspace, FILE.replace("activation: relu", f"activation: {slopes}"))
    assert call("analyze", "mine", "-o", "tables")[0] == 0
    names = pd.read_csv("tables/methods.csv")["method"]
    assert set(names) == {f"{a}/{n}" for a in ("lrelu", "lrelu(slope=0.2)", "elu(alpha=2.0)") for n in ("none", "bn")}


def test_the_page_shows_how_to_make_the_same_again(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE)
    assert call("report", "mine", "-o", "page.html")[0] == 0
    page = Path("page.html").read_text()
    place = f"--workspace {workspace.root}"
    assert f"normsweep run mine.yaml {place}" in page  # no preset: the sweep's file stands on the page
    assert "&#34;name&#34;: &#34;mine&#34;" in page
    assert f"normsweep report mine {place} -o {Path('page.html').resolve()}" in page
    assert f"normsweep analyze mine {place} -o analysis --only methods" in page
    assert call("analyze", "mine", "-o", "analysis", "--only", "methods")[0] == 0
    assert sorted(p.name for p in Path("analysis").iterdir()) == ["methods.csv", "methods.parquet", "methods.tex"]


def test_a_papers_preset_lays_its_figures_beside_the_published_of_the_sets_that_are_there(
    call: Call, workspace: Workspace
) -> None:
    planned, _ = commit(Store(workspace), load_spec("uci44", ["dataset=titanic", "seed=0..1", "depth=4,8"]))
    for pack in planned.serving:
        rows = [result(trial, "done", None) for trial in pack.trials]
        Store(workspace).ledger.publish(pack.id, part_rows(pack, rows, {"seconds": 1.0, "attempts": 1}))
    assert call("report", "uci44", "-o", "page.html")[0] == 0
    assert "Own figures beside the published" in Path("page.html").read_text()
    assert call("analyze", "uci44", "-o", "tables", "--only", "published")[0] == 0
    table = pd.read_csv("tables/published.csv").set_index(["dataset", "method"])
    assert len(table) == 9
    assert table.loc[("titanic", "relu/bn"), ["own", "published"]].tolist() == pytest.approx([0.205, 0.208])


def test_an_option_is_selected_over_by_every_verb(call: Call, workspace: Workspace) -> None:
    own = "normalizer: [none, bn, {vcl: {n: [2, 4]}}]"
    over = "analysis: {baseline: bn, rope: 0.002, level: 0.9, select: {over: [normalizer.n]}}"
    train(workspace, FILE.replace("normalizer: [none, bn]", own) + over)
    assert call("analyze", "mine", "-o", "tables")[0] == 0
    methods = pd.read_csv("tables/methods.csv").set_index("method")
    assert methods["candidates"].to_dict() == {"vcl": 2, "bn": 1, "none": 1}
    assert "within 0.002" in Path("tables/comparisons.tex").read_text()
    assert "90\\% interval" in Path("tables/comparisons.tex").read_text()
    counted = json.loads(call("wins", "mine", "--json")[1])
    assert {line["column"]: line["wins"] for line in counted} == {"none": 0, "bn": 0, "vcl": 2}
    compared = json.loads(call("compare", "mine", "--source", "ledger", "--json")[1])
    assert [line["method"] for line in compared["methods"]] == ["vcl", "bn", "none"]


@pytest.mark.parametrize("name", ["normalizer.m", "n", "dpeth"])
def test_only_settings_and_options_are_selected_over(call: Call, workspace: Workspace, name: str) -> None:
    Path("mine.yaml").write_text(FILE + f"analysis: {{select: {{over: [{name}]}}}}")
    code, _, err = call("check", "mine.yaml")
    assert code == 2
    assert f"unknown setting '{name}'" in err


def noisy(trial: Trial, seed: int) -> dict[str, object]:
    """Errors that leave vcl and bn too close to call."""
    return result(trial, "done", 0.2 + 0.02 * ((trial.seed * 7 + seed) % 5 - 2) * (trial.normalizer.name == "bn"))


def test_power_writes_a_sweep_that_runs_and_keeps_every_trial(call: Call, workspace: Workspace) -> None:
    text = FILE.replace("none, bn", "none, bn, {vcl: {n: 2}}").replace("0..1", "[0, 1, 5]") + "analysis: {baseline: bn}"
    Path("mine.yaml").write_text(text)
    planned, _ = commit(Store(workspace), load_spec("mine.yaml"))
    for pack in planned.serving:
        rows = [noisy(trial, k) for k, trial in enumerate(pack.trials)]
        Store(workspace).ledger.publish(pack.id, part_rows(pack, rows, {"seconds": 1.0, "attempts": 1}))
    code, out, err = call("power", "mine", "-o", "more.yaml", "--json")
    assert code == 0, err
    asked = json.loads(out)
    assert (asked["file"], asked["seeds"], asked["rope"]) == ("more.yaml", 3, 0.01)
    assert {line["method"] for line in asked["comparisons"]} == {"none", "vcl"}
    assert asked["seeds_wanted"] == max(line["seeds"] for line in asked["comparisons"]) > 3
    before, after = load_spec("mine.yaml"), load_spec("more.yaml")
    seeds = after.trial.settings["seed"]
    assert len(seeds) == asked["seeds_wanted"]
    assert {0, 1, 5} <= {*seeds}
    assert after.analysis == before.analysis
    trials, more = (
        {t.id for pack in commit(Store(workspace), s)[0].serving for t in pack.trials} for s in (before, after)
    )
    assert trials < more
    assert len(more) == 2 * 3 * asked["seeds_wanted"]
    assert "written: more.yaml; `normsweep run more.yaml`" in call("power", "mine@1", "-o", "more.yaml")[1]


def test_power_says_what_it_cannot_do(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE.replace("0..1", "0"))
    assert "has no two seeds to take a variance from: run it with --set seed=0..2" in call("power", "mine")[2]
    train(workspace, FILE + "analysis: {rope: 0}")
    assert "`analysis.rope` is 0: no number of seeds shows" in call("power", "mine")[2]
    assert "other.txt: a sweep file's name ends in .yaml or .yml" in call("power", "mine", "-o", "other.txt")[2]


def test_power_writes_nothing_where_all_is_decided(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE)
    code, out, _ = call("power", "mine", "-o", "more.yaml")
    assert (code, out) == (0, "every declared comparison of mine is decided\n")
    assert not Path("more.yaml").exists()
