"""`--json` of every verb: one document on standard output, with the keys that `docs/verbs.md` names.

The verbs come from the command line itself: one that is new fails here until it has `--json` and a row there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestrator.cli.main import app
from orchestrator.mirror.server import Server
from orchestrator.steer.drill import Drill
from orchestrator.store.owner import myself
from sweeps.plugins.new import written
from tests.orchestrator.cli.test_wrong_values import RIGHT
from tests.orchestrator.stage import Call, Stage
from trainers.data.bringing.importing import Imported

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verbs.md"
WITHOUT = {"schema": "it prints JSON in any case"}
OTHERWISE = {  # where the line of a wrong value would ask MLflow, or train
    "run": "run mine.yaml --no-mlflow",
    "sync": "sync --tracking-uri none",
    "errors": "errors other",
    "retry": "retry other -w state=failed",
    "why": "why 'normalizer=bn seed=0 activation=relu' --sweep mine",
    "logs": "logs 'normalizer=bn seed=0 activation=relu' --sweep mine",
    "cancel": "cancel third -w seed=0",
    "plugin check": "plugin check own.py --quick",
}
CODES = {"mlflow status": 3}
SOMETIMES = {
    ("check", "notes"),
    *(("data import", key) for key in ("images", "unusable", "table")),
}  # keys that are there only where there is something to say


def verbs() -> Iterator[tuple[str, Any]]:
    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, (*path, name))
        if not hasattr(command, "commands"):
            yield " ".join(path), command

    yield from walk(typer.main.get_command(app), ())


def documented() -> dict[str, tuple[bool, set[str]]]:
    """By verb, whether its document is a list, and its keys."""
    rows: dict[str, tuple[bool, set[str]]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and (verb := re.fullmatch(r"`([a-z ]+)`", cells[0])):
            keys = re.findall(r"`([a-z0-9_]+)`", cells[1].partition(";")[0])
            rows[verb[1]] = cells[1].startswith("a list"), {*keys}
    return rows


def test_every_verb_takes_json_and_is_documented() -> None:
    known = dict(verbs())
    lacking = {verb for verb, command in known.items() if not any("--json" in one.opts for one in command.params)}
    assert lacking == WITHOUT.keys()
    assert documented().keys() == known.keys()


def words_of(line: str) -> list[str]:
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)]


@pytest.mark.parametrize("verb", [verb for verb, _ in verbs()])
def test_the_document_has_the_keys_of_the_table(
    call: Call, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str
) -> None:
    for normalizer in ("none", "bn", "vcl"):
        stage.finish(*stage.packs(normalizer))
    text = stage.file.read_text()
    stage.commit(
        text.replace("mine", "other").replace("depth: 1", "depth: 2").replace("[none, bn, {vcl: {n: 5}}]", "bn")
    )
    (other,) = [pack for pack in stage.packs("bn") if pack.trials[0].depth == 2]
    stage.finish(other, "failed", failure="boom")
    stage.fail(other, 1)
    stage.commit(text.replace("mine", "third").replace("depth: 1", "depth: 3"))
    stage.file.write_text(text)
    Path("images").mkdir()
    if verb == "plugin check":
        written("normalizer", "own", Path())
    Path("site.toml").write_text('partition = "any"\nminutes = 10\ncpus = 3\n')
    server = Server(uri="http://here", backend="sqlite:///x", password_file=None, owner=myself(), folder=0)
    done = Drill(interruptions=["kill"], attempts=2, differing=[])
    for name, stand_in in {
        "orchestrator.cluster.site.site_file": lambda: "partition = 'p'",
        "orchestrator.cluster.submit.submit_sweep": lambda *_: ["7"],
        "orchestrator.steer.drill.drill": lambda *given: (given[-1]("killed"), done)[1],
        "orchestrator.mirror.server.up": lambda *_, **__: server,
        "orchestrator.mirror.sync.pages": lambda *_: {"mine": "http://here/1"},
        "trainers.data.bringing.fetch.fetch": lambda *_, **__: Imported(done=["letter"]),
        "trainers.data.bringing.importing.bring": lambda *_: Imported(kept=["letter"]),
    }.items():
        monkeypatch.setattr(name, stand_in)
    words = words_of(OTHERWISE.get(verb, RIGHT[verb]))
    code, out, err = call(*words, *([] if verb in WITHOUT else ["--json"]))
    assert code == CODES.get(verb, 0), err
    answer: Any = json.loads(out)
    listed, keys = documented()[verb]
    if verb == "schema":
        assert answer["properties"]
        return
    if verb == "mlflow status":
        assert answer == {"uri": None}
        return
    assert isinstance(answer, list) == listed
    found = {*(answer[0] if listed else answer)}
    assert verb == "list" or found <= keys  # a row of a list says more than its name, what depends on the list
    assert {key for key in keys - found if (verb, key) not in SOMETIMES} == set()
