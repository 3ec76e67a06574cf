"""`normsweep analyze` and `report`: the results of a recorded sweep, handed to `analysis`."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.planning import recorded
from orchestrator.results import results
from orchestrator.states import FINAL
from orchestrator.status import status_of
from orchestrator.version import code_version
from orchestrator.workspace import Workspace
from sweeps.spec import SweepSpec

if TYPE_CHECKING:
    import pandas as pd

    from analysis.question import Question


def analyzed(workspace: Workspace, sweep: str, folder: Path | None) -> str:
    """Writes every table and figure into `folder`; says where."""
    from analysis.report import analyze

    frame, question, _ = _asked(workspace, sweep)
    folder = (folder or workspace.report(sweep) / "analysis").expanduser().resolve()
    paths = analyze(frame, question, folder)
    return f"{len(paths)} files in {shown(folder)}"


def reported(workspace: Workspace, sweep: str, path: Path | None, interim: bool) -> str:
    """Writes the page; says where.

    Raises ValueError for a sweep that is not complete, unless the report is an interim one.
    """
    from analysis.report import report

    frame, question, spec = _asked(workspace, sweep)
    (status,) = status_of(workspace, sweep)
    left = {state: n for state, n in status.counts.items() if state not in FINAL}
    if left and not interim:
        told = ", ".join(f"{n} {state}" for state, n in left.items())
        raise ValueError(f"sweep {sweep} is not complete ({told}): run it to the end, or ask for `report --interim`")
    path = (path or workspace.report(sweep) / "report.html").expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    options = f" --workspace {workspace.root}"
    report(
        frame,
        question,
        path,
        title=spec.name,
        commands=[f"normsweep run {sweep}{options}", f"normsweep report {sweep}{options}"],
        environment=environment(workspace, sweep),
        interim=interim,
    )
    return f"report: {shown(path)}"


def environment(workspace: Workspace, sweep: str) -> dict[str, Any]:
    """What a reader needs in order to get the same numbers."""
    latest = recorded(workspace, sweep)
    assert latest is not None
    return {
        "plan": latest["plan"],
        "normsweep": code_version(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "ray", "mlflow")},
        "system": f"{platform.system()} {platform.machine()}",
    }


def shown(path: Path) -> str:
    """Relative to the working folder where it lies below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _asked(workspace: Workspace, sweep: str) -> tuple[pd.DataFrame, Question, SweepSpec]:
    from analysis.question import Question

    frame = results(sweep, str(workspace.root), curves=True)
    latest = recorded(workspace, sweep)
    assert latest is not None
    spec = SweepSpec.from_json(latest["spec"])
    if frame.empty:
        raise ValueError(f"sweep {sweep} has no result yet: `normsweep run {sweep}`")
    return frame, Question.of(spec.analysis), spec
