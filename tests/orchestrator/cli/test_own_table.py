"""docs/your-own-table.md, typed as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from orchestrator.cli.main import app

PAGE = Path(__file__).resolve().parents[3] / "docs" / "your-own-table.md"


@pytest.mark.smoke
@pytest.mark.timeout(900)
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    folder, programs = tmp_path / "empty", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (programs / "normsweep").write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator.cli "$@"\n')
    (programs / "normsweep").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(PAGE.parents[1]),
        "XDG_DATA_HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    printed: list[str] = []
    for kind, text in re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        if kind == "yaml":
            (folder / text.split("\n")[0].removeprefix("# ")).write_text(text)
        elif kind in ("python", "sh"):
            words = [sys.executable, "-c", text] if kind == "python" else ["sh", "-ec", text]
            done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            printed.append(done.stdout)
        else:  # what the commands before it print
            lines = {line.rstrip() for line in printed[-1].splitlines()}
            assert [line for line in text.splitlines() if line not in lines] == []
    shown = subprocess.run(
        ["normsweep", "data", "show", "customers", "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert json.loads(shown.stdout)["classes"].keys() == {"no", "yes"}
    assert len(list((folder / "normsweep-out").rglob("report.html"))) == 1


def test_every_option_for_tables_stands_on_the_page() -> None:
    command = typer.main.get_command(app).commands["data"].commands["import"]  # type: ignore[attr-defined]
    text = PAGE.read_text("utf-8")
    for option in command.params:
        if (option.help or "").startswith("table: "):
            assert max(option.opts, key=len) in text, option.opts
