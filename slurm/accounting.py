"""What SLURM says of jobs: squeue and sacct asked once for all jobs, seldom, and shared by all who ask."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from threading import Thread

from slurm.command import ask
from slurm.errors import SlurmError, Unanswered
from slurm.job import Incarnation, parse_duration

SCHEMA = 1  # of the file of last known states; files of before it had none
INTERVAL = 10.0
LONGEST_INTERVAL = 300.0
LOST_SECONDS = 600.0  # of a job that squeue has not named for so long, though it answered, nothing is known
# squeue calls PREEMPTED and NODE_FAIL only what does not come again; sacct also what squeue has as PENDING.
FINAL = frozenset(
    {
        *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "BOOT_FAIL", "REVOKED"),
        *("PREEMPTED", "NODE_FAIL"),
    }
)
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"})


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """`job` is SLURM's own number, `shown` what users see (`12_3` for a task of an array).

    Tasks of an array that wait share the array's number; each gets one of its own when it starts.
    """

    job: int
    shown: str
    name: str
    state: str
    restart: int
    seen: float  # when SLURM said so, seconds since the epoch
    hosts: str = ""  # as SLURM writes them: `node[1-2]`
    left: float | None = None  # seconds to its time limit, when it was seen
    reason: str = ""  # why it waits

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def waiting(self) -> bool:
        return self.state in WAITING

    def runs(self, incarnation: Incarnation) -> bool | None:
        """Whether that incarnation of this job runs; None where the state does not say."""
        if self.final or self.waiting or self.restart > incarnation.restart:
            return False
        return True if self.state == "RUNNING" else None


def queued(*, ended: bool = False) -> list[JobState]:
    """This user's jobs that wait or run, and those that `ended` minutes ago. Unanswered when squeue gives no answer."""
    states = ["--states=all"] if ended else []
    columns = ",".join(f"{name}:{width}" for name, width in _COLUMNS.items())
    now = time.time()
    said = ask(["squeue", "--me", "--array", "--noheader", *states, "--Format", columns])
    return [_parsed(line, now) for line in said.splitlines() if line.strip()]


# squeue pads and cuts its columns to these widths; some are empty.
_COLUMNS = {
    "JobID": 32,
    "JobArrayID": 32,
    "State": 32,
    "RestartCnt": 32,
    "TimeLeft": 32,
    "Reason": 64,
    "NodeList": 256,
    "Name": 128,
}


def _parsed(line: str, now: float) -> JobState:
    values: dict[str, str] = {}
    position = 0
    for name, width in _COLUMNS.items():
        values[name] = line[position : position + width].strip()
        position += width
    state, reason = values["State"], values["Reason"]
    return JobState(
        job=int(values["JobID"]),
        shown=values["JobArrayID"],
        name=values["Name"],
        state=state,
        restart=int(values["RestartCnt"]),
        seen=now,
        hosts=values["NodeList"],
        left=_seconds(values["TimeLeft"]) if state == "RUNNING" else None,
        reason=reason if state in WAITING and reason != "None" else "",
    )


def _seconds(text: str) -> float | None:
    """None for INVALID and NOT_SET."""
    try:
        left = parse_duration(text)
    except ValueError:
        return None
    return left if math.isfinite(left) else None


def recorded(days: int = 8, *, names: Iterable[str] = (), jobs: Iterable[str] = ()) -> list[JobState]:
    """What accounting keeps of jobs, by name or as shown. Unanswered where accounting gives no answer."""
    chosen = [f"--name={','.join(names)}"] if names else [f"--jobs={','.join(jobs)}"]
    columns = "JobIDRaw,JobID,State,JobName"
    now = time.time()
    span = f"--starttime=now-{days}days"
    said = ask(["sacct", "--noheader", "--parsable2", "--allocations", span, *chosen, f"--format={columns}"])
    rows = (line.split("|") for line in said.splitlines())
    # A task of an array that waits has no number of its own yet; CANCELLED comes as "CANCELLED by 0".
    return [
        JobState(job=int(r[0]), shown=shown, state=r[2].split()[0], restart=0, name=r[3], seen=now)
        for r in rows
        if r[0].isdigit()
        for shown in _tasks(r[1])
    ]


def _tasks(shown: str) -> list[str]:
    """`12_[0-2,5%4]`, tasks of an array that ended before they began, one by one; anything else as it is."""
    found = re.fullmatch(r"(\d+)_\[([\d,-]+)(?:%\d+)?\]", shown)
    if found is None:
        return [shown]
    spans = (span.partition("-") for span in found[2].split(","))
    return [f"{found[1]}_{n}" for first, _, last in spans for n in range(int(first), int(last or first) + 1)]


