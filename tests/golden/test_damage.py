"""Every kind of file of a workspace, cut, with an unknown field, or of a newer schema: each verb that reads says
which file it is and what to do, or reads it rightly. Never a traceback, never silence."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.cli import main as cli

GOLDEN = Path(__file__).parent / "workspace-0.1"
TRIAL, OPEN_TRIAL = "f9afe532f7df", "3b484ccce678"  # one that is done, one whose pack is half trained
# A file of each kind: a pattern below the workspace. Empty files and logs have no form that could be damaged.
KINDS = {
    "roster entry": "roster/000001.json",
    "newest roster entry": "roster/000007.json",
    "sweep": "specs/stormy/000002.json",
    "old sweep": "specs/stormy/000001.json",
    "part": "parts/*.parquet",
    "progress": "progress/*.parquet",
    "lease": "leases/*.1",
    "failure": "failures/*.json",
    "interruption": "interruptions/*.json",
    "decision": "decisions/000002.json",
    "heartbeat": "heartbeats/*.json",
    "submission": "allocations/*.intent.json",
    "receipt": "allocations/*.receipt.json",
    "accounting": "allocations/accounting/states.json",
    "cache": "cache/parts.parquet",
    "checkpoint": "checkpoints/*.pt",
    "unsaved": "checkpoints/*.unsaved",
    "journal": "mlflow/synced-*.jsonl",
}
TEXTS = ("checkpoint", "unsaved")  # not records: they can only be cut
VERBS = (
    ("status", "--json"),
    ("status",),
    ("errors", "--json"),
    ("why", TRIAL, "--json"),
    ("why", OPEN_TRIAL, "--json"),
    ("logs", OPEN_TRIAL),
    ("wins", "calm", "--json"),
    ("export", "stormy", "-o", "stormy.parquet"),
    ("compare", "calm", "--source", "ledger", "--json"),
    ("plan", "stormy.yaml", "--json"),
    ("report", "calm", "-o", "calm.html"),
    ("analyze", "calm", "-o", "analysis", "--only", "methods"),
    ("mlflow", "status", "--json"),
)
# What the time of day changes.
VOLATILE = re.compile(r'"(at|newest_result|trials_in_the_last_hour|age|seen)": [^,}]*|\d+ (s|min|h)( \d+ min)? ago|'
                      r"as of [\d:]+|\d+ trials? in the last hour")  # fmt: skip

Spoken = tuple[int, str]
Say = Callable[..., Spoken]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no SLURM to ask
    (tmp_path / "stormy.yaml").write_text(json.loads((GOLDEN / "expected.json").read_text())["sweeps"]["stormy"])
    return shutil.copytree(GOLDEN, tmp_path / "out")


@pytest.fixture
def say(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    def typed(*words: str) -> Spoken:
        monkeypatch.setattr(sys, "argv", ["normsweep", *words, "--workspace", str(root)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, VOLATILE.sub("...", f"{out}{err}".replace(str(root), "ROOT"))

    return typed


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(path.name).randrange(len(content))])


def more(path: Path) -> None:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        extended = table.append_column("unheard_of", pa.array([1] * len(table)))
        pq.write_table(extended, path)
    else:
        first, *others = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({"unheard_of": {"a": [1]}, **json.loads(first)}), *others]) + "\n")


def newer(path: Path) -> None:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        numbered = {**(table.schema.metadata or {}), b"normsweep.part_schema": b"99"}
        pq.write_table(table.replace_schema_metadata(numbered), path)
    else:
        first, *others = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), "schema": 99}), *others]) + "\n")


def cases() -> Iterator[tuple[str, Callable[[Path], None]]]:
    for kind in KINDS:
        yield kind, cut
        if kind not in TEXTS:
            yield kind, more
            yield kind, newer


@pytest.fixture(scope="module")
def sound() -> dict[tuple[str, ...], Spoken]:
    """What the verbs say of the workspace as it is, by verb; filled by the first test that asks."""
    return {}


@pytest.mark.smoke
@pytest.mark.parametrize(("kind", "harm"), list(cases()), ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_every_verb_names_the_file_or_reads_rightly(
    kind: str, harm: Callable[[Path], None], root: Path, say: Say, sound: dict[tuple[str, ...], Spoken]
) -> None:
    if not sound:
        sound.update({words: say(*words) for words in VERBS})
        bad = {words: text for words, (code, text) in sound.items() if code not in (0, 3, 4)}
        assert not bad
    path = min(root.glob(KINDS[kind]))
    harm(path)
    named = f"ROOT/{path.relative_to(root)}"
    for words in VERBS:
        code, text = say(*words)
        if (code, text) == sound[words]:
            continue
        flat = text.replace("\n", "")
        assert named in flat, (words, code, text)
        told = flat[flat.index(named) :]
        assert re.search(r"(damaged|is of schema 99; this program reads up to \d+)[^:]*: \S+", told), (words, text)
        if harm is more:
            raise AssertionError(f"an unknown field is to be ignored: {words}: {text}")


def test_a_bug_shows_its_traceback_and_where_to_report_it(root: Path) -> None:
    code = (
        "import sys\n"
        "import orchestrator.watch.failures as failures\n"
        "def broken(*_, **__): raise KeyError('an injected bug')\n"
        "failures.errors = broken\n"
        f"sys.argv = ['normsweep', 'errors', '--workspace', {str(root)!r}]\n"
        "from orchestrator.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "this is a bug" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.rstrip().endswith("KeyError: 'an injected bug'")
