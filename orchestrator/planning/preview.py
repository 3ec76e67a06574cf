"""What `check` and `plan` answer, as plain data. `warnings` name what a sweep file says to no effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from orchestrator.store import Store
from orchestrator.words import counted, hours
from sweeps.errors import UsageError
from sweeps.file import clauses
from sweeps.file.spec import SweepSpec
from sweeps.select import Selector

if TYPE_CHECKING:
    from orchestrator.planning.plan import Plan


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
        "warnings": clauses.warnings(spec.trial, where, spec.analysis),
    } | ({"notes": "; ".join(notes)} if (notes := rules.notes(trials, facts)) else {})


def planned(store: Store, spec: SweepSpec, where: Selector | None, device: str = "") -> dict[str, Any]:
    """What a run would do, and what it would cost, on processors and on a GPU of the kind `device`. Writes nothing."""
    from orchestrator.planning import plugins
    from orchestrator.planning.cost import DEFAULT_GPU, CostModel, gpu
    from orchestrator.planning.plan import facts_once, plan
    from orchestrator.planning.source import other_sources

    kind = gpu(device or DEFAULT_GPU)
    facts = facts_once()
    found = plan(store, spec, clauses.valid(where))
    finished, cancelled = store.ledger.done(), store.decisions.cancelled
    done = [p for p in found.serving if p.id in finished]
    off = [p for p in found.serving if p.id in cancelled - finished]
    todo = [p for p in found.serving if p.id not in finished | cancelled]
    # What is begun goes on whole; of the others only what is selected is trained.
    wanted = [list(p.trials) if p in found.begun else found.chosen(p) for p in todo]
    wanted += [list(p.trials) for p in found.new]
    left = sum(t.id in found.trials for members in wanted for t in members)
    others = other_sources(store, found.serving)
    costs = CostModel(store, facts)
    to_do = [costs.of_trials(trials) for trials in wanted]
    models = list(dict.fromkeys(work.model for work in to_do))
    operations = _total(work.flops for work in to_do)
    return {
        "sweep": spec.name,
        "trials": len(found.trials),
        "trials_done": sum(len(found.chosen(p)) for p in done),
        "trials_to_do": left,
        "trials_beside": sum(map(len, wanted)) - left,  # not selected, but in packs that are begun
        "trials_cancelled": sum(len(found.chosen(p)) for p in off),
        "packs": len(found.serving) + len(found.new),
        "packs_done": len(done),
        "packs_begun": len(found.begun),
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
        "bytes": 1000 * sum(map(len, wanted)) + 12 * sum(t.epochs for members in wanted for t in members),
        "plan": found.hash,
        "warnings": [
            *clauses.warnings(spec.trial, where, spec.analysis),
            *(other.sentence(spec.name) for other in others),
            *plugins.edits(store, spec),
        ],
    }


def beside(store: Store, found: Plan) -> str:
    """One sentence about trials that were not selected and are trained as they lie in begun packs; "" for none."""
    from orchestrator.planning.cost import CostModel

    costs = CostModel(store)
    others = [(p, n) for p in found.begun if (n := len(p.trial_ids) - len(found.chosen(p)))]
    if not others:
        return ""
    seconds = _total(costs.core_seconds(costs.of_pack(pack, number)) for pack, number in others)
    cost = "" if seconds is None else f", for about {hours(seconds / 3600)}"
    return (
        f"{counted(sum(n for _, n in others), 'trial')} beside them are trained as well{cost}: they lie in "
        f"{counted(len(others), 'pack')} that had begun; `normsweep cancel` stops them"
    )


def _total(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known."""
    known = list(values)
    return None if any(value is None for value in known) else sum(value or 0.0 for value in known)


def _hours(seconds: Iterable[float | None]) -> float | None:
    total = _total(seconds)
    return None if total is None else total / 3600
