"""The command line and everything that ties the other packages together.

For notebooks: `orchestrator.results("demo")`, and what else is in `__all__`. Importing it is light: what a function
needs is imported when it is called, a class when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from analysis import WinTable
    from orchestrator.ask.compare import Comparison
    from orchestrator.store import Store
    from orchestrator.store.workspace import Workspace
    from orchestrator.watch.status import SweepStatus

__all__ = [
    "Comparison",
    "Store",
    "SweepStatus",
    "Workspace",
    "compare",
    "readings",
    "results",
    "status",
    "wins",
]

WORKSPACE = "normsweep-out"

_HOMES = {
    "Comparison": "ask.compare",
    "Store": "store",
    "SweepStatus": "watch.status",
    "Workspace": "store.workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _check_siblings() -> None:
    """The five packages have common names: an `analysis.py` of somebody else's on the path must not pass for ours.

    Raises ImportError that names the intruder.
    """
    home = Path(__file__).resolve().parent.parent
    for name in ("sweeps", "trainers", "slurm", "analysis"):
        spec = find_spec(name)
        # A folder without __init__.py has no origin, only locations.
        found = [spec.origin] if spec and spec.origin else [*(spec.submodule_search_locations or ())] if spec else []
        if not found or Path(found[0]).resolve() != home / name / "__init__.py":
            raise ImportError(
                f"normsweep's package `{name}` is shadowed by {found[0] if found else 'nothing'}: "
                f"rename that, or run from a folder where it is not on sys.path"
            )


_check_siblings()


def results(sweep: str, *, workspace: str | Path = WORKSPACE, where: str = "", curves: bool = False) -> pd.DataFrame:
    """The results of a recorded sweep so far, one row per trial, in the order of the sweep's axes.

    `where`: a selector as of `-w`, of settings and columns: `normalizer=bn lr<=0.1 state=done`. Errors are shares in
    0..1. `trial` holds every setting as JSON. `curves`: with the columns `curve_train_loss`, `curve_val_error` and
    `curve_test_error`, a list each, one value per epoch. Raises MissingError for an unknown sweep, UsageError for a
    selector that names an unknown field, DamagedError when a part cannot be read.
    """
    from orchestrator.store import Store
    from orchestrator.store.results import complete
    from sweeps.errors import DamagedError
    from sweeps.file.clauses import selector_from
    from sweeps.records import CURVES

    more = ["trial", *(CURVES if curves else ())]
    table, problems = complete(Store.at(workspace), sweep, more=more, where=selector_from(where))
    if problems:
        raise DamagedError("; ".join(problems))
    return table.to_pandas()


def readings(sweep: str, *, workspace: str | Path = WORKSPACE, where: str = "") -> pd.DataFrame:
    """What the probes of a recorded sweep's trials saw so far (`record` in its `trial` section): one row per number.

    Columns: `trial_id` and the trial's settings, then `probe`, `epoch` (epochs trained), `layer` (0: the whole
    network), `quantity`, `at` (where on a curve, such as a radius) and `value`. `where`: a selector as of `-w`. Raises
    MissingError for an unknown sweep, UsageError for a selector that names an unknown field, DamagedError when a file
    cannot be read.
    """
    from orchestrator.store import Store
    from orchestrator.store.results import readings as read
    from sweeps.errors import DamagedError
    from sweeps.file.clauses import selector_from

    table, problems = read(Store.at(workspace), sweep, where=selector_from(where))
    if problems:
        raise DamagedError("; ".join(problems))
    return table.to_pandas()


def compare(
    sweeps: str | Sequence[str] = (),
    *,
    by: str | Sequence[str] = (),
    where: str = "",
    query: str = "",
    metric: str = "",
    baseline: str = "",
    source: str = "ledger",
    tracking_uri: str | None = None,
    workspace: str | Path = WORKSPACE,
) -> Comparison:
    """Wins, mean differences with intervals, and mean ranks of methods, over all trials of one sweep or several (none
    named: all).

    `by`: the columns that name a method. `where`: the selector of `-w`. `query` is in MLflow's filter language, in
    which settings are texts: `params.dataset = 'adult'`. `source`: `ledger`, or `mlflow`, which is found as
    `normsweep compare` finds it unless `tracking_uri` names it. What is not given is as the first sweep's analysis
    section says. Raises UsageError for an invalid question, UnavailableError when MLflow does not answer.
    """
    from orchestrator.ask.compare import compare as ask
    from orchestrator.store import Store
    from sweeps.file.clauses import selector_from

    names = [sweeps] if isinstance(sweeps, str) else list(sweeps)
    return ask(
        Store.at(workspace),
        names,
        by=[by] if isinstance(by, str) else by,
        query=query,
        where=selector_from(where),
        source=source,
        uri=tracking_uri,
        metric=metric,
        baseline=baseline,
    )


def status(sweep: str | None = None, *, where: str = "", workspace: str | Path = WORKSPACE) -> list[SweepStatus]:
    """What is done, running and left: of one recorded sweep, or of all. Changes nothing.

    `where`: the selector of `-w`. Raises MissingError for an unknown sweep.
    """
    from orchestrator.store import Store
    from orchestrator.watch.status import status_of
    from sweeps.file.clauses import selector_from

    return status_of(Store.at(workspace), sweep, selector_from(where))


def wins(sweep: str, *, where: str = "", workspace: str | Path = WORKSPACE, **options: Any) -> WinTable:
    """How often each method of a recorded sweep is the best.

    `options` are those of `analysis.wins` (`columns`, `select`, `average`, ...); what is not given is as the sweep's
    analysis section says. `where`: the selector of `-w`. Raises MissingError for an unknown sweep.
    """
    from orchestrator.ask.wins import win_table
    from orchestrator.store import Store
    from sweeps.file.clauses import selector_from

    return win_table(Store.at(workspace), sweep, options, selector_from(where))[0]
