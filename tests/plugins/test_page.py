"""docs/your-own-method.md and docs/your-own-model.md, done as they say, and what `plugin new` writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.store.results import table
from sweeps.plugins.new import NEW, written
from tests.orchestrator.stage import Call
from trainers import faults

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / f"your-own-{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def typed(folder: Path, text: str) -> list[str]:
    """What the commands of a page say, one after the other."""
    said: list[str] = []
    for line in "".join(blocks(text, "sh")).splitlines():
        program, *words = line.split()
        assert program == "normsweep"
        command = [sys.executable, "-m", "orchestrator.cli", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        said.append(done.stdout)
    return said


@pytest.mark.smoke
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "file", "trials"), [("method", "my_rms.py", 10), ("model", "mine.py", 12)])
def test_the_page_as_it_is_written(name: str, file: str, trials: int, tmp_path: Path) -> None:
    text = page(name)
    (tmp_path / file).write_text(blocks(text, "python")[0], encoding="utf-8")
    if name == "model":
        (tmp_path / "looks.py").write_text(blocks(text, "python")[2], encoding="utf-8")
    (tmp_path / "own.yaml").write_text(*blocks(text, "yaml"), encoding="utf-8")
    said = typed(tmp_path, text)
    assert said[0].endswith(f"{file}: no fault was found\n")
    assert f"{trials} of {trials} trials done" in said[2]
    members = [t for p in Store.at(tmp_path / "normsweep-out").roster.live for t in p.trials]
    if name == "method":
        (pack, *_) = [
            p for p in Store.at(tmp_path / "normsweep-out").roster.live if p.trials[0].normalizer.name == "my-rms"
        ]
        assert [t.normalizer["eps"] for t in pack.trials] == [1e-5, 0.1, 1e-5, 0.1]
    else:
        assert {len(t.plugins) for t in members} == {2}
        rows, _ = table(Store.at(tmp_path / "normsweep-out"), "own")
        assert all(0 < value < 1 for value in rows["test_calibration"].to_pylist())
        packed = [p.trials for p in Store.at(tmp_path / "normsweep-out").roster.live]
        assert {(t.model["gain"], t.activation["begin"]) for t in max(packed, key=len) if t.model.name == "gated"} == {
            (gain, begin) for gain in (1.0, 2.0) for begin in (0.5, 1.0)
        }


@pytest.mark.parametrize("block", [1, 2], ids=["a schedule", "a metric, a probe"])
def test_more_files_of_the_page(block: int, tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(blocks(page("model"), "python")[block], encoding="utf-8")
    assert faults(tmp_path / "more.py") == []


def test_the_page_names_every_hook() -> None:
    from trainers.normalizers.points import HOOKS

    for hook in HOOKS - {"calibrate_input"}:
        assert f"`{hook}`" in page("method")


@pytest.mark.parametrize("kind", NEW)
def test_what_is_begun_has_a_test_that_passes(kind: str, tmp_path: Path, call: Call) -> None:
    code, out, err = call("plugin", "new", kind, "my-own", "--folder", str(tmp_path))
    assert (code, err) == (0, "")
    method, test = map(Path, out.split())
    assert (method.name, test.name) == ("my_own.py", "test_my_own.py")
    namespace: dict[str, object] = {"__file__": str(test), "__name__": "test_my_own"}
    exec(compile(test.read_text(), test, "exec"), namespace)
    begin = namespace["test_no_fault_is_found"]
    assert callable(begin)
    begin()
    code, _, err = call("plugin", "new", kind, "my-own", "--folder", str(tmp_path))
    assert code == 2
    assert "exists already: move it away or choose another name" in err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bn", "is taken by a normalizer of normsweep"),
        ("a b", "is invalid"),
        ("1", "is invalid"),
        ("null", "is no word in a sweep file"),
        ("true", "is no word in a sweep file"),
    ],
)
def test_a_name_that_cannot_be(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        written("normalizer", name, tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_verb_tells_faults_and_ends_with_4(tmp_path: Path, call: Call) -> None:
    written("normalizer", "own", tmp_path)
    path = tmp_path / "own.py"
    path.write_text(path.read_text().replace("* u / square", "* u.detach() / square"))
    code, out, _ = call("plugin", "check", str(path), "--quick")
    assert code == 4
    assert "FAULT    own, fully connected: gradients against finite differences\n" in out
    assert "the gradient of its input is wrong" in out
    assert faults(path)
    code, _, err = call("plugin", "check", str(tmp_path / "absent.py"))
    assert code == 2
    assert "cannot be read as a plug-in: No such file or directory" in err
