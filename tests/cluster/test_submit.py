"""`submit` on a real cluster: repeated, killed at each of its steps, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.conftest import SITE, Cluster

pytestmark = pytest.mark.cluster

# Dies with kill -9 at the n-th event of a submission: a system call by Python's audit name, or a step of ours.
DYING = """
import os, signal, sys
from orchestrator import submit
point = sys.argv.pop(1)
def dying(module, name, after):
    real = getattr(module, name)
    def wrapped(*args, **kwargs):
        answer = real(*args, **kwargs) if after else None
        os.kill(os.getpid(), signal.SIGKILL)
        return answer
    setattr(module, name, wrapped)
import submitit.core.core, submitit.slurm.slurm
from orchestrator.submissions import Submission
from submitit.core import utils
match point:
    case "before intent": dying(submit.Submission, "intend", False)
    case "after intent": dying(submit.Submission, "intend", True)
    case "before sbatch": dying(submitit.slurm.slurm.SlurmExecutor, "_submit_command", False)
    case "after sbatch": dying(submitit.slurm.slurm.SlurmExecutor, "_submit_command", True)
    case "amid pickles": dying(utils.JobPaths, "move_temporary_file", True)
    case "before receipt": dying(submit, "confirm", False)
    case "after receipt": dying(submit, "confirm", True)
from orchestrator.cli import main
main()
"""
STEPS = (
    "before intent",
    "after intent",
    "before sbatch",
    "after sbatch",
    "amid pickles",
    "before receipt",
    "after receipt",
)


def submission(workspace: Path, allocations: int = 2) -> list[str]:
    where = ["--site", "site.toml", "--workspace", str(workspace)]
    return ["submit", "sweep.yaml", *where, "--allocations", str(allocations)]


def test_submit_killed_at_each_step_and_repeated_never_starts_two_jobs_for_one_intent(
    cluster: Cluster, tmp_path: Path
) -> None:
    Path("site.toml").write_text(SITE + 'setup = ["sleep 600"]\n')  # jobs that stay and do nothing
    for step in STEPS:
        workspace = tmp_path / step.replace(" ", "-")
        killed = subprocess.run(
            [sys.executable, "-c", DYING, step, *submission(workspace)],
            env=cluster.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, (step, killed.stderr)
        cluster.normsweep(*submission(workspace))
        cluster.normsweep(*submission(workspace))
        queue = cluster.ask("squeue", "--noheader", "--array", "--format=%j").split()
        intents = [json.loads(p.read_text()) for p in sorted((workspace / "allocations").glob("*.intent.json"))]
        receipts = [
            json.loads(p.read_text())["jobs"] for p in sorted((workspace / "allocations").glob("*.receipt.json"))
        ]
        jobs = Counter(queue)
        assert len(intents) == len(receipts), step
        assert [jobs[i["name"]] for i in intents] == [len(r) for r in receipts], step
        assert sum(len(r) for r in receipts) == 2, step
        for intent, ids in zip(intents, receipts, strict=True):
            folder = workspace / "allocations" / f"{intent['number']:06d}"
            assert all((folder / f"{job}_submitted.pkl").exists() for job in ids), step
        cluster.clear()


def test_what_crosses_over_is_for_the_users_eyes_only(cluster: Cluster, tmp_path: Path) -> None:
    Path("site.toml").write_text(SITE + 'setup = ["sleep 600"]\n')
    cluster.normsweep(*submission(tmp_path / "out"))
    folder = tmp_path / "out" / "allocations" / "000001"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = [path for path in folder.iterdir() if not path.is_symlink()]
    assert len([path for path in files if path.suffix == ".pkl"]) == 2
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


@pytest.mark.parametrize(
    ("site", "words", "sentence"),
    [
        (SITE.replace('"low"', '"lwo"'), (), "this cluster has no partition 'lwo'; did you mean 'low'?"),
        (
            SITE.replace("minutes = 10", "minutes = 2000"),
            (),
            "minutes = 2000 is above the limit of partition low, 1440",
        ),
        (SITE, ("--nodes", "7"), "7 nodes an allocation are more than the 6 of partition low"),
        (SITE, ("--set", "run.cpus=3"), "needs 3 cores and 0 GPUs, a node of the site file has 1 and 0"),
        (SITE.replace("10", "1"), ("--set", "epochs=100000"), "may need"),
        (SITE + "max_jobs = 1\n", (), "more than the 1 jobs that the site file allows"),
        (SITE + 'constraint = "none-such"\n', (), "sbatch refused: "),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_submitted(
    cluster: Cluster, tmp_path: Path, site: str, words: tuple[str, ...], sentence: str
) -> None:
    Path("site.toml").write_text(site)
    refused = cluster.normsweep(*submission(tmp_path / "out"), *words, check=False)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert cluster.jobs() == []


def test_without_slurm_one_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "orchestrator.cli", "submit", "demo", "--site", str(tmp_path / "site.toml")]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert refused.returncode == 2
    assert "there is no SLURM here" in refused.stderr
