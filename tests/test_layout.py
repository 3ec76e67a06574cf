"""The house's own rules: who imports whom, what is light, what no file says."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sweeps", "slurm", "trainers", "analysis", "orchestrator")
MAY_IMPORT = {
    "sweeps": set[str](),
    "slurm": set[str](),
    "trainers": {"sweeps"},
    "analysis": {"sweeps"},
    "orchestrator": {"sweeps", "slurm", "trainers", "analysis"},
}
HEAVY = ("torch", "ray", "mlflow", "pandas")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_import_arrows(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        ours = imported(path) & set(PACKAGES) - {package}
        assert ours <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {ours - MAY_IMPORT[package]}"


def test_sweeps_names_no_heavy_library_at_all() -> None:
    for path in (ROOT / "sweeps").rglob("*.py"):
        assert not imported(path) & set(HEAVY), path


@pytest.mark.parametrize("module", ["sweeps.spec", "sweeps.plan", "orchestrator.cli", "trainers.data"])
def test_light_import(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    if module == "trainers.data":
        assert "torch" not in heavy
    else:
        assert heavy == "[]"


def test_no_import_of_the_command_line_runs_anything_heavy_for_help() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "orchestrator.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "orchestrator" in loaded
    assert not loaded & {*HEAVY, "numpy", "pyarrow", "matplotlib", "sklearn", "scipy"}


def test_intruder_is_named(tmp_path: Path) -> None:
    (tmp_path / "analysis.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import orchestrator"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"shadowed by {tmp_path / 'analysis.py'}" in done.stderr


def test_files_are_small() -> None:
    lines = sorted(len(p.read_text().splitlines()) for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
    assert lines[-1] <= 400
    assert lines[len(lines) // 2] <= 150


def test_no_file_speaks_of_a_machine() -> None:
    """No absolute path of a home or work folder stands in the sources."""
    words = ("/ho" + "me/", "/wo" + "rk/", "/ro" + "ot/")
    for name in (*PACKAGES, "tests", "docs", "benchmarks"):
        for path in (ROOT / name).rglob("*"):
            if path.suffix in {".py", ".md", ".yaml", ".html", ".toml"}:
                text = path.read_text()
                assert not [w for w in words if w in text], path


def test_global_random_state_is_never_touched() -> None:
    """No call of a global generator in the packages: numpy.random.<function>, torch.manual_seed, random.<function>."""
    forbidden = ("torch.manual_seed", "torch.seed(", "np.random.seed", "np.random.rand", "random.seed(")
    for name in PACKAGES:
        for path in (ROOT / name).rglob("*.py"):
            text = path.read_text()
            assert not [w for w in forbidden if w in text], path


def test_help_is_fast() -> None:
    """Loose, since machines differ: `normsweep --help` itself is measured in benchmarks/start.py."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "orchestrator.cli", "--help"], capture_output=True, check=True)
    assert time.perf_counter() - begin < 3.0
