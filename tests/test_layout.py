"""The house's own rules: who imports whom, what is light, what no file says."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
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

# The rooms of orchestrator and the rooms right below each; a room may import from every room that it reaches.
BELOW = {
    "cli": {"ask", "steer"},
    "ask": {"watch"},
    "steer": {"watch"},
    "watch": {"cluster"},
    "cluster": {"engine"},
    "engine": {"mirror", "planning"},
    "mirror": {"store"},
    "planning": {"store"},
    "store": set[str](),
}
TESTING = "testing"  # contract suites and stand-ins: imports from every room, and no room imports from it
EVERYBODY = {"version", "words"}  # modules beside the rooms that every room may import
AT_THE_TOP = {"__init__", "allocation"}  # import from every room: the public names, and a name that queued jobs know
SLURM_IS_FOR = {  # beside the room `cluster`: module of orchestrator -> modules of slurm
    "orchestrator.engine.local": {"slurm.ray_cluster", "slurm.workers.start"},
    "orchestrator.cli.main": {"slurm.errors"},
}
MOST_FILES = 14


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


@dataclass(frozen=True)
class Arrow:
    """One name that one module imports: `name` is None for `import x`."""

    source: str
    target: str
    name: str | None


def modules(*packages: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def arrows(*packages: str) -> list[Arrow]:
    """Every import of a module of ours by another, inside functions and under TYPE_CHECKING as well."""
    every = modules(*PACKAGES)
    found: list[Arrow] = []
    for source, path in modules(*packages).items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [Arrow(source, alias.name, None) for alias in node.names if alias.name in every]
            elif isinstance(node, ast.ImportFrom) and node.module in every:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    found.append(Arrow(source, *((inner, None) if inner in every else (node.module, alias.name))))
    return [arrow for arrow in found if arrow.target != arrow.source]


def room_of(module: str) -> str:
    """A room, or the module's own name where it lies beside the rooms."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def between_rooms() -> list[Arrow]:
    ours = [arrow for arrow in arrows("orchestrator") if arrow.target.split(".")[0] == "orchestrator"]
    return [arrow for arrow in ours if room_of(arrow.source) != room_of(arrow.target)]


def reach(room: str) -> set[str]:
    return BELOW[room].union(*(reach(below) for below in BELOW[room]))


def test_every_folder_of_orchestrator_is_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / "orchestrator").glob("*/*.py")}
    assert folders - {TESTING} == set(BELOW)
    beside = {path.stem for path in (ROOT / "orchestrator").glob("*.py")}
    assert beside == EVERYBODY | AT_THE_TOP


def test_arrows_between_rooms() -> None:
    wrong: list[Arrow] = []
    for arrow in between_rooms():
        source, target = room_of(arrow.source), room_of(arrow.target)
        if source in {TESTING, *AT_THE_TOP}:
            continue
        allowed = EVERYBODY | (reach(source) if source in BELOW else set())
        if target not in allowed:
            wrong.append(arrow)
    assert not wrong


def test_a_room_is_entered_by_its_public_modules() -> None:
    """`from orchestrator.store import Store` names the room itself, whatever else a module of its PUBLIC."""
    wrong: list[Arrow] = []
    for arrow in between_rooms():
        parts = arrow.target.split(".")
        if room_of(arrow.target) not in BELOW or room_of(arrow.source) == TESTING:
            continue
        public = importlib.import_module(".".join(parts[:2])).PUBLIC
        hidden = len(parts) > 2 and parts[2] not in public
        if hidden or (arrow.name or "").startswith("_") or any(part.startswith("_") for part in parts):
            wrong.append(arrow)
    assert not wrong


@pytest.mark.parametrize("room", BELOW)
def test_public_names_modules_of_the_room(room: str) -> None:
    public = importlib.import_module(f"orchestrator.{room}").PUBLIC
    assert list(public) == sorted(set(public))
    assert all((ROOT / "orchestrator" / room / f"{name}.py").exists() for name in public)


def test_who_imports_slurm() -> None:
    for arrow in arrows("orchestrator"):
        if arrow.target.split(".")[0] == "slurm" and room_of(arrow.source) not in {"cluster", TESTING}:
            assert arrow.target in SLURM_IS_FOR.get(arrow.source, set()), arrow


def test_no_circle_of_modules() -> None:
    """Of any package, imports inside functions and under TYPE_CHECKING included."""
    graph: dict[str, set[str]] = {module: set() for module in modules(*PACKAGES)}
    for arrow in arrows(*PACKAGES):
        graph[arrow.source].add(arrow.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_rooms_are_small() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= MOST_FILES, folder


def test_sweeps_names_no_heavy_library_at_all() -> None:
    for path in (ROOT / "sweeps").rglob("*.py"):
        assert not imported(path) & set(HEAVY), path


@pytest.mark.parametrize("module", ["sweeps.file.spec", "sweeps.plan", "orchestrator.cli", "trainers.data"])
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
