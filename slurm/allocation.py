"""Allocations: SLURM jobs submitted through submitit, each of some nodes, each running one function on the first."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slurm.errors import NoSlurm, SiteError
from slurm.profile import Profile

PYTHON_FLAGS = "-P"  # the working folder is not on the path: a user's own file must not pass for a package of ours

# The batch shell's part, before the one function runs. SLURM fails a job at once whose output it cannot open, and may
# start one while the shared disk refuses: so the shell opens its log itself, when it can. And where the function was
# killed on its node (by the kernel, short of memory; by a person) though SLURM wants the job to run, the job comes
# again; not when that was in its first minute, for it would go on for ever. So does a job that is preempted before its
# function listens: TERM kills that, and the job would have failed.
SHELL = r"""job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}
log=FOLDER/${job}_0_log.out
writable() { { : >>"$log"; } 2>/dev/null; }
for second in {1..120}; do writable && break; sleep 1; done
exec >>"$log" 2>&1
rescue() {
  local code=$? state preempted
  [ $code -ne 0 ] || return
  read -r state preempted < <(squeue -h -j $SLURM_JOB_ID -O State:16,PreemptTime:32)
  if [ $code -eq 143 ] && [[ $preempted == 2* ]]; then state=RUNNING
  elif writable && ! { [ $code -eq 137 ] && [ $SECONDS -ge 60 ]; }; then return; fi
  [ "$state" = RUNNING ] && scontrol requeue $job
}
trap rescue EXIT"""


# An heir begins when its parent has ended, maybe before it gave the pickle its name.
NAMED = "[ -e FOLDER/${job}_submitted.pkl ] || cp FOLDER/*.pkl FOLDER/${job}_submitted.pkl"


_OF_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_", "PMI")
_OF_SITE = ("SLURM_CONF", "SLURM_CLUSTERS")


def parameters(profile: Profile, nodes: int, name: str, comment: str, folder: Path, after: str = "") -> dict[str, Any]:
    """What submitit is told: the allocation's size, that its one function runs on the first node alone, and `after`
    which job's end it may begin."""
    wanted = {
        "partition": profile.partition,
        "account": profile.account,
        "qos": profile.qos,
        "constraint": profile.constraint,
        "exclude": profile.exclude,
        "mem": f"{int(profile.memory_gb * 1024)}MB" if profile.memory_gb else None,
        "gpus_per_node": profile.gpus or None,
    }
    return {
        **{k: v for k, v in wanted.items() if v},
        "job_name": name,
        "comment": comment,
        "time": profile.minutes,
        "nodes": nodes,
        "ntasks_per_node": 1,
        "cpus_per_task": profile.cpus,
        "signal_delay_s": profile.signal_seconds,
        "array_parallelism": profile.max_jobs,
        "stderr_to_stdout": True,
        "setup": [
            *"\n".join([SHELL, NAMED] if after else [SHELL]).replace("FOLDER", shlex.quote(str(folder))).splitlines(),
            *profile.setup,
            "export PYTHONSAFEPATH=1",
        ],
        "srun_args": ["--overlap", "--nodes=1", "--ntasks=1", f"--cpus-per-task={profile.cpus}"],
        # A comment is no job's identity; the name is, and it is given to one submission only.
        "additional_parameters": {
            "requeue": True,
            "output": "/dev/null",
            **({"dependency": f"afterany:{after}"} if after else {}),
        },
    }


def submit(
    profile: Profile,
    count: int,
    nodes: int,
    name: str,
    comment: str,
    folder: Path,
    work: Callable[..., Any],
    *args: Any,
    after: str = "",
) -> list[str]:
    """Submits `count` allocations in one sbatch, as a job array when they are several. Returns their job ids.

    With `after` they wait until that job has ended. From inside a job, nothing of that job is passed on.
    `count` is at most `profile.max_array`. The folder, of this submission alone, holds what crosses over, for the
    user's eyes only (0700, files 0600). SiteError with sbatch's own sentence when SLURM refuses.
    """
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    if shutil.which("sbatch") is None:
        raise NoSlurm("there is no SLURM here: `sbatch` is not on the PATH; run this on a login node")
    assert 1 <= count <= profile.max_array, "the caller splits"
    with private(folder), _outside():
        executor = submitit.SlurmExecutor(
            folder=folder, python=f"{profile.python or shlex.quote(sys.executable)} {PYTHON_FLAGS}"
        )
        executor.update_parameters(**parameters(profile, nodes, name, comment, folder, after))
        try:
            jobs: Sequence[submitit.Job[Any]]
            if count == 1:
                jobs = [executor.submit(work, *args)]
            else:
                with executor.batch():
                    jobs = [executor.submit(work, *args) for _ in range(count)]
        except (FailedJobError, FailedSubmissionError) as error:
            raise SiteError(f"sbatch refused: {_reason(str(error))}") from None
    return [job.job_id for job in jobs]


def adopt(folder: Path, jobs: Sequence[str]) -> None:
    """Ends what a killed `submit` left undone: every job of it finds its pickle. All of a submission's are alike."""
    pickles = sorted(p for p in folder.glob("*.pkl") if not p.name.endswith("_result.pkl"))
    if not pickles:
        return
    with private(folder):
        for job in jobs:
            path = folder / f"{job}_submitted.pkl"
            if not path.exists():
                temporary = path.with_suffix(f".{os.getpid()}.tmp")
                shutil.copy(pickles[0], temporary)
                temporary.replace(path)


@contextmanager
def private(folder: Path) -> Generator[None]:
    """Makes the folder for this user alone; files made meanwhile are too."""
    before = os.umask(0o077)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        yield
    finally:
        os.umask(before)


@contextmanager
def _outside() -> Generator[None]:
    """The environment without what SLURM has set in it for the job that this process runs in, if it runs in one."""
    inside = "SLURM_JOB_ID" in os.environ
    names = [n for n in os.environ if n.startswith(_OF_JOB) and n not in _OF_SITE] if inside else []
    before = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(before)


def _reason(text: str) -> str:
    """The sentence of sbatch among what submitit reports."""
    lines = [line.partition("sbatch: error: ")[2] for line in text.splitlines() if "sbatch: error: " in line]
    return "; ".join(line for line in lines if line) or text.strip().splitlines()[-1]
