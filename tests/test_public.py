"""What the packages export, and that the documentation teaches nothing else."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("sweeps", "slurm", "trainers", "analysis", "orchestrator")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HEAVY = ("pandas", "mlflow", "torch", "ray", "pyarrow", "numpy", "matplotlib", "scipy")


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_exported_can_be_imported_and_says_what_it_is(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == sorted(set(module.__all__))
    assert dir(module) == module.__all__
    for name in module.__all__:
        thing = getattr(module, name)
        assert thing.__doc__, name
        # A dataclass without a docstring gets one that only repeats its fields.
        assert not thing.__doc__.startswith(f"{name}("), name
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_hides_what_is_exported(package: str) -> None:
    """Once `analysis.wins` was imported as a module, it would stand in the function's place."""
    module = importlib.import_module(package)
    for name in module.__all__:
        is_module = (ROOT / package / f"{name}.py").exists() or (ROOT / package / name / "__init__.py").exists()
        assert is_module == (type(getattr(module, name)) is type(module)), name


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_is_light(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def taught() -> list[tuple[str, str, str]]:
    """Page, package and name: of every import in a Python block that is of a package of ours."""
    found: list[tuple[str, str, str]] = []
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            if re.match(r'"[a-z-]+": ', block):  # an entry of a dict
                continue
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.Import):
                    found += [(page.name, alias.name, "") for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    found += [(page.name, node.module or "", alias.name) for alias in node.names]
    return [line for line in found if line[1].partition(".")[0] in PACKAGES]


def test_documentation_teaches_only_what_is_exported() -> None:
    lines = taught()
    assert {package for _, package, _ in lines} >= {"analysis", "orchestrator", "trainers"}
    for page, package, name in lines:
        assert package in PACKAGES, f"{page}: {package} is a module inside a package"
        assert not name or name in importlib.import_module(package).__all__, f"{page}: {package}.{name}"
