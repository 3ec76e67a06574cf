"""What `sweeps` and `slurm` offer to others: `__all__`, all of it described, none loaded before it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib

import pytest

from tests.conftest import HERE

PACKAGES = ("sweeps", "slurm", "trainers", "analysis", "orchestrator")


@pytest.mark.parametrize("name", ["sweeps", "slurm"])
def test_all_is_what_dir_shows_and_is_described(name: str) -> None:
    package = importlib.import_module(name)
    assert dir(package) == sorted(package.__all__)
    for each in package.__all__:
        thing = getattr(package, each)
        assert thing.__doc__, each
        assert not thing.__doc__.startswith(f"{thing.__name__}("), f"{each} has the docstring of its dataclass"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("name", ["sweeps", "slurm"])
def test_importing_a_package_loads_none_of_its_modules(name: str) -> None:
    code = f"import sys, {name}; print([m for m in sys.modules if m.startswith('{name}.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_package_says_that_it_is_typed() -> None:
    data = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for name in PACKAGES:
        assert (HERE.parent / name / "py.typed").is_file()
        assert "py.typed" in data[name]
