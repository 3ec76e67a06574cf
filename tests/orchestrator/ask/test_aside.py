"""What `compare` and `wins` say below the table, and what they refuse of the words that they are given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import orchestrator
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError
from tests.orchestrator.ask.test_reporting import FILE, train
from tests.orchestrator.stage import Call

COMPARE = ("compare", "mine", "--source", "ledger", "--by", "normalizer")
MORE = FILE.replace("[wine, titanic]", "[wine, titanic, led-display-generated]")


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace.at("normsweep-out")


@pytest.fixture
def mixed(workspace: Workspace) -> Workspace:
    """wine is done, on titanic all diverged, led-display-generated is still to do."""
    train(workspace, FILE.replace("[wine, titanic]", "wine"))
    train(workspace, FILE.replace("[wine, titanic]", "titanic"), state="diverged")
    train(workspace, MORE, leave="led-display-generated")
    return workspace


DIVERGED = (
    "4 trials diverged: a method loses a row where more than half of its seeds diverged; elsewhere each counts with "
    "the majority-class error, or the worst score of its row where that is worse"
)
LEFT = "4 trials of mine have no result (4 todo): `normsweep run mine`"


@pytest.mark.parametrize("words", [COMPARE, ("wins", "mine")])
def test_what_diverged_and_what_is_missing_stands_below(call: Call, mixed: Workspace, words: tuple[str, ...]) -> None:
    code, out, _ = call(*words)
    assert code == 0
    assert "lower" in out.splitlines()[0]
    assert out.splitlines()[-2:] == [DIVERGED, LEFT]
    code, out, err = call(*words, "--json", "-w", "dataset!=titanic")
    assert code == 0
    assert "diverged" not in out + err
    assert LEFT in out + err
    code, out, err = call(*words, "-w", "dataset=wine")
    assert code == 0
    assert LEFT not in out


@pytest.mark.parametrize("words", [COMPARE, ("wins", "mine")])
def test_failed_trials_lead_to_errors(call: Call, workspace: Workspace, words: tuple[str, ...]) -> None:
    train(workspace, FILE.replace("[wine, titanic]", "titanic"))
    train(workspace, FILE, state="failed")
    code, out, _ = call(*words)
    assert code == 0
    assert out.splitlines()[-1] == "4 trials failed, so missing: `normsweep errors mine` says why"
    code, _, err = call(*words, "-w", "dataset=wine")
    assert code == 2
    assert "no row has a result for each of the 2 columns" in err
    assert err.endswith("; 4 trials failed, so missing: `normsweep errors mine` says why\n")


def test_cancelled_trials_are_told_with_retry(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE, leave="titanic")
    assert call("cancel", "mine", "-w", "dataset=titanic")[0] == 0
    out = call("wins", "mine")[1]
    assert (
        out.splitlines()[-1]
        == "4 trials of mine have no result (4 cancelled): `normsweep retry mine -w state=cancelled`"
    )


def test_what_the_latest_version_dropped_is_not_offered_to_a_run(call: Call, mixed: Workspace) -> None:
    train(mixed, FILE)
    dropped = orchestrator.status("mine", workspace=mixed.root)[0].latest - 1
    out = call("wins", f"mine@{dropped}")[1]
    assert out.splitlines()[-1] == f"4 trials of mine@{dropped} have no result (4 todo): `normsweep run mine@{dropped}`"
    out = call("wins", "mine@all")[1]
    assert "(4 todo), which the latest version does not want" in out.splitlines()[-1]


def test_an_unknown_word_for_diverged_trials_is_refused(call: Call, mixed: Workspace) -> None:
    with pytest.raises(UsageError, match="diverged"):
        orchestrator.wins("mine", workspace=mixed.root, diverged="xyz")
    assert call("export", "mine", "-o", "x.csv")[0] == 0
    with pytest.raises(UsageError, match="diverged"):
        orchestrator.wins("x.csv", workspace=mixed.root, columns=["normalizer"], average=["seed"], diverged="xyz")


def test_a_recorded_sweep_comes_before_a_file_of_its_name(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE)
    Path("mine").write_text("#!/bin/sh\n")
    assert call("wins", "mine")[0] == 0


def test_an_exported_table_says_the_same_of_what_has_ended(call: Call, mixed: Workspace) -> None:
    assert call("export", "mine", "-o", "x.csv")[0] == 0
    out = call("wins", "x.csv", "--columns", "normalizer", "--average", "seed")[1]
    assert out.splitlines()[-1] == DIVERGED


def test_methods_that_agree_everywhere_are_named(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE.replace("[none, bn]", "[none, bn, brn, ln]"))  # all but none have the same error
    sentence = "bn, brn and ln agree in every cell to the last digit: they computed the same"
    assert sentence in call(*COMPARE)[1]
    assert call("report", "mine", "-o", "page.html")[0] == 0
    assert sentence in Path("page.html").read_text()
    assert "agree" not in call(*COMPARE, "-w", "normalizer=none,bn")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*COMPARE, "--baseline", "xx"), "unknown baseline 'xx': known are"),
        ((*COMPARE, "--baseline", "vcl"), "unknown baseline 'vcl': known are bn, none"),
        ((*COMPARE, "--metric", "test_eror"), "no column 'test_eror'; did you mean 'test_error'?"),
        (("compare", "mine", "--source", "ledger", "--by", "normaliser"), "no column 'normaliser'; did you mean"),
        (("compare", "mine", "--source", "leger"), "unknown source 'leger': did you mean ledger?"),
        ((*COMPARE, "-w", "normalizer=xyz"), "'normalizer=xyz': unknown normalizer 'xyz'"),
        ((*COMPARE, "-w", "state=doen"), "'state=doen': unknown value of 'state' 'doen': did you mean done?"),
        ((*COMPARE, "-w", "seed=7"), "ledger has no finished trial of sweep mine that -w seed=7 selects"),
        (
            (*COMPARE, "--filter", "params.lr = '1e-2'"),
            "ledger has no finished trial of sweep mine with params.lr = '1e-2'; MLflow compares settings as texts "
            "(params.lr = '0.01'): -w lr=1e-2 reads them as numbers",
        ),
        (("wins", "mine", "--direction", "minimize"), "unknown value of 'direction' 'minimize': known are max, min"),
        (("wins", "mine", "--ties", "share"), "unknown value of 'ties' 'share': did you mean shared?"),
        (("wins", "mine", "--columns", "normaliser"), "no column 'normaliser'; did you mean"),
        (("wins", "mine", "-w", "normalizer==bn"), "'normalizer==bn' has two `=`: write normalizer=bn"),
        (("export", "mine", "-o", "x.csv", "-w", "normalizer=xyz"), "'normalizer=xyz': unknown normalizer 'xyz'"),
        (("status", "mine", "-w", "normalizer=xyz"), "'normalizer=xyz': unknown normalizer 'xyz'"),
    ],
)
def test_an_unknown_word_is_refused(call: Call, workspace: Workspace, words: tuple[str, ...], sentence: str) -> None:
    train(workspace, FILE)
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"normsweep: {sentence}")
    assert len(err.splitlines()) == 1
    assert not Path("x.csv").exists()


def test_a_baseline_where_no_normalizers_are_compared_is_refused(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE.replace("[none, bn]", "bn").replace("epochs: 2", "epochs: 2\n  lr: [0.1, 0.01]"))
    words = ("compare", "mine", "--source", "ledger", "--by", "lr")
    assert call(*words)[0] == 0
    assert call(*words, "--baseline", "bn")[2] == (
        "normsweep: the baseline bn is a normalizer, and these methods differ in lr: leave the baseline out, or name "
        "normalizer in --by\n"
    )


def test_a_baseline_of_the_file_that_no_method_has_is_told(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE + "analysis: {baseline: vcl}\n")
    line = "no method has the baseline vcl: differences are from the best mean"
    assert call(*COMPARE)[1].splitlines()[-1] == line
    assert line not in call(*COMPARE, "--baseline", "bn")[1]


def test_numbers_of_a_selector_are_numbers(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE)
    answers = [json.loads(call(*COMPARE, "--json", *more)[1]) for more in ((), ("-w", "lr=1e-2"))]
    assert answers[0] == answers[1]
    assert answers[0]["direction"] == "min"


def test_the_direction_of_the_sweep_counts_unless_another_is_given(call: Call, workspace: Workspace) -> None:
    train(workspace, FILE + "analysis: {direction: max}\n")
    assert [row["wins"] for row in json.loads(call("wins", "mine", "--json")[1])] == [2, 0]
    assert "higher test_error is better" in call("wins", "mine")[1]
    assert [row["wins"] for row in json.loads(call("wins", "mine", "--json", "--direction", "min")[1])] == [0, 2]
    assert orchestrator.wins("mine").direction == "max"
