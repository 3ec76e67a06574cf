"""`normsweep analyze` and `report`: the results of a recorded sweep, handed to `analysis`."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from orchestrator.store.parts import axes
from orchestrator.store.results import readings, whole
from orchestrator.store.sweeps import AT
from orchestrator.version import code_version
from orchestrator.watch.states import Observer, SweepStates
from sweeps.errors import DamagedError, UsageError
from sweeps.file.spec import SweepSpec, load_spec, presets
from sweeps.records import FINAL

if TYPE_CHECKING:
    import pandas as pd

    from analysis.question import Question

CURVE = "curve_val_error"  # the one that is analysed; the others would only cost time and memory


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A sweep's trials, the unfinished ones included with their state, and what its file asks of them."""

    sweep: str
    frame: pd.DataFrame
    question: Question
    spec: SweepSpec
    plan: str
    readings: pd.DataFrame | None  # what its probes saw; None where they saw nothing
    left: str  # "12 todo, 3 running"; "" when every trial has come to an end


@dataclass(frozen=True, kw_only=True, slots=True)
class Analyzed:
    """The files that were written; `left`: trials that have not come to an end, by state."""

    folder: str
    files: list[str]
    left: str

    def __str__(self) -> str:
        told = (
            f"; the sweep is not complete ({self.left}): only rows on which every method has a result are compared"
            if self.left
            else ""
        )
        return f"{len(self.files)} files in {self.folder}{told}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """The page that was written; `left`: trials that have not come to an end, by state."""

    file: str
    left: str

    def __str__(self) -> str:
        return f"report: {self.file}"


def analyzed(store: Store, sweep: str, folder: Path | None, only: Sequence[str] = ()) -> Analyzed:
    """Writes every table and figure (or `only` those) into `folder`."""
    from analysis.showing.page import analyze

    asked = asked_of(store, sweep)
    folder = (folder or store.workspace.report(sweep) / "analysis").expanduser().resolve()
    paths = analyze(asked.frame, asked.question, folder, only=only, readings=asked.readings)
    return Analyzed(folder=shown(folder), files=sorted(path.name for path in paths), left=asked.left)


def reported(store: Store, sweep: str, path: Path | None, interim: bool) -> Reported:
    """Writes the page.

    Raises UsageError for a sweep that is not complete, unless the report is an interim one.
    """
    from analysis.showing.page import Provenance, report

    if path is not None and path.suffix.lower() not in ("", ".html", ".htm"):
        raise UsageError(f"{path}: a report is one HTML page, its name ends in .html")
    asked = asked_of(store, sweep)
    if asked.left and not interim:
        raise UsageError(
            f"sweep {sweep} is not complete ({asked.left}): run it to the end, or ask for `report --interim`"
        )
    path = (path or store.workspace.report(sweep) / "report.html").expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    place = ["--workspace", str(store.workspace.root)]
    provenance = Provenance(
        commands=[
            shlex.join(["normsweep", "run", _source(asked.spec, sweep), *place]),
            shlex.join(["normsweep", "report", sweep, *place, "-o", str(path), *["--interim"] * interim]),
        ],
        remake=shlex.join(["normsweep", "analyze", sweep, *place, "-o", "analysis"]),
        sweep_file=json.dumps(asked.spec.as_json(), indent=1),
        environment=_environment(asked),
    )
    report(
        asked.frame,
        asked.question,
        path,
        title=asked.spec.name,
        provenance=provenance,
        interim=interim,
        readings=asked.readings,
    )
    return Reported(file=shown(path), left=asked.left)


def shown(path: Path) -> str:
    """Relative to the working folder where it lies below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def asked_of(store: Store, sweep: str) -> Asked:
    """UsageError for a sweep that has no result yet, DamagedError for what cannot be read."""
    from analysis.question import Question

    states = Observer(store).sweep(sweep)
    spec = states.version.sweep
    rows = whole(store, sweep, more=["trial", CURVE])
    if not len(rows):
        raise UsageError(f"sweep {sweep} has no result yet: `normsweep run {_source(spec, sweep)}`")
    seen, problems = readings(store, sweep)
    if problems:
        raise DamagedError("; ".join(problems))
    left = Counter(state for state in states.of.values() if state not in FINAL)
    return Asked(
        sweep=sweep,
        frame=_with_unfinished(rows.to_pandas(), states),
        question=Question.of(spec.analysis),
        spec=spec,
        plan=states.version.plan,
        readings=seen.to_pandas() if len(seen) else None,
        left=", ".join(f"{n} {state}" for state, n in left.items()),
    )


def _with_unfinished(frame: pd.DataFrame, states: SweepStates) -> pd.DataFrame:
    """The table with a row, without results, for each trial that has not come to an end."""
    import pandas as pd

    lacking = set(states.of).difference(frame["trial_id"])
    rows = [
        {**axes(pack.id, trial_id, trial), "sweep": states.name, "state": states.of[trial_id]}
        for pack in states.packs
        if not lacking.isdisjoint(pack.trial_ids)
        for trial_id, trial in zip(pack.trial_ids, pack.trials, strict=True)
        if trial_id in lacking
    ]
    return pd.concat([frame, pd.DataFrame(rows)], ignore_index=True) if rows else frame


def _source(spec: SweepSpec, sweep: str) -> str:
    """What to call it by for `run`: the version, the preset, or the file it came from as far as its name tells."""
    if AT in sweep:
        return sweep
    return spec.name if spec.name in presets() and load_spec(spec.name) == spec else f"{spec.name}.yaml"


def _environment(asked: Asked) -> dict[str, Any]:
    """What a reader needs in order to get the same numbers."""
    trained = [asked.frame.loc[asked.frame["state"].isin(FINAL), n] for n in ("code_version", "device", "threads")]
    codes, devices, threads = (", ".join(sorted({f"{v}".removesuffix(".0") for v in t.dropna()})) for t in trained)
    return {
        "plan": asked.plan,
        "trained by": f"normsweep {codes} on {devices}, threads: {threads}",
        "reported by": f"normsweep {code_version()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "ray", "mlflow")},
        "system": f"{platform.system()} {platform.machine()}",
    }
