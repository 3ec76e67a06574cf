"""The site profile: what a cluster wants to be told, in one TOML file."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from slurm.errors import SiteError

# Ray's sockets lie up to 64 characters below its folder, and a socket's path may be 107 bytes long.
LONGEST_SCRATCH = 20


@dataclass(frozen=True, kw_only=True)  # no slots: jobs queued before a key was added find its default in the class
class Profile:
    """One kind of allocation on one cluster. Only `partition`, `minutes` and `cpus` have no default."""

    partition: str
    minutes: int  # time limit of an allocation
    cpus: int  # per node
    gpus: int = 0  # per node
    memory_gb: float = 0.0  # per node; 0: the partition's default
    account: str = ""
    qos: str = ""
    constraint: str = ""
    exclude: str = ""  # nodes, as sbatch takes them
    signal_seconds: int = 120  # SLURM says so long before the time limit that it comes
    max_array: int = 1000  # tasks in one job array
    max_jobs: int = 100  # allocations pending or running at a time
    scratch: str = "/tmp"  # noqa: S108  short, local to the node: Ray's sockets and spill
    setup: tuple[str, ...] = ()  # shell lines before anything of ours runs: module load, export, ...
    python: str = ""  # command that runs Python, e.g. "apptainer exec image.sif python"; default: the submitting one
    spread: bool = False  # whether the devices of a trial go to as many nodes as there are, not to as few as can be


def load(path: Path) -> Profile:
    """Reads a site file. SiteError, one sentence a problem, with the nearest valid key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SiteError(f"there is no site file {path}: `normsweep init --site {path}` writes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteError(f"{path}: cannot be read as a site file: {error}") from None
    problems = [f"{path}: {problem}" for problem in _problems(data)]
    if problems:
        raise SiteError("\n".join(problems))
    if "setup" in data:
        data["setup"] = tuple(data["setup"])
    return Profile(**data)


def _problems(data: dict[str, Any]) -> list[str]:
    types = get_type_hints(Profile)
    problems: list[str] = []
    for key, value in data.items():
        if key not in types:
            near = difflib.get_close_matches(key, types, n=1)
            problems.append(f"there is no key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        elif not _fits(value, types[key]):
            problems.append(f"{key} = {value!r} is not {_WORDS[types[key]]}")
    lacking = [f.name for f in fields(Profile) if f.default is MISSING and f.name not in data]
    problems += [f"the key {name!r} is lacking" for name in lacking]
    if problems:
        return problems
    least = {"minutes": 1, "cpus": 1, "gpus": 0, "memory_gb": 0, "signal_seconds": 0, "max_array": 1, "max_jobs": 1}
    problems += [f"{k} = {data[k]} must be at least {low}" for k, low in least.items() if data.get(k, low) < low]
    if data["minutes"] * 60 <= data.get("signal_seconds", 120):
        problems.append(f"minutes = {data['minutes']} leaves nothing before the signal: lower signal_seconds")
    scratch = data.get("scratch", "/tmp")  # noqa: S108
    if not scratch.startswith("/") or len(scratch) > LONGEST_SCRATCH:
        problems.append(f"scratch = {scratch!r} must be an absolute path of at most {LONGEST_SCRATCH} characters")
    return problems


_WORDS = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple[str, ...]: "a list of strings",
}


def _fits(value: Any, wanted: Any) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted == tuple[str, ...]:
        return isinstance(value, list) and all(isinstance(v, str) for v in value)  # pyright: ignore[reportUnknownVariableType]
    return type(value) is wanted
