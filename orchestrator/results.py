"""The results of a sweep as a table: one row per trial that the ledger holds, in the order of the sweep's axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from orchestrator.ledger import Ledger
from orchestrator.planning import recorded, sweeps
from orchestrator.roster import Roster
from orchestrator.workspace import Workspace
from sweeps.near import unknown
from sweeps.records import CURVES
from sweeps.roster import service

if TYPE_CHECKING:
    import pandas as pd

# What `export` writes, in this order.
EXPORTED = [
    "trial_id",
    "sweep",
    "dataset",
    "model",
    "depth",
    "width",
    "activation",
    "normalizer",
    "normalizer_options",
    "batch_size",
    "seed",
    "split",
    "state",
    "selected_epoch",
    "diverged_epoch",
    "val_error",
    "test_error",
    "majority_error",
    "train_loss",
    "seconds",
    "attempts",
    "device",
    "threads",
    "code_version",
    "pack_id",
]


def table(workspace: Workspace, sweep: str, *, more: Sequence[str] = ()) -> tuple[pa.Table, list[str]]:
    """The rows of a recorded sweep with the columns of `export` (and `more` of a part's), and what could not be read.

    ValueError when the workspace knows no sweep of that name.
    """
    version = recorded(workspace, sweep)
    if version is None:
        raise ValueError(
            f"{unknown('sweep', sweep, sweeps(workspace))} Nothing of it is recorded in {workspace.root}: run it first"
        )
    roster = Roster(workspace)
    wanted: list[str] = version["trials"]
    serving = service({p.id: p.trial_ids for p in roster.packs.values()}, roster.replaced, wanted).packs
    columns = [*(c for c in EXPORTED if c != "sweep"), *more]
    rows, problems = Ledger(workspace).read(serving, columns)
    found = {trial: row for row, trial in enumerate(rows["trial_id"].to_pylist())}
    rows = rows.take([found[trial] for trial in wanted if trial in found])
    rows = rows.add_column(1, "sweep", pa.array([sweep] * len(rows), pa.string()))
    return rows.select([*EXPORTED, *more]), problems


def results(sweep: str, workspace: str = "normsweep-out", *, curves: bool = False) -> pd.DataFrame:
    """For notebooks: the results of a sweep as a DataFrame, one row per trial; list columns `curve_*` if asked.

    `trial` holds every setting as JSON. ValueError when a part cannot be read.
    """
    rows, problems = table(Workspace.at(workspace), sweep, more=["trial", *(CURVES if curves else ())])
    if problems:
        raise ValueError("; ".join(problems))
    return rows.to_pandas()
