"""The files beside the packages agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent


def yaml(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def test_hooks_run_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert target
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in target[1].splitlines()]
    repositories = yaml(".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert [hook["entry"] for hook in hooks] == commands
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in hooks)


def test_one_version_and_one_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml("CITATION.cff")
    headings = re.findall(r"^## (\d.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert project["version"] == str(citation["version"]) == headings[0]
    assert project["license"] == citation["license"]
    assert (citation["cff-version"], citation["type"], citation["title"]) == ("1.2.0", "software", project["name"])


def test_markers_are_explained() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for marker in options["markers"]:
        assert f"| `{marker.partition(':')[0]}` |" in text


def test_files_that_pages_name_exist() -> None:
    """In the tables that say what is where: paths below the root, or below orchestrator."""
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "how-it-works.md"):
        names = re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", page.read_text(encoding="utf-8"))
        assert len(names) > 15
        missing = [name for name in names if not ((ROOT / name).exists() or (ROOT / "orchestrator" / name).exists())]
        assert not missing, page.name
