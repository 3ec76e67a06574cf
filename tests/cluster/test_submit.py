"""`submit` on a real cluster: repeated, killed at each of its steps, refused."""

from __future__ import annotations

import json
import os
import shutil
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
from orchestrator.cluster import submissions, submit
point = sys.argv.pop(1)
def dying(module, name, after):
    real = getattr(module, name)
    def wrapped(*args, **kwargs):
        answer = real(*args, **kwargs) if after else None
        os.kill(os.getpid(), signal.SIGKILL)
        return answer
    setattr(module, name, wrapped)
import submitit.core.core, submitit.slurm.slurm
from submitit.core import utils
match point:
    case "amid the probe": dying(submit, "probe", True)
    case "before intent": dying(submit, "intend", False)
    case "after intent": dying(submit, "intend", True)
    case "before sbatch": dying(submitit.slurm.slurm.SlurmExecutor, "_submit_command", False)
    case "after sbatch": dying(submitit.slurm.slurm.SlurmExecutor, "_submit_command", True)
    case "amid pickles": dying(utils.JobPaths, "move_temporary_file", True)
    case "before receipt": dying(submissions, "confirm", False)
    case "after receipt": dying(submissions, "confirm", True)
from orchestrator.cli.main import main
main()
"""
IDLE = """setup = ['[ "$SLURM_JOB_NAME" = normsweep-probe ] || sleep 600']\n"""  # jobs that stay and do nothing
STEPS = (
    "amid the probe",
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
    Path("site.toml").write_text(SITE + IDLE)
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
        cluster.ask("scancel", "--me")


def test_what_crosses_over_is_for_the_users_eyes_only(cluster: Cluster, tmp_path: Path) -> None:
    Path("site.toml").write_text(SITE + IDLE)
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
        (
            SITE,
            ("--nodes", "2", *("--set", "run.devices=4", "--set", "shards=4", "--set", "normalizer=bn")),
            "needs 4 devices with 1 cores and 0 GPUs each, an allocation of 2 nodes has room for 2",
        ),
        (SITE.replace("10", "1"), ("--set", "epochs=100000"), "may need"),
        (SITE + "max_jobs = 1\n", (), "more than the 1 jobs that the site file allows"),
        (SITE + 'constraint = "none-such"\n', (), "a probe job was refused: Unable to allocate resources: Invalid"),
        (SITE + 'python = "/none/python"\n', (), "cannot run /none/python -P with normsweep"),
        (SITE.replace("/tmp/ray", "/proc/ray"), (), "cannot use scratch = /proc/ray (No such file or directory): make"),
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


def test_a_workspace_that_nodes_do_not_see_is_refused(cluster: Cluster) -> None:
    workspace = Path("/dev/shm") / f"alone-{os.getpid()}"  # every node of this cluster has one of its own
    try:
        refused = cluster.normsweep(*submission(workspace), check=False)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    assert refused.returncode == 2
    assert f"does not see {workspace}/allocations: the workspace must lie on a disk that all" in refused.stderr
    assert cluster.jobs() == []


def test_a_full_disk_is_told_in_one_sentence(cluster: Cluster, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full], check=True)
    try:
        (full / "filler").write_bytes(bytes(56 * 1024))
        refused = cluster.normsweep(*submission(full / "out"), check=False)
    finally:
        subprocess.run(["umount", full], check=True)
    assert refused.returncode == 2
    assert f"{full}/out cannot be written (No space left on device), so nothing more was submitted" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert cluster.jobs() == []


def test_where_no_node_is_free_the_probe_is_left_to_the_jobs(cluster: Cluster, tmp_path: Path) -> None:
    cluster.ask("sbatch", "--output=/dev/null", f"--nodes={cluster.nodes}", "--exclusive", "--wrap", "sleep 600")
    cluster.wait(lambda: "R" in cluster.ask("squeue", "--noheader", "--format=%t"), 30)
    busy = "import slurm.probe, sys; slurm.probe.START_SECONDS = 2; from orchestrator.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", busy, *submission(tmp_path / "out", 1)],
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no node was free for a probe" in done.stdout
    assert len(cluster.jobs()) == 2


def test_without_slurm_one_sentence_says_so(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "orchestrator.cli", "submit", "demo", "--site", str(tmp_path / "site.toml")]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert refused.returncode == 2
    assert "there is no SLURM here" in refused.stderr
