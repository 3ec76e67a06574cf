"""A stranger's first hour: the wheel, installed; an empty folder; a table and a method of her own; six commands."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from orchestrator.store import Store
from orchestrator.store.results import table

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sweeps", "slurm", "trainers", "analysis", "orchestrator")
ONLY_FOR_TESTS = ("pytest", "h5py", "openpyxl")  # nobody installs them with normsweep
PAGE = (ROOT / "docs" / "your-own-method.md").read_text(encoding="utf-8")

SWEEP = """
name: leaves-rms
plugins: [my_rms.py]
trial:
  dataset: leaves
  depth: [1, 2]
  width: 16
  normalizer: [none, my-rms, ws+my-rms]
  epochs: 3
  seed: 0..1
analysis:
  select: {over: [depth], by: val_error}
  baseline: none
"""
COMMANDS = """
data import leaves.csv --name leaves --target species --drop nr --missing median+flag
plugin check my_rms.py --quick
check sweep.yaml
run sweep.yaml
wins leaves-rms
report leaves-rms
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel in it; what it depends on is that of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    alone = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *alone, "--no-build-isolation", "-w", folder, source], check=True)
    venv.create(folder / "env", symlinks=True)
    (wheel,) = folder.glob("normsweep-*.whl")
    python = folder / "env" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", *alone, wheel], check=True)
    shutil.rmtree(source)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    for name in ONLY_FOR_TESTS:
        (packages / f"{name}.py").write_text(f"raise ModuleNotFoundError('{name} is not installed', name='{name}')\n")
    # By a line of its own, an editable normsweep among them is not found.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def installed(programs: Path) -> dict[Path, str]:
    """Digests of the package's files."""
    folders = [folder for name in PACKAGES for folder in programs.parent.glob(f"lib/*/site-packages/{name}")]
    assert len(folders) == len(PACKAGES)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def write_leaves(path: Path) -> None:
    """2,000 rows that count themselves, with numbers, words and a few cells left empty."""
    draw = random.Random(4)
    lines = ["nr,length,width,colour,species"]
    for row in range(2000):
        length, width, colour = draw.gauss(5, 1), draw.gauss(2, 0.3), draw.choice(["green", "red", "yellow"])
        species = "oak" if length / width + (colour == "red") + draw.gauss(0, 0.3) > 2.8 else "elm"
        lines.append(f"L{row},{length:.3f},{width:.3f},{'' if row % 100 == 50 else colour},{species}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.smoke
def test_a_table_and_a_method_of_ones_own(programs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    before = installed(programs)
    write_leaves(folder / "leaves.csv")
    (method,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (folder / "my_rms.py").write_text(method, encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")

    said: list[str] = []
    for line in COMMANDS.strip().splitlines():
        command = ["normsweep", *line.split()]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), line + done.stdout + done.stderr
        said.append(done.stdout)
    brought, questions, checked, ran, won, reported = said

    assert re.search(r"^rows +2,000$", brought, re.MULTILINE)
    assert questions.endswith("my_rms.py: no fault was found\n")
    assert re.search(r"^trials +12$", checked, re.MULTILINE)
    assert "leaves-rms: 12 of 12 trials done\n" in ran
    rows = table(Store.at(folder / "normsweep-out"), "leaves-rms")[0].to_pylist()
    assert all(row["val_error"] < row["majority_error"] for row in rows)
    methods = ("none", "my-rms", "ws+my-rms")
    chosen = {name: [best(rows, name, seed)["test_error"] for seed in (0, 1)] for name in methods}
    means = {name: fmean(errors) for name, errors in chosen.items()}
    assert len(set(means.values())) == 3
    assert "wins on 1 row, one for each dataset" in won
    for name, mean in means.items():
        assert re.search(rf"^ {re.escape(name)} +{int(mean == min(means.values()))} *$", won, re.MULTILINE)
    assert reported == "report: normsweep-out/reports/leaves-rms/report.html\n"
    report = (folder / "normsweep-out" / "reports" / "leaves-rms" / "report.html").read_text(encoding="utf-8")
    for name, mean in means.items():
        assert name in report
        assert f"{mean:.4f}" in report
    assert hashlib.sha256(method.encode()).hexdigest() in report

    written = {path.name for path in folder.iterdir()}
    assert written == {"leaves.csv", "my_rms.py", "sweep.yaml", "normsweep-out"}
    assert installed(programs) == before


def best(rows: list[dict[str, Any]], normalizer: str, seed: int) -> dict[str, Any]:
    """The trial of the depth that the validation part prefers."""
    depths = [row for row in rows if (row["normalizer"], row["seed"]) == (normalizer, seed)]
    assert [row["depth"] for row in depths] == [1, 2]
    return min(depths, key=lambda row: row["val_error"])
