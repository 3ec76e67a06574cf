"""The site profile: what a cluster wants to be told, in one TOML file. Its keys are declared here, and only here."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from slurm.errors import SiteError

# Ray's sockets lie up to 64 characters below its folder, and a socket's path may be 107 bytes long.
LONGEST_RAY_FOLDER = 107 - 64
LONGEST_SCRATCH = 20

TYPES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of strings",
}


@dataclass(frozen=True, kw_only=True)  # no slots: jobs queued before a key was added find its default in the class
class Profile:
    """One kind of allocation on one cluster. Only `partition`, `minutes` and `cpus` have no default.

    The metadata of a field: `help`, its meaning; `low`, the least number; `longest`, the most characters.
    """

    partition: str = field(metadata={"help": "partition of the cluster"})
    minutes: int = field(metadata={"low": 1, "help": "time limit of an allocation, which is requeued and goes on"})
    cpus: int = field(metadata={"low": 1, "help": "cores of each node"})
    gpus: int = field(default=0, metadata={"low": 0, "help": "GPUs of each node"})
    memory_gb: float = field(
        default=0.0, metadata={"low": 0, "help": "memory of each node; 0: the partition's default"}
    )
    account: str = field(default="", metadata={"help": "account that is charged, as sbatch takes it"})
    qos: str = field(default="", metadata={"help": "quality of service, as sbatch takes it"})
    constraint: str = field(default="", metadata={"help": "node features, as sbatch takes them"})
    exclude: str = field(default="", metadata={"help": "nodes that are not used, as sbatch takes them"})
    signal_seconds: int = field(
        default=120, metadata={"low": 0, "help": "seconds before the time limit at which packs save what they have"}
    )
    max_array: int = field(
        default=1000, metadata={"low": 1, "help": "tasks in one job array; more allocations are several arrays"}
    )
    max_jobs: int = field(
        default=100,
        metadata={"low": 1, "help": "allocations waiting or running at a time, of all sweeps of a workspace"},
    )
    scratch: str = field(
        default="/tmp",  # noqa: S108  short, local to the node: Ray's sockets and spill
        metadata={
            "longest": LONGEST_SCRATCH,
            "help": f"folder of at most {LONGEST_SCRATCH} characters for Ray's sockets, best on each node's own disk",
        },
    )
    setup: tuple[str, ...] = field(default=(), metadata={"help": 'shell lines before all else: `["module load cuda"]`'})
    python: str = field(
        default="",
        metadata={
            "help": "command that runs Python, such as `apptainer exec image.sif python`; else the submitting one"
        },
    )
    spread: bool = field(
        default=False,
        metadata={"help": "true: the devices of one trial go to as many nodes as there are, not to as few as can be"},
    )


def load(path: Path) -> Profile:
    """Reads a site file. SiteError, one sentence a problem, with the nearest valid key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SiteError(f"there is no site file {path}: `normsweep init --site {path}` writes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SiteError(f"{path}: cannot be read as a site file: {error}") from None
    problems = [f"{path}: {problem}" for problem in _problems(data)]
    if problems:
        raise SiteError("\n".join(problems))
    values: dict[str, Any] = data | {"setup": tuple(data.get("setup", ()))}
    return Profile(**values)


def _problems(data: dict[str, Any]) -> Iterator[str]:
    known = {f.name: f for f in fields(Profile)}
    sound = {name: f.default for name, f in known.items() if f.default is not MISSING}
    for key, value in data.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            yield f"unknown key {key!r}" + (f": did you mean {near[0]!r}?" if near else "")
        elif problem := _problem(known[key], value):
            yield problem
            sound.pop(key, None)
        else:
            sound[key] = value
    yield from (
        f"the key {name!r} is missing" for name, f in known.items() if f.default is MISSING and name not in data
    )
    if sound.get("minutes", 1e9) * 60 <= sound.get("signal_seconds", 0):
        yield f"minutes = {sound['minutes']} leaves nothing before the signal: lower signal_seconds"
    if not sound.get("scratch", "/").startswith("/"):
        yield f"scratch = {sound['scratch']!r} must be an absolute path"


def _problem(known: Field[Any], value: Any) -> str:
    least, longest = known.metadata.get("low"), known.metadata.get("longest")
    if not _fits(value, str(known.type)):
        return f"{known.name} = {value!r} is not {TYPES[str(known.type)]}"
    if least is not None and not value >= least:
        return f"{known.name} = {value} must be at least {least}"
    if longest is not None and len(value) > longest:
        return f"{known.name} = {value!r} must have at most {longest} characters"
    return ""


def _fits(value: Any, wanted: str) -> bool:
    if wanted == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)  # pyright: ignore[reportUnknownVariableType]
    return type(value).__name__ == wanted
