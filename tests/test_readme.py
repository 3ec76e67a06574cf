"""What README has a newcomer type, typed as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which `make install` has been done, with the environment of the tests; `normsweep` is on no PATH."""
    environment = Path(sys.prefix)
    if not (environment / "bin" / "activate").exists():
        pytest.skip("needs a virtual environment, as `make install` makes one")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    for path in environment.iterdir():
        if not path.name.startswith("."):
            (tmp_path / ".venv" / path.name).symlink_to(path)
    (tmp_path / ".venv" / ".installed").touch()
    folders = [f for f in os.environ["PATH"].split(os.pathsep) if not (Path(f) / "normsweep").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def typed(folder: Path, lines: str) -> str:
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.smoke
def test_from_nothing_to_a_first_sweep(checkout: Path) -> None:
    (lines,) = blocks("bash")
    assert shutil.which("normsweep") is None
    out = typed(checkout, lines)
    assert "first: 24 of 24 trials done" in out
    assert "first: 24 done" in out
    assert "wins on 2 rows" in out
    assert (checkout / "normsweep-out" / "reports" / "first" / "report.html").exists()


def test_the_sweep_file_and_what_to_do_with_it(checkout: Path) -> None:
    (text,) = blocks("yaml")
    (checkout / "my-sweep.yaml").write_text(text)
    out = typed(checkout, "source .venv/bin/activate\nnormsweep check my-sweep.yaml\nnormsweep plan my-sweep.yaml")
    assert re.search(r"^trials +120$", out, re.MULTILINE)
    assert not (checkout / "normsweep-out").exists()


def test_the_path_is_told() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("make demo") < text.index("source .venv/bin/activate") < text.index("normsweep run")
    assert "pip install --editable ." in text
