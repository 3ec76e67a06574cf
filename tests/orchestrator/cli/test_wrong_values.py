"""Every option and argument of every verb with a value that it cannot have: exit code 2 and one sentence.

The verbs come from the command line itself: one that is new fails here until it says what is wrong for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestrator.cli.main import app
from orchestrator.cli.options import FAILURES
from tests.orchestrator.stage import Call, Stage

# A line of each verb that would do, but for what is wrong.
RIGHT = {
    "run": "run mine.yaml",
    "check": "check mine.yaml",
    "plan": "plan mine.yaml",
    "wins": "wins mine --average seed",
    "export": "export mine -o x.csv",
    "analyze": "analyze mine",
    "report": "report mine --interim",
    "paper": "paper vcl",
    "power": "power mine",
    "sync": "sync",
    "list": "list presets",
    "schema": "schema sweep",
    "submit": "submit mine.yaml --site site.toml",
    "drill": "drill",
    "init": "init --site new.toml",
    "status": "status mine",
    "why": "why normalizer=bn",
    "logs": "logs normalizer=bn",
    "errors": "errors mine",
    "retry": "retry mine -w state=failed",
    "cancel": "cancel mine -w normalizer=bn",
    "compare": "compare mine --source ledger",
    "mlflow up": "mlflow up",
    "mlflow down": "mlflow down",
    "mlflow status": "mlflow status",
    "data list": "data list",
    "data fetch": "data fetch letter",
    "data import": "data import images",
    "data verify": "data verify wine",
    "data show": "data show wine",
    "plugin check": "plugin check own.py",
    "plugin new": "plugin new normalizer own",
}
# What is wrong for an option or argument, whichever verb has it, and what the sentence says of it.
WRONG = {
    "--workspace": ("a-file", "a-file"),
    "--set": ("dpeth=2", "dpeth"),
    "--where": ("normalizer=xyz", "xyz"),
    "--cpus": ("0", "0"),
    "--gpus": ("-1", "-1"),
    "--tracking-uri": ("htp://here", "htp://here"),
    "--site": ("absent.toml", "absent.toml"),
    "--nodes": ("0", "0"),
    "--allocations": ("0", "0"),
    "--device": ("z9", "z9"),
    "--rows": ("datset", "datset"),
    "--columns": ("normaliser", "normaliser"),
    "--value": ("test_eror", "test_eror"),
    "--direction": ("lower", "lower"),
    "--ties": ("foo", "foo"),
    "--constant": ("foo", "foo"),
    "--skip": ("foo", "foo"),
    "--within": ("foo", "foo"),
    "--select": ("dpeth", "dpeth"),
    "--by": ("foo", "foo"),
    "--average": ("sed", "sed"),
    "--only": ("foo", "foo"),
    "--output": ("a-file/x.csv", "a-file"),
    "--times": ("0", "0"),
    "--epochs": ("0", "0"),
    "--seed": ("x", "x"),
    "--filter": ("dataset is wine", "dataset is wine"),
    "--metric": ("test_eror", "test_eror"),
    "--baseline": ("foo", "foo"),
    "--source": ("leger", "leger"),
    "--sweep": ("mien", "mien"),
    "--backend": ("mysql://here/db", "mysql"),
    "--port": ("70000", "70000"),
    "--mirror": ("htp://here", "htp://here"),
    "--name": ("a/b", "a/b"),
    "sweep": ("mine.ymal", "mine.ymal"),
    "source": ("mien", "mien"),
    "what": ("foo", "foo"),
    "paper": ("foo", "foo"),
    "trial": ("normalizer=xyz", "xyz"),
    "sweeps": ("mien", "mien"),
    "names": ("wien", "wien"),
    "path": ("absent.zip", "absent.zip"),
    "name": ("wien", "wien"),
    "file": ("absent.py", "absent.py"),
    "kind": ("foo", "foo"),
    "--folder": ("a-file/x", "a-file"),
}
NUMBERS = ("--cpus", "--gpus", "--nodes", "--allocations", "--times", "--epochs", "--seed", "--port")
BESIDE = {("wins", "--by"): "--select depth"}
TABLE = {  # options of `data import` for tables alone
    "--target": ("clas", "clas"),
    "--split": ("foo", "foo"),
    "--group": ("foo", "foo"),
    "--missing": ("mean", "mean"),
    "--categorical": ("hot", "hot"),
    "--drop": ("siz", "siz"),
    "--as": ("zip", "zip"),
    "--separator": ("xx", "xx"),
    "--decimal": ("5", "5"),
    "--encoding": ("utf-9", "utf-9"),
    "--header": ("maybe", "maybe"),
}
WRONG |= TABLE | {"--background": ("foo", "foo")}
OTHERWISE = {
    ("plugin new", "name"): ("a/b", "a/b"),
    ("init", "--site"): ("none/site.toml", "none/site.toml"),
    ("compare", "--tracking-uri"): ("sqlite:///here.db", "ask with the source mlflow"),
    ("data import", "--only"): ("foo", "images is not a known archive"),
}


def options() -> Iterator[tuple[str, str, bool]]:
    """Verb, option or argument, and whether it is an option, of all that take a value."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, bool]]:
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*path, name))
        for one in command.params if not hasattr(command, "commands") else ():
            if not getattr(one, "is_flag", False):
                yield " ".join(path), max(one.opts, key=len), one.param_type_name == "option"

    yield from walk(typer.main.get_command(app), ())


