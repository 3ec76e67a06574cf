"""`normsweep paper`: every table and figure of a paper, its preset, what is done of it here, and what that says."""

from __future__ import annotations

from typing import Any

from orchestrator.ask.report import asked_of
from orchestrator.planning.cost import CostModel
from orchestrator.planning.plan import facts_once
from orchestrator.store import Store
from orchestrator.store.results import table
from orchestrator.words import PAPERS
from sweeps.errors import NormsweepError, UsageError
from sweeps.file.spec import load_spec
from sweeps.plan import expand, packs
from sweeps.words.near import one_of


def exhibits(store: Store, paper: str) -> list[dict[str, Any]]:
    """A row a table or figure. `device_hours` of the preset: None where its data sets are not here.

    UsageError for an unknown paper.
    """
    from analysis.verdicts import papers

    one_of("paper", paper, PAPERS)
    about = papers()
    known = {name: _of_preset(store, name) for name in about.loc[about["paper"] == paper, "preset"] if name}
    return [
        {
            "exhibit": row["exhibit"],
            "what": row["what"],
            "preset": row["preset"],
            **(known[row["preset"]] if row["preset"] else {"trials": None, "done": None, "device_hours": None}),
            **_verdict(store, row["preset"], row["claim"]),
        }
        for row in about.loc[about["paper"] == paper].to_dict("records")
    ]


def _of_preset(store: Store, name: str) -> dict[str, Any]:
    """Trials of a preset, those that are done here, and its cost on the devices that it asks for."""
    spec, facts = load_spec(name), facts_once()
    done = len(table(store, name)[0]) if name in store.sweeps.names() else 0
    try:
        trials = expand(spec, facts)
    except UsageError:  # its data are not here
        return {"trials": len([*spec.trial.drafts()]), "done": done, "device_hours": None}
    costs = CostModel(store, facts)
    seconds = [
        costs.gpu_seconds(work, None) if spec.run.gpus else costs.core_seconds(work)
        for work in (costs.of_trials(pack.trials) for pack in packs(trials, facts, spec.run.pack_size))
    ]
    known = [each for each in seconds if each is not None]
    hours = float(f"{sum(known) / 3600:.3g}") if len(known) == len(seconds) else None
    return {"trials": len(trials), "done": done, "device_hours": hours}


def _verdict(store: Store, preset: str, claim: str) -> dict[str, str]:
    """Of the preset or, where that has no result here, of its small size."""
    if not preset:
        return {"verdict": "not comparable", "sentence": "no preset holds it"}
    name = next((n for n in (preset, f"{preset}-smoke") if n in store.sweeps.names()), None)
    if name is None:
        return {"verdict": "", "sentence": f"normsweep run {preset}"}
    from analysis.findings import Findings
    from analysis.verdicts import verdict
    from orchestrator.store.results import readings

    try:
        asked = asked_of(store, name)
        found = verdict(claim, Findings(asked.frame, asked.question), readings(store, name)[0].to_pandas())
    except NormsweepError as error:
        return {"verdict": "not comparable", "sentence": f"because {error}"}
    left = f"; the sweep is not complete ({asked.left})" if asked.left else ""
    return {"verdict": found.word, "sentence": f"{found.sentence}{left}"}
