"""The results of a sweep as a table: one row per trial that the ledger holds, in the order of the sweep's axes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from orchestrator.store import Store
from orchestrator.store.sweeps import ALL, AT
from sweeps.columns import settings
from sweeps.errors import DamagedError
from sweeps.probes import columns
from sweeps.records import ALIASES
from sweeps.roster import service
from sweeps.select import Selector
from sweeps.trial import Trial
from sweeps.words.kinds import plural

# The columns of results that every sweep has, in this order; `complete` adds one for each other setting.
EXPORTED = [
    "trial_id",
    "sweep",
    "version",
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
    "val_error_smoothed",
    "val_error",
    "test_error",
    "majority_error",
    "train_loss",
    "val_top5_error",
    "test_top5_error",
    "val_class_mean_error",
    "test_class_mean_error",
    "seconds",
    "attempts",
    "device",
    "threads",
    "code_version",
    "source",
    "pack_id",
]
_PLACE = EXPORTED.index("seconds")  # where columns of metrics of plug-ins come in


def table(
    store: Store, sweep: str, *, more: Sequence[str] = (), where: Selector | None = None
) -> tuple[pa.Table, list[str]]:
    """The rows of a recorded sweep with the columns of `export` (and `more` of a part's), and what could not be read.
    Of metrics that its plug-ins declare there are columns beside the others.

    `sweep` may be `SWEEP@2` or `SWEEP@all`; the column `version` says which one wants a trial, the newest of several.
    `where` asks for settings of the trials and for these columns. MissingError when the workspace knows no sweep or
    version of that name.
    """
    version = store.sweeps.needed(sweep)
    wanted = version.trials
    roster = store.roster
    serving = service({p.id: p.trial_ids for p in roster.packs.values()}, roster.replaced, wanted).packs
    every = store.sweeps.versions(version.name) if sweep.endswith(f"{AT}{ALL}") else [version]
    plugins = [plugin for each in every for plugin in each.spec.get("plugins", ())]
    own = sorted({name for plugin in plugins for name in plugin.get(plural("metrics"), ())})
    read = {*EXPORTED, *more, *(["trial"] if where or own else [])}
    rows, problems = store.ledger.read(serving, sorted(read - {"sweep", "version", *ALIASES}))
    found = {trial: row for row, trial in enumerate(rows["trial_id"].to_pylist())}
    rows = rows.take(pa.array([found[trial] for trial in wanted if trial in found], pa.int64()))
    numbers = dict.fromkeys(wanted, version.number)
    numbers |= {trial: older.number for older in every for trial in older.trials}
    rows = rows.add_column(1, "sweep", pa.array([version.name] * len(rows), pa.string()))
    rows = rows.add_column(2, "version", pa.array([numbers[t] for t in rows["trial_id"].to_pylist()], pa.int64()))
    for alias, name in ALIASES.items():
        rows = rows.append_column(alias, rows[name])
    measured: list[str] = []
    if own:
        rows, more_problems, measured = _measured(store, rows, own)
        problems = [*problems, *more_problems]
    shown = [*EXPORTED[:_PLACE], *measured, *EXPORTED[_PLACE:]]
    if where:
        asked = rows.select([*shown, "trial"]).to_pylist()
        rows = rows.filter(pa.array([where.matches(_settings(row)) for row in asked], pa.bool_()))
    return rows.select([*shown, *more]), problems


def _measured(store: Store, rows: pa.Table, names: Sequence[str]) -> tuple[pa.Table, list[str], list[str]]:
    """The rows with columns for those of these metrics that trials name: what each was at the selected epoch. What
    could not be read, and the names of the columns."""
    trials = [json.loads(text) for text in rows["trial"].to_pylist()]
    used = {metric["name"] for trial in trials for metric in trial.get("metrics", ())}
    wanted = {name: columns(name) for name in names if name in used}
    if not wanted:
        return rows, [], []
    # Readings count the epochs that are trained, results number them from 0.
    selected = zip(trials, rows["selected_epoch"].to_pylist(), strict=True)
    last = [None if epoch is None else epoch + bool(trial["epochs"]) for trial, epoch in selected]
    at = dict(zip(rows["trial_id"].to_pylist(), last, strict=True))
    seen, problems = store.ledger.readings(dict.fromkeys(rows["pack_id"].to_pylist()))
    seen = seen.filter(pc.field("probe").isin([*wanted]))
    values = {
        (row["trial_id"], wanted[row["probe"]].get(row["quantity"])): row["value"]
        for row in seen.to_pylist()
        if row["epoch"] == at.get(row["trial_id"], -1)
    }
    added = [column for own in wanted.values() for column in own.values()]
    for column in added:
        rows = rows.append_column(column, pa.array([values.get((trial, column)) for trial in at], pa.float64()))
    return rows, problems, added


def whole(store: Store, sweep: str, *, more: Sequence[str] = (), where: Selector | None = None) -> pa.Table:
    """The same; DamagedError when a part cannot be read."""
    rows, problems = table(store, sweep, more=more, where=where)
    if problems:
        raise DamagedError("; ".join(problems))
    return rows


def complete(
    store: Store, sweep: str, *, more: Sequence[str] = (), where: Selector | None = None
) -> tuple[pa.Table, list[str]]:
    """The rows as `table` has them, with a column for every setting and option of the trials after those of `EXPORTED`
    that say which trial it is."""
    rows, problems = table(store, sweep, more=["trial", *(name for name in more if name != "trial")], where=where)
    known = rows.column_names
    place = known.index("state")
    for name, values in settings([json.loads(text) for text in rows["trial"].to_pylist()]).items():
        if name not in known:
            rows = rows.add_column(place, name, pa.array(values))
            place += 1
    return rows if "trial" in more else rows.drop_columns(["trial"]), problems


def readings(store: Store, sweep: str, *, where: Selector | None = None) -> tuple[pa.Table, list[str]]:
    """What the probes of a sweep's trials saw, one row a number, with a column for every setting of the trial, and what
    could not be read. In the order of the sweep's axes, then as the probes looked."""
    trials, problems = complete(store, sweep, where=where)
    packs = dict.fromkeys(trials["pack_id"].to_pylist())
    seen, more = store.ledger.readings(packs)
    place = {trial: row for row, trial in enumerate(trials["trial_id"].to_pylist())}
    rows = [place.get(trial, -1) for trial in seen["trial_id"].to_pylist()]
    order = sorted((row, i) for i, row in enumerate(rows) if row >= 0)
    seen = seen.take(pa.array([i for _, i in order], pa.int64())).drop_columns(["trial_id"])
    settings = trials.column_names[: trials.column_names.index("state")]
    table = trials.select(settings).take(pa.array([row for row, _ in order], pa.int64()))
    for name in seen.column_names:
        table = table.append_column(name, seen[name])
    return table, [*problems, *more]


def _settings(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **vars(Trial.from_json(json.loads(row["trial"])))}