def line(verb: str, name: str, is_option: bool) -> tuple[list[str], str]:
    """The words to type, and what the sentence names."""
    wrong, told = OTHERWISE.get((verb, name), WRONG[name])
    if verb == "data import" and (name in (*TABLE, "--mirror") or name == "--seed"):
        words = ["data", "import", "table.csv", "--name", "table"]
    else:
        words = [*RIGHT[verb].split(), *("--name", "own")[: 2 * (name == "--background")]]
    if is_option:
        return [*words, *BESIDE.get((verb, name), "").split(), name, wrong], told
    place = len(verb.split())
    return [*words[:place], wrong, *words[place + (len(words) > place and words[place][0] != "-") :]], told


@pytest.mark.parametrize(("verb", "name", "is_option"), [*options()])
def test_a_wrong_value_is_one_sentence(
    call: Call, stage: Stage, monkeypatch: pytest.MonkeyPatch, verb: str, name: str, is_option: bool
) -> None:
    if verb == "run":
        monkeypatch.setattr("orchestrator.engine.driver.drive", lambda *_: pytest.fail("the training began"))
    monkeypatch.setattr("orchestrator.cluster.site.site_file", lambda: "partition = 'p'")
    monkeypatch.setattr("orchestrator.cluster.submit.problems", lambda *_: [])
    monkeypatch.setattr("orchestrator.steer.drill._command", lambda *_: pytest.fail("the drill began"))
    if verb == "data fetch":
        monkeypatch.setenv("NORMSWEEP_DATA", "data")
    Path("a-file").write_text("")
    Path("images").mkdir()
    Path("table.csv").write_text("size,class\n" + "7.5,a\n8.5,b\n" * 9)
    Path("site.toml").write_text('partition = "any"\nminutes = 10\ncpus = 3\n')
    for normalizer in ("none", "bn", "vcl"):
        stage.finish(*stage.packs(normalizer))
    words, told = line(verb, name, is_option)
    code, out, err = call(*words)
    assert code == (FAILURES if verb == "data fetch" and name == "--mirror" else 2)
    assert out == ""
    assert "Traceback" not in err
    assert code == FAILURES or err.startswith("normsweep: ")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("verb", "name"), [(verb, name) for verb, name, _ in options() if name in NUMBERS])
@pytest.mark.parametrize("wrong", ["x", "1.5", "", "-9999999999999999999"])
def test_what_is_no_number_is_one_sentence(call: Call, stage: Stage, verb: str, name: str, wrong: str) -> None:
    if (name, wrong[:1]) == ("--seed", "-"):
        return
    Path("site.toml").write_text('partition = "any"\nminutes = 10\ncpus = 3\n')
    code, out, err = call(*RIGHT[verb].split(), f"{name}={wrong}")
    assert (code, out) == (2, "")
    assert err.startswith(f"normsweep: {name} is a whole number")
    assert err.endswith(f", not {wrong}\n")
    assert len(err.splitlines()) == 1


def test_the_numbers_are_all_that_the_verbs_take() -> None:
    def kinds(command: Any) -> Iterator[tuple[str, str]]:
        for child in getattr(command, "commands", {}).values():
            yield from kinds(child)
        yield from ((max(one.opts, key=len), one.metavar or "") for one in command.params)

    assert {name for name, metavar in kinds(typer.main.get_command(app)) if metavar == "N"} == set(NUMBERS)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run"], "missing argument 'sweep'; see `normsweep run --help`"),
        (["run", "demo", "--cpu"], "no such option: --cpu"),
        (["run", "demo", "--cpus"], "option '--cpus' requires an argument"),
        (["plan", "demo", "here"], "got unexpected extra argument"),
        (["rnu"], "no such command 'rnu'"),
        (["mlflow", "upp"], "no such command 'upp'"),
    ],
)
def test_a_line_that_cannot_be_read_is_one_sentence(call: Call, words: list[str], sentence: str) -> None:
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err.lower().startswith(f"normsweep: {sentence}")
    assert len(err.splitlines()) == 1


def test_no_verb_at_all_shows_the_help(call: Call) -> None:
    code, out, err = call()
    assert code == 2
    assert "Usage: normsweep" in out + err
    assert "normsweep: " not in err


def test_a_question_that_is_answered_with_no_is_one_sentence(
    call: Call, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(typer.Abort()))
    code, _, err = call("cancel", "mine", "-w", "normalizer=*")
    assert (code, err) == (2, "normsweep: nothing was done\n")
    assert stage.store.decisions.cancelled == set()