class Accounting:
    """Last known states of jobs, in a folder that all observers share, so that one of them asks for all."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, patience: float | None = None) -> None:
        """`patience`: seconds to wait for SLURM at most; its answer counts when it has come. None: however long."""
        self._folder = folder
        self._clock = clock
        self._patience = patience
        self._interval = INTERVAL
        self._asking: Thread | None = None

    def states(self, jobs: Iterable[str]) -> dict[str, JobState]:
        """What is known of these jobs, named by number or as shown; a job of which SLURM never spoke is absent.
        SlurmError when the file of last known states cannot be read, until SLURM answers again.

        An old state stays, with its age.
        """
        wanted = set(jobs)
        waits = self._asking is not None and self._asking.is_alive()  # before the file is read
        damage: SlurmError | None = None
        try:
            known, due = self._read()
        except SlurmError as error:
            known, due, damage = {}, 0.0, error
        # What is due later than anybody would have put it off was written by a machine whose clock is wrong.
        if not waits and not 0 < due - self._clock() <= 2 * self._interval and self._claim():
            known = self._renewed(known, wanted, damaged=damage is not None)
        if damage is not None:
            raise damage
        # By number as well: of tasks that share one, since they wait, any.
        named = {str(state.job): state for state in known.values()} | known
        return {job: named[job] for job in wanted if job in named}

    def runs(self, incarnation: Incarnation) -> bool | None:
        """Whether this incarnation of its job runs, as far as SLURM says; None when it does not say."""
        state = self.states([str(incarnation.job)]).get(str(incarnation.job))
        return state.runs(incarnation) if state else None

    def _renewed(self, known: dict[str, JobState], wanted: set[str], *, damaged: bool) -> dict[str, JobState]:
        """What SLURM says, or `known` where it takes longer than our patience."""
        answer: list[dict[str, JobState] | Exception] = []

        def renew() -> None:
            try:
                answer.append(self._renew(known, wanted, damaged=damaged))
            except Exception as error:  # noqa: BLE001  raised below, where somebody waits for it
                answer.append(error)

        self._asking = Thread(target=renew, name="squeue", daemon=True)
        self._asking.start()
        self._asking.join(self._patience)
        said = answer[0] if answer else known
        if isinstance(said, Exception):
            raise said
        return said

    def _renew(self, known: Mapping[str, JobState], wanted: set[str], *, damaged: bool) -> dict[str, JobState]:
        """A damaged file is replaced only by what SLURM says."""
        try:
            fresh = {state.shown: state for state in queued(ended=True)}
            told = fresh.keys() | {str(s.job) for s in fresh.values()}
            told |= {name for s in known.values() if s.final for name in (s.shown, str(s.job))}
            missing = sorted((wanted | known.keys()) - told)
            if missing:
                with suppress(Unanswered):  # many a cluster has no accounting, or none that a node can reach
                    fresh |= {state.shown: state for state in recorded(jobs=missing) if state.final}
            known = {name: self._doubted(state) for name, state in known.items()}
            interval = INTERVAL
        except (SlurmError, ValueError):  # it does not answer now, or is not here: no observer is the worse for it
            if damaged:
                return {}
            fresh = {}
            interval = min(2 * self._interval, LONGEST_INTERVAL)
        # A job that squeue lost and accounting does not have as ended: what was known stays for a while.
        states = {**known, **fresh}
        content = {
            "schema": SCHEMA,
            "due": self._clock() + interval,
            "interval": interval,
            "jobs": [asdict(state) for state in states.values()],
        }
        temporary = self._file.with_suffix(f".{os.uname().nodename}.{os.getpid()}")
        temporary.write_text(json.dumps(content))
        temporary.replace(self._file)
        return states

    def _doubted(self, state: JobState) -> JobState:
        lost = not state.final and self._clock() - state.seen > LOST_SECONDS
        return replace(state, state="UNKNOWN") if lost else state

    def _claim(self) -> bool:
        """True for one observer in each interval."""
        self._folder.mkdir(parents=True, exist_ok=True)
        now = self._clock()
        slot = int(now / INTERVAL)
        before, mine = self._folder / f"asked-{slot - 1}", self._folder / f"asked-{slot}"
        try:
            if before.exists() and now - before.stat().st_mtime < INTERVAL:  # one that still waits for its answer
                return False
            mine.touch(exist_ok=False)
            os.utime(mine, (now, now))
        except (FileExistsError, FileNotFoundError):
            return False
        for old in self._folder.glob("asked-*"):
            if int(old.name.partition("-")[2]) < slot - 1:
                old.unlink(missing_ok=True)
        return True

    def _read(self) -> tuple[dict[str, JobState], float]:
        try:
            content = json.loads(self._file.read_text())
            if content.get("schema", 1) > SCHEMA:
                raise SlurmError(
                    f"{self._file} is of schema {content['schema']}; this program reads up to {SCHEMA}: update it"
                )
            self._interval = float(content.get("interval", INTERVAL))
            names = {field.name for field in fields(JobState)}
            known = [JobState(**{k: v for k, v in job.items() if k in names}) for job in content["jobs"]]
            return {state.shown: state for state in known}, float(content["due"])
        except FileNotFoundError:
            return {}, 0.0
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SlurmError(f"{self._file} is damaged ({error}): remove it, and SLURM is asked anew") from None

    @property
    def _file(self) -> Path:
        return self._folder / "states.json"
