"""The workspace that version 0.1 left behind (HOW.md says how) is read and gone on with as that program would."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import results
from orchestrator.cluster.submissions import read, receipt, submissions
from orchestrator.mirror.journal import Journal
from orchestrator.store import Store
from orchestrator.store.owner import myself
from orchestrator.watch.failures import interrupted
from tests.orchestrator.stage import Call

HOME = Path(__file__).with_name("workspace-0.1")
EXPECTED: dict[str, Any] = json.loads((HOME / "expected.json").read_text())
HALF = EXPECTED["half_trained"]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, as if it had been made on this machine; beside it the sweeps' files."""
    out = Path(shutil.copytree(HOME, tmp_path / "out"))
    here = myself()
    for path in (out / "leases").iterdir():
        if not path.name.endswith(".released"):
            owner = json.loads(path.read_text())
            path.write_text(json.dumps({**owner, "boot": here.boot, "namespace": here.namespace}))
    for name, text in EXPECTED["sweeps"].items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return out


@pytest.fixture
def ask(out: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("PATH", str(tmp_path))  # no SLURM is asked

    def asked(*words: str) -> Any:
        _, told, err = call(*words, "--workspace", str(out), "--json")
        assert err == ""
        return json.loads(told)

    return asked


def same(mine: Any, golden: Any, where: str = "") -> None:
    """All that the old program said; the new one may say more."""
    if isinstance(golden, dict):
        for key, value in golden.items():
            same(mine[key], value, f"{where}.{key}")
    elif isinstance(golden, list):
        assert len(mine) == len(golden), where
        for number, (a, b) in enumerate(zip(mine, golden, strict=True)):
            same(a, b, f"{where}[{number}]")
    elif isinstance(golden, float):
        assert mine == golden or (math.isnan(mine) and math.isnan(golden)), (where, mine, golden)
    else:
        assert mine == golden, (where, mine, golden)


LEFT = "core_hours_left_p50"


def test_status(ask: Callable[..., Any]) -> None:
    same(ask("status"), [{name: said for name, said in sweep.items() if name != LEFT} for sweep in EXPECTED["status"]])


def test_all_versions(ask: Callable[..., Any], out: Path) -> None:
    """A sweep that was changed under 0.1 shows what its first version wanted, results included."""
    every = {(s["sweep"], s["version"]): sum(s["states"].values()) for s in ask("status", "--all-versions")}
    trials = {
        (path.parent.name, int(path.stem)): len(json.loads(path.read_text())["trials"])
        for path in (out / "specs").glob("*/*.json")
    }
    assert every == trials
    assert max(number for _, number in trials) == 2
    first, latest, both = (set(results(f"stormy{v}", workspace=out)["trial_id"]) for v in ("@1", "", "@all"))
    assert both == first | latest


def test_status_of_what_is_left(ask: Callable[..., Any]) -> None:
    """By the one cost model since: the median pack of the model in the workspace, where 0.1 took a sweep's trials."""
    left = {sweep["sweep"]: sweep[LEFT] for sweep in ask("status")}
    assert left == {"calm": 0.0, "stormy": pytest.approx(0.0825606, rel=1e-5)}


@pytest.mark.parametrize("sweep", EXPECTED["wins"])
def test_wins(out: Path, call: Call, sweep: str) -> None:
    code, told, err = call("wins", sweep, "--workspace", str(out), "--json")
    golden = EXPECTED["wins"][sweep]
    if isinstance(golden, dict):
        assert code == golden["exit_code"]
        assert err.startswith(golden["said"].rstrip("\n"))  # what is missing and failed is told since
    else:
        assert code == 0
        same(json.loads(told), golden)


@pytest.mark.parametrize("sweep", EXPECTED["results"])
def test_results(out: Path, sweep: str) -> None:
    found = results(sweep, workspace=out, curves=True).to_json(orient="records", double_precision=15)
    same(json.loads(found), EXPECTED["results"][sweep])


@pytest.mark.parametrize("trial", EXPECTED["why"])
def test_why(ask: Callable[..., Any], trial: str) -> None:
    found = ask("why", trial)
    found["reason"] = re.sub(r" \([^()]* ago\)", "", found["reason"])  # which depends on the time of day
    same(found, EXPECTED["why"][trial])


def test_errors(ask: Callable[..., Any], out: Path) -> None:
    same(ask("errors"), EXPECTED["errors"])
    assert interrupted(Store.at(out)) == EXPECTED["interrupted"]


@pytest.mark.parametrize("sweep", EXPECTED["plan"])
def test_plan(ask: Callable[..., Any], sweep: str) -> None:
    """0.1 counted cancelled trials as to do, which no run trains."""
    found, golden = ask("plan", f"{sweep}.yaml"), EXPECTED["plan"][sweep]
    cancelled = found["trials_cancelled"]
    assert cancelled == (4 if sweep == "stormy" else 0)
    assert found["trials_to_do"] + cancelled == golden["trials_to_do"]
    counted = ("trials", "trials_done", "packs", "packs_done", "packs_begun", "plan")
    same(found, golden if not cancelled else {name: golden[name] for name in counted})


def test_decisions_and_replaced_packs(out: Path) -> None:
    store = Store.at(out)
    assert sorted(store.decisions.cancelled) == EXPECTED["decisions"]["cancelled"]
    assert store.decisions.forgiven == EXPECTED["decisions"]["forgiven"]
    assert sorted(store.roster.replaced) == EXPECTED["replaced"]


def test_leases_failures_and_submissions(out: Path) -> None:
    store = Store.at(out)
    newest = store.leases.newest(HALF["pack"])
    assert newest is not None
    assert (newest.generation, newest.owner.pid, newest.owner.gone) == (2, 16697, True)
    assert store.leases.started(newest) is None  # version 0.1 wrote no such record
    assert HALF["pack"] in store.leases.held()
    failures = [f for pack in store.attempts.failed_packs() for f in store.attempts.failures(pack)]
    assert len(failures) == sum(group["count"] for group in EXPECTED["errors"]) == 18
    (submission,) = submissions(store)
    assert submission == read(store, 1)
    assert (submission.sweep, submission.count) == ("stormy", 2)
    assert receipt(store, 1) == ["412_0", "412_1"]


def test_its_journal_is_made_anew(out: Path) -> None:
    """It is of an older schema, without the versions that want a run: the next sync asks MLflow."""
    [path] = (out / "mlflow").glob("synced-*.jsonl")
    assert json.loads(path.read_bytes().splitlines()[0])["schema"] < 3
    journal = Journal(Store.at(out).workspace, EXPECTED["mirror"]["uri"])
    assert (journal.known, journal.runs) == (False, {})


def test_report_and_analyze_write(out: Path, call: Call) -> None:
    root = ("--workspace", str(out))
    code, _, err = call("report", "calm", "-o", "page.html", *root)
    assert (code, err) == (0, "")
    assert "calm" in Path("page.html").read_text()
    code, _, err = call("analyze", "calm", "-o", "tables", *root)
    assert (code, err) == (0, "")
    assert Path("tables/methods.csv").exists()


def normsweep(out: Path, *words: str) -> str:
    command = [sys.executable, "-m", "orchestrator.cli", *words, "--workspace", str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode in (0, 3, 4), done.stdout
    return done.stdout


@pytest.mark.smoke
def test_a_half_trained_pack_goes_on_to_the_undisturbed_results(out: Path) -> None:
    pack = HALF["pack"]
    told = normsweep(out, "run", "stormy.yaml", "-w", "dataset=waveform-generated", "--no-mlflow", "--cpus", "1")
    store = Store.at(out)
    rows, problems = store.ledger.read([pack])
    assert problems == [], told
    found = {row["trial_id"]: row for row in rows.to_pylist()}
    assert found.keys() == HALF["undisturbed"].keys()
    for trial, golden in HALF["undisturbed"].items():
        loss = golden["train_loss"]  # to the last bits only on the kind of processor that it was recorded on
        assert {name: found[trial][name] for name in golden} == golden | {"train_loss": pytest.approx(loss, rel=1e-9)}
        assert found[trial]["attempts"] == 3
    assert "attempt 3 on " in (log := store.workspace.log(pack).read_text())
    assert "goes on from epoch " in log
    assert [i.generation for i in store.attempts.interruptions([pack])] == [3]
    assert store.leases.of_pack(pack) == []


@pytest.mark.smoke
def test_a_failed_trial_is_trained_again_after_a_retry(out: Path) -> None:
    (failed,) = [trial for trial, told in EXPECTED["why"].items() if told["state"] == "failed"]
    old = EXPECTED["why"][failed]["pack"]
    part = Store.at(out).workspace.part(old).read_bytes()
    assert "to try again: 1 trial in 1 pack" in normsweep(out, "retry", "stormy", "-w", "state=failed")
    normsweep(out, "run", "stormy.yaml", "-w", "dataset=wine normalizer=bn", "--no-mlflow", "--cpus", "1")
    store = Store.at(out)
    assert old in store.roster.replaced
    assert store.workspace.part(old).read_bytes() == part
    told = json.loads(normsweep(out, "why", failed, "--json"))
    assert (told["state"], told["result"]["attempts"]) == ("done", 1)
    assert told["pack"] != old
    of_bn = {t.id: t.normalizer.name for p in store.roster.live for t in p.trials}
    states = {row["trial_id"]: row["state"] for row in results("stormy", workspace=out).to_dict("records")}
    assert {states[t] for t, name in of_bn.items() if name == "bn"} == {"done"}
