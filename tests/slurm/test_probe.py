"""What a probe says of a node, with an srun that runs its command here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from slurm import probe as module
from slurm.errors import SiteError
from slurm.probe import look, probe
from slurm.profile import Profile
from tests.conftest import HERE

SRUN = """#!/bin/sh
while case $1 in --*) true ;; *) false ;; esac; do shift; done
"$@" || { code=$?; echo "srun: error: n7: task 0: Exited with exit code $code" >&2; exit $code; }
"""
Said = Callable[[], str]


@pytest.fixture
def srun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.strip()


def asked(folder: Path, scratch: Path, imports: str = "slurm.profile") -> list[str] | None:
    profile = Profile(partition="low", minutes=1, cpus=1, scratch=str(scratch), setup=("echo loaded",))
    return probe(profile, folder, imports)


def test_a_sound_node_gives_no_cause_for_words_and_nothing_is_left(srun: None, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    assert asked(tmp_path, scratch) == []
    assert list(scratch.iterdir()) == []


def test_a_scratch_that_cannot_be_used_is_refused_with_node_reason_and_way_out(srun: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SiteError) as refused:
        asked(tmp_path, tmp_path / "file")
    assert str(refused.value) == (
        f"node n7 cannot use scratch = {tmp_path}/file (File exists): make room there, or name another folder as "
        "`scratch` in the site file"
    )


def test_a_node_that_cannot_import_is_told_from_one_without_scratch(srun: None, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"node n7 cannot run .* with normsweep \(ModuleNotFoundError: No module"):
        asked(tmp_path, tmp_path, imports="none.such")


def test_what_machines_share_and_what_is_slow_is_told(
    srun: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "login", *uname[2:])))
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.0)
    shared, slow = asked(tmp_path, tmp_path) or []
    assert shared.startswith(f"scratch = {tmp_path} lies on a disk that machines share")
    assert re.match(rf"scratch = {tmp_path} is slow: node {uname.nodename} took \d+\.\d s", slow)


def test_a_file_of_the_same_name_on_the_same_machine_is_no_sign_of_sharing(tmp_path: Path, said: Said) -> None:
    for mark, shared in (("", False), (f"{os.uname().nodename}:{tmp_path}", False), (f"login:{tmp_path}", True)):
        assert look(str(tmp_path), mark) == 0
        assert json.loads(said())["shared"] is shared


def test_a_disk_that_is_nearly_full_is_refused(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_BYTES", 2**60)
    assert look(str(tmp_path), "") != 0
    assert said().startswith("only ")
