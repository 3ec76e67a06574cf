"""What `check` and `plan` answer, as plain data. `warnings` name what a sweep file says to no effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.store import Store
from sweeps.errors import UsageError
from sweeps.file import clauses
from sweeps.file.spec import SweepSpec
from sweeps.select import Selector


def checked(spec: SweepSpec, where: Selector | None) -> dict[str, Any]:
    """Trials, data sets and methods of a sweep that breaks no rule. UsageError with every problem of one that does,
    with the values in `where` that no trial can have, and where no trial is left."""
    from orchestrator.planning.plan import check, facts_once
    from sweeps.plan import expand, plan_hash
    from sweeps.words import rules

    facts = facts_once()
    trials = expand(spec, facts, clauses.valid(where))
    if not trials:
        raise UsageError(f"sweep {spec.name}: no trial is left" + (f" by the selector {where}" if where else ""))
    check(trials, facts, spec)
    rules.divided(trials, spec.run.devices, spec.run.gpus)
    return {
        "sweep": spec.name,
        "trials": len(trials),
        "datasets": len({t.dataset for t in trials}),
        "normalizers": ", ".join(dict.fromkeys(str(t.normalizer) for t in trials)),
        "activations": ", ".join(dict.fromkeys(t.activation.name for t in trials)),
        "plan": plan_hash(trials),
        "warnings": clauses.warnings(spec.trial, where, spec.analysis.baseline),
    } | ({"notes": "; ".join(notes)} if (notes := rules.notes(trials, facts)) else {})


def planned(store: Store, spec: SweepSpec, where: Selector | None, device: str = "") -> dict[str, Any]:
    """What a run would do, and what it would cost, on processors and on a GPU of the kind `device`. Writes nothing."""
    from orchestrator.planning.cost import DEFAULT_GPU, CostModel, gpu
    from orchestrator.planning.plan import facts_once, plan

    kind = gpu(device or DEFAULT_GPU)
    facts = facts_once()
    found = plan(store.roster, spec, clauses.valid(where))
    finished = store.ledger.done()
    done = [p for p in found.serving if p.id in finished]
    todo = [p for p in found.serving if p.id not in finished]
    begun = [p for p in todo if store.workspace.checkpoint(p.id).exists()]
    done_trials = sum(1 for p in done for t in p.trial_ids if t in found.trials)
    wanted = [[found.trials[t] for t in p.trial_ids if t in found.trials] for p in todo]
    wanted += [list(p.trials) for p in found.new]
    left = sum(map(len, wanted))
    costs = CostModel(store, facts)
    to_do = [costs.of_trials(trials) for trials in wanted]
    models = list(dict.fromkeys(work.model for work in to_do))
    operations = _total(work.flops for work in to_do)
    return {
        "sweep": spec.name,
        "trials": len(found.trials),
        "trials_done": done_trials,
        "trials_to_do": left,
        "packs": len(found.serving) + len(found.new),
        "packs_done": len(done),
        "packs_begun": len(begun),
        "packs_to_do": len(wanted),
        "flops": operations,
        "core_hours_p50": _hours(costs.core_seconds(work) for work in to_do),
        "core_hours_p90": _hours(costs.core_seconds(work, 9) for work in to_do),
        "core_hours_basis": costs.cpu_basis(models),
        "gpu": kind.name,
        "gpu_hours_p50": _hours(costs.gpu_seconds(work, kind) for work in to_do),
        "gpu_hours_p90": _hours(costs.gpu_seconds(work, kind, 9) for work in to_do),
        "gpu_hours_basis": costs.gpu_basis(models, kind),
        "files": 2 * len(wanted),  # a part and a log each; checkpoint and progress go when the pack is done
        "bytes": 1000 * left + 12 * sum(t.epochs for members in wanted for t in members),
        "plan": found.hash,
        "warnings": clauses.warnings(spec.trial, where, spec.analysis.baseline),
    }


def _total(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known."""
    known = list(values)
    return None if any(value is None for value in known) else sum(value or 0.0 for value in known)


def _hours(seconds: Iterable[float | None]) -> float | None:
    total = _total(seconds)
    return None if total is None else total / 3600
