"""The script that sbatch gets is the one that docs/slurm.md shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from slurm.allocation import submit
from slurm.profile import Profile
from tests.conftest import HERE

SBATCH = """#!/bin/sh
cat "$1" > "$SEEN"
echo Submitted batch job 12
"""
SHOWN = "/shared/me/sweeps/allocations/000001"


def test_docs_show_the_script_that_is_submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sbatch").write_text(SBATCH)
    (tmp_path / "sbatch").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    profile = Profile(partition="low", minutes=10, cpus=1, signal_seconds=20, python="python")
    name, comment, folder = "normsweep-f432f972-1", "normsweep demo in /shared/me/sweeps", tmp_path / "000001"
    assert submit(profile, 3, 2, name, comment, folder, print) == ["12_0", "12_1", "12_2"]
    page = (HERE.parent / "docs" / "slurm.md").read_text()
    (shown,) = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", page, re.DOTALL)
    assert (tmp_path / "seen").read_text().replace(str(folder), SHOWN).rstrip() == shown.rstrip()


def test_an_heir_waits_for_its_parent_and_gets_nothing_of_the_job_that_submits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbatch").write_text(f"{SBATCH}env > $SEEN.environment\n")
    (tmp_path / "sbatch").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    mine = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "3", "SLURM_MEM_PER_NODE": "1", "SUBMITIT_FOLDER": "x"}
    site = {"SLURM_CONF": "/etc/own.conf", "SBATCH_RESERVATION": "ours"}
    for name, value in (mine | site).items():
        monkeypatch.setenv(name, value)
    profile, folder = Profile(partition="low", minutes=10, cpus=1), tmp_path / "000001"
    assert submit(profile, 1, 2, "name", "comment", folder, print, after="12_0") == ["12"]
    script = (tmp_path / "seen").read_text()
    assert "#SBATCH --dependency=afterany:12_0\n" in script
    assert f"cp {folder}/*.pkl {folder}/${{job}}_submitted.pkl\n" in script
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen.environment").read_text().splitlines() if "=" in line)
    assert seen.keys() & (mine | site).keys() == site.keys()
    assert os.environ["SLURM_JOB_ID"] == "7"


def test_docs_name_every_key_of_a_site_file() -> None:
    page = (HERE.parent / "docs" / "slurm.md").read_text()
    table = page[page.index("## The site file") : page.index("## What an allocation is")]
    assert {key for key in Profile.__dataclass_fields__ if f"`{key}`" not in table} == set()
