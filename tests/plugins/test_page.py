"""docs/your-own-method.md, done as it says, and what `plugin new` writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.store import Store
from sweeps.plugins.new import written
from tests.orchestrator.stage import Call
from trainers import faults

PAGE = (Path(__file__).parents[2] / "docs" / "your-own-method.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.smoke
@pytest.mark.timeout(900)
def test_the_page_as_it_is_written(tmp_path: Path) -> None:
    (method,), (sweep,) = blocks("python"), blocks("yaml")
    (tmp_path / "my_rms.py").write_text(method, encoding="utf-8")
    (tmp_path / "own.yaml").write_text(sweep, encoding="utf-8")
    said: list[str] = []
    for line in "".join(blocks("sh")).splitlines():
        program, *words = line.split()
        assert program == "normsweep"
        command = [sys.executable, "-m", "orchestrator.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        said.append(done.stdout)
    assert said[0].endswith("rms.py: no fault was found\n")
    assert "10 of 10 trials done" in said[2]
    live = Store.at(tmp_path / "normsweep-out").roster.live
    (pack, *_) = [p for p in live if p.trials[0].normalizer.name == "my-rms"]
    assert [t.normalizer["eps"] for t in pack.trials] == [1e-5, 0.1, 1e-5, 0.1]


def test_the_page_names_every_hook() -> None:
    from trainers.normalizers.points import HOOKS

    for hook in HOOKS - {"calibrate_input"}:
        assert f"`{hook}`" in PAGE


def test_a_method_that_is_begun_has_a_test_that_passes(tmp_path: Path, call: Call) -> None:
    code, out, err = call("plugin", "new", "normalizer", "my-own", "--folder", str(tmp_path))
    assert (code, err) == (0, "")
    method, test = map(Path, out.split())
    assert (method.name, test.name) == ("my_own.py", "test_my_own.py")
    namespace: dict[str, object] = {"__file__": str(test), "__name__": "test_my_own"}
    exec(compile(test.read_text(), test, "exec"), namespace)
    begin = namespace["test_no_fault_is_found"]
    assert callable(begin)
    begin()
    code, _, err = call("plugin", "new", "normalizer", "my-own", "--folder", str(tmp_path))
    assert code == 2
    assert "exists already: move it away or choose another name" in err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bn", "is taken by a method of normsweep"),
        ("a b", "is invalid"),
        ("1", "is invalid"),
        ("null", "is no word in a sweep file"),
        ("true", "is no word in a sweep file"),
    ],
)
def test_a_name_that_cannot_be(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        written(name, tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_verb_tells_faults_and_ends_with_4(tmp_path: Path, call: Call) -> None:
    written("own", tmp_path)
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
