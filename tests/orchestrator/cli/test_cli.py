"""The command line from outside: what a user types, reads, and gets as exit code."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import analysis
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.parts import part_rows
from orchestrator.store.results import EXPORTED
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from tests.orchestrator.stage import Call

FILE = """
name: mine
trial:
  dataset: wine
  depth: 1
  normalizer: [none, bn, {vcl: {n: 5}}]
  activation: [relu, elu]
  epochs: 2
  seed: 0..1
"""


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    return path


def finish(workspace: Workspace, source: str, state: str = "done") -> None:
    """Publishes made-up parts for every pack of a sweep, through the real ledger."""
    planned, _ = commit(Store(workspace), load_spec(source))
    for pack in planned.serving:
        rows = [
            {
                "state": state,
                "val_error": 0.1 + 0.01 * i,
                "test_error": {"none": 0.3, "bn": 0.2, "vcl": 0.1}[trial.normalizer.name] + trial.seed / 100,
                "majority_error": 0.6,
                "train_loss": 0.5,
                "selected_epoch": 1,
                "curve_val_error": [0.5, 0.1],
                "curve_test_error": [0.5, 0.1],
                "curve_train_loss": [0.9, 0.5],
            }
            for i, trial in enumerate(pack.trials)
        ]
        Store(workspace).ledger.publish(pack.id, part_rows(pack, rows, {"seconds": 1.0, "attempts": 1}))


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (("depth: 1", "dpeth: 1"), ["mine.yaml", "dpeth", "depth"]),
        (("[none, bn,", "[none, bnn,"), ["mine.yaml:6:", "bnn", "bn"]),
        (("{n: 5}", "{m: 5}"), ["m", "n"]),
        (("{n: 5}", "{n: 11}"), ["vcl with n=11", "n <= 10"]),
        (("depth: 1", "depth: 1\n  batch_size: 1"), ["bn with batch_size=1", "none"]),
        (("[relu, elu]", "[]"), ["activation", "empty"]),
        (("dataset: wine", "dataset: letter"), ["letter", "normsweep data"]),
        (("dataset: wine", "dataset: wien"), ["wien", "wine"]),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    call: Call, file: Path, tmp_path: Path, change: tuple[str, str], sentences: list[str]
) -> None:
    assert change[0] in FILE
    file.write_text(FILE.replace(*change))
    for verb in ("check", "run"):
        code, _, err = call(verb, str(file))
        assert code == 2
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) <= 2
        for part in sentences:
            assert part in err
    assert not (tmp_path / "normsweep-out").exists()


def test_a_run_without_the_gpus_that_its_packs_ask_for(call: Call, file: Path, tmp_path: Path) -> None:
    code, _, err = call("run", str(file), "--set", "run.gpus=1")
    assert code == 2
    assert "a pack of mine needs 1 GPUs, this run has 0" in err
    assert "--set run.gpus=0" in err
    assert not (tmp_path / "normsweep-out").exists()


def test_a_run_with_fewer_cores_than_its_packs_have_devices(call: Call, file: Path, tmp_path: Path) -> None:
    words = ("--set", "run.devices=2", "--set", "shards=2", "--set", "normalizer=bn")
    code, _, err = call("run", str(file), *words, "--cpus", "1")
    assert code == 2
    assert "a pack of mine needs 1 cores for each of 2 devices, this run has 1" in err
    assert not (tmp_path / "normsweep-out").exists()


def test_numbers_and_words_are_those_of_yaml_1_2(call: Call, file: Path) -> None:
    file.write_text(FILE.replace("depth: 1", "depth: 1\n  lr: 1e-3"))
    assert call("check", str(file))[0] == 0
    file.write_text(FILE.replace("[relu, elu]", "[no]"))
    code, _, err = call("check", str(file))
    assert code == 2
    assert "'no'" in err or " no" in err
    assert "false" not in err.lower()


def test_check_and_plan_change_nothing(call: Call, file: Path, tmp_path: Path) -> None:
    code, out, _ = call("check", str(file), "--json")
    assert code == 0
    assert json.loads(out)["trials"] == 12
    code, out, _ = call("plan", str(file), "--json", "-w", "normalizer=vcl")
    answer = json.loads(out)
    assert code == 0
    assert (answer["trials"], answer["trials_to_do"], answer["packs_to_do"]) == (4, 4, 1)
    assert answer["flops"] > 0
    assert not (tmp_path / "normsweep-out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--cpus", "3"),
            "a pack of mine needs 2 cores for each of 2 devices, this run has 3",
        ),
        (
            ("--gpus", "1", "--set", "run.gpus=1"),
            "a pack of mine needs 1 GPUs for each of 2 devices, this run has 1",
        ),
        (
            ("--site", "site.toml"),
            "needs 2 devices with 2 cores and 0 GPUs each, an allocation of 1 nodes has room for 1",
        ),
        (("--nodes", "2"), "--nodes=2 needs the site file of these nodes: add --site FILE"),
        (
            ("--site", "site.toml", "--set", "run.cpus=4"),
            "needs 4 cores and 0 GPUs, a node of the site file has 3 and 0",
        ),
    ],
)
def test_check_says_whether_there_is_room(call: Call, file: Path, words: tuple[str, ...], sentence: str) -> None:
    Path("site.toml").write_text('partition = "any"\nminutes = 10\ncpus = 3\n')
    gang = ("check", str(file), "--set", "run.devices=2", "--set", "run.cpus=2", "--set", "shards=2")
    code, _, err = call(*gang, *words)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1
    assert call(*gang, "--cpus", "4")[0] == 0
    assert call(*gang, "--site", "site.toml", "--nodes", "2")[0] == 0


def test_check_of_a_machine_asks_for_its_compiler(call: Call, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    words = ("check", str(file), "--set", "run.compile=true")
    assert call(*words)[0] == 0  # of no machine
    code, _, err = call(*words, "--cpus", "2")
    assert code == 2
    assert "run.compile needs the C++ compiler no-such-compiler, which is not here: install it" in err


def test_where_nothing_is_recorded_no_name_is_offered(call: Call) -> None:
    code, _, err = call("export", "mine", "-o", "all.parquet")
    assert code == 2
    assert "unknown sweep 'mine': there is none. Nothing of it is recorded in" in err


@pytest.mark.parametrize("words", ["status", "wins", "report", "analyze", "export -o x.csv", "errors"])
def test_a_sweep_file_where_the_name_of_a_sweep_belongs(call: Call, file: Path, words: str) -> None:
    finish(Workspace.at("normsweep-out"), str(file))
    told = f"normsweep: {file} is a sweep file: say the name of its sweep, as `normsweep status` lists it\n"
    verb, *more = words.split()
    assert call(verb, str(file), *more) == (2, "", told)


def test_the_verbs_that_read_a_finished_sweep(call: Call, file: Path, tmp_path: Path) -> None:
    finish(Workspace.at("normsweep-out"), str(file))
    code, out, _ = call("status", "--json")
    assert code == 0
    assert json.loads(out)[0]["states"] == {"done": 12}
    code, out, _ = call("plan", str(file), "--json")
    assert json.loads(out)["trials_to_do"] == 0

    code, out, _ = call("wins", "mine", "--json")
    assert code == 0
    assert {row["column"]: row["wins"] for row in json.loads(out)}["relu, vcl"] == 1
    code, out, _ = call("export", "mine", "-o", "mine.parquet")
    table = pq.read_table("mine.parquet")
    assert [name for name in table.column_names if name in EXPORTED] == EXPORTED
    assert table.num_rows == 12
    assert set(table["activation"].to_pylist()) == {"relu", "elu"}
    assert json.loads(table["normalizer_options"].to_pylist()[-1]) == {"n": 5, "weight": 0.01}
    code, out, _ = call("wins", "mine.parquet", "--rows", "dataset", "--columns", "normalizer", "--value", "test_error",
                        "--average", "seed,activation", "--json")  # fmt: skip
    assert code == 0
    assert [row["wins"] for row in json.loads(out)] == [0, 0, 1]
    code, out, err = call("wins", "mine.parquet", "--rows", "dataset", "--columns", "normalizer")
    assert code == 2
    assert "--select" in err or "select" in err

    code, out, _ = call("report", "mine")
    assert code == 0
    assert "report.html" in out
    code, out, _ = call("analyze", "mine", "-o", "tables")
    assert code == 0
    assert list(Path("tables").glob("*.parquet"))


def test_an_unfinished_sweep_is_no_report_but_an_interim_one(call: Call, file: Path) -> None:
    workspace = Workspace.at("normsweep-out")
    finish(workspace, str(file))
    file.write_text(FILE.replace("0..1", "0..2"))
    commit(Store(workspace), load_spec(str(file)))
    code, out, _ = call("status")
    assert code == 3
    assert "todo" in out
    code, _, err = call("report", "mine")
    assert code == 2
    assert "6 todo" in err
    code, _, _ = call("report", "mine", "--interim", "-o", "interim.html")
    assert code == 0
    assert "interim" in Path("interim.html").read_text().lower()


def test_a_failed_trial_is_exit_code_4(call: Call, file: Path) -> None:
    finish(Workspace.at("normsweep-out"), str(file), state="failed")
    assert call("status")[0] == 4


def test_unknown_sweeps_and_lists_are_named(call: Call) -> None:
    code, _, err = call("wins", "demo")
    assert code == 2
    assert "run it first" in err
    code, _, err = call("list", "normalisers")
    assert code == 2
    assert "normalizers" in err
    code, out, _ = call("list", "normalizers", "--json")
    assert {"none", "bn", "vcl"} <= {row["name"] for row in json.loads(out)}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--within", "activation"], [9, 15, 27, 14, 16, 23, 11, 15, 27]),
        (["--skip", "mushroom,statlog-shuttle"], [3, 3, 3, 5, 8, 11, 2, 7, 11]),
    ],
)
def test_the_win_counts_of_the_vcl_paper(call: Call, words: list[str], expected: list[int]) -> None:
    table = Path(analysis.__file__).with_name("published.csv")
    code, out, err = call("wins", str(table), "--rows", "dataset", "--columns", "activation,normalizer", "--value",
                          "value", "-w", "paper=vcl table=5", "--json", *words)  # fmt: skip
    assert code == 0, err
    assert [row["wins"] for row in json.loads(out)] == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("ragged.csv", b"a,b\n1,2\n1,2,3,4\n"),
        ("latin.csv", b"a,b\n\xe9,1\n"),
        ("torn.parquet", b"PAR1"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(call: Call, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code, _, err = call("wins", str(path))
    assert code == 2
    assert err.startswith(f"normsweep: {path} cannot be read as a table (")


@pytest.mark.parametrize("uri", ["http://localhost:50x0", "http://[bad", "postgresql://u:se/cret@h/db"])
def test_an_address_that_is_none_is_not_shown(call: Call, tmp_path: Path, uri: str) -> None:
    (tmp_path / "out" / "roster").mkdir(parents=True)
    for words in (("sync", "--tracking-uri", uri), ("mlflow", "up", "--backend", uri.replace("http", "postgresql"))):
        code, out, err = call(*words, "--workspace", str(tmp_path / "out"))
        assert code == 2
        assert "the address is invalid" in err
        assert not [part for part in (uri, "'se'", "cret") if part in f"{out}{err}"]


def test_a_full_disk_is_no_bug(call: Call, monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("orchestrator.planning.preview.planned", full)
    code, _, err = call("plan", str(file))
    assert (code, err) == (2, "normsweep: No space left on device\n")


def test_a_site_file_where_no_folder_is(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("orchestrator.cluster.site.site_file", lambda: "partition = 'p'")
    code, _, err = call("init", "--site", str(tmp_path / "none" / "site.toml"))
    assert code == 2
    assert "cannot be written (No such file or directory)" in err
