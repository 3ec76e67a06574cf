"""The verbs that read: what they answer, as plain data, and how that looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.workspace import Workspace
from sweeps.choice import Choice
from sweeps.facts import DatasetFacts, Facts
from sweeps.near import unknown
from sweeps.select import Selector
from sweeps.spec import SweepSpec
from sweeps.trial import Trial

# Until the ledger has timed trials of its own: what one core of a laptop or server does on small dense layers.
ASSUMED_FLOPS_PER_SECOND = 15e9


def checked(spec: SweepSpec, where: Selector | None) -> dict[str, Any]:
    """Trials, data sets and methods of a sweep that breaks no rule. ValueError with every problem of one that does."""
    from orchestrator.planning import check, facts_once
    from sweeps import rules
    from sweeps.plan import expand, plan_hash

    facts = facts_once()
    trials = expand(spec, facts, where)
    check(trials, facts)
    return {
        "sweep": spec.name,
        "trials": len(trials),
        "datasets": len({t.dataset for t in trials}),
        "normalizers": ", ".join(dict.fromkeys(str(t.normalizer) for t in trials)),
        "activations": ", ".join(dict.fromkeys(t.activation.name for t in trials)),
        "plan": plan_hash(trials),
    } | ({"notes": "; ".join(notes)} if (notes := rules.notes(trials)) else {})


def planned(workspace: Workspace, spec: SweepSpec, where: Selector | None) -> dict[str, Any]:
    """What a run would do, and what it would cost. Writes nothing."""
    from orchestrator.ledger import Ledger
    from orchestrator.planning import facts_once, plan
    from orchestrator.roster import Roster
    from sweeps.cost import total_flops

    facts = facts_once()
    found = plan(Roster(workspace), spec, where)
    finished = Ledger(workspace).done()
    done = [p for p in found.serving if p.id in finished]
    todo = [p for p in found.serving if p.id not in finished]
    begun = [p for p in todo if workspace.checkpoint(p.id).exists()]
    done_trials = sum(1 for p in done for t in p.trial_ids if t in found.trials)
    left = [found.trials[t] for p in todo for t in p.trial_ids if t in found.trials]
    left += [t for p in found.new for t in p.trials]
    flops = total_flops(left, facts, macs_of_layers)
    low, high, basis = _seconds_per_flop(workspace, found.trials, facts, [p.id for p in done])
    packs = len(todo) + len(found.new)
    epochs = sum(t.epochs for t in left)
    return {
        "sweep": spec.name,
        "trials": len(found.trials),
        "trials_done": done_trials,
        "trials_to_do": len(left),
        "packs": len(found.serving) + len(found.new),
        "packs_done": len(done),
        "packs_begun": len(begun),
        "packs_to_do": packs,
        "flops": flops,
        "core_hours_p50": None if flops is None else flops * low / 3600,
        "core_hours_p90": None if flops is None else flops * high / 3600,
        "cost_basis": basis,
        "files": 2 * packs,  # a part and a log each; checkpoint and progress go when the pack is done
        "bytes": 1000 * len(left) + 12 * epochs,
        "plan": found.hash,
    }


@cache
def _macs(plain: Trial, facts: DatasetFacts) -> tuple[int, int]:
    from trainers.models.cost import macs

    return macs(plain, facts)


def macs_of_layers(trial: Trial, facts: DatasetFacts) -> tuple[int, int]:
    """Multiply-accumulates of models that only their own code knows; trials that differ in values share one count."""
    return _macs(replace(trial, seed=0, lr=0.0, normalizer=Choice("none"), split=0, epochs=1), facts)


def _seconds_per_flop(
    workspace: Workspace, trials: Mapping[str, Any], facts: Facts, done: list[str]
) -> tuple[float, float, str]:
    """The p50 and p90 of seconds per operation, from this sweep's own finished trials where there are any."""
    from orchestrator.ledger import Ledger
    from sweeps.cost import flops

    rates: list[float] = []
    if done:
        rows, _ = Ledger(workspace).read(done, ["trial_id", "seconds"])
        for trial_id, seconds in zip(rows["trial_id"].to_pylist(), rows["seconds"].to_pylist(), strict=True):
            trial = trials.get(trial_id)
            count = flops(trial, facts(trial.dataset), macs_of_layers) if trial is not None else None
            if count and seconds:
                rates.append(seconds / count)
    if not rates:
        assumed = 1 / ASSUMED_FLOPS_PER_SECOND
        return (
            assumed,
            3 * assumed,
            f"assumed: {ASSUMED_FLOPS_PER_SECOND / 1e9:.0f} GFLOP/s a core; p90 three times that",
        )
    rates.sort()
    return rates[len(rates) // 2], rates[len(rates) * 9 // 10], f"measured: {len(rates)} finished trials of this sweep"


def exported(workspace: Workspace, sweep: str, output: Path, where: Selector | None) -> str:
    """Writes the results as one Parquet file, replaced whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from orchestrator.publish import replace
    from orchestrator.results import table

    rows, problems = table(workspace, sweep)
    if where:
        keep = [where.matches(row) for row in rows.to_pylist()]
        rows = rows.filter(pa.array(keep, pa.bool_()))
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    replace(output.expanduser().resolve(), sink.getvalue().to_pybytes())
    return "\n".join([*problems, f"{len(rows)} trials in {output}"])


def listed(what: str) -> list[dict[str, Any]]:
    """Names, one sentence and the source of each."""
    from sweeps import vocabulary
    from sweeps.spec import presets

    entries = {
        "normalizers": vocabulary.NORMALIZERS,
        "activations": vocabulary.ACTIVATIONS,
        "models": vocabulary.MODELS,
        "schedules": vocabulary.SCHEDULES,
        "augmentations": vocabulary.AUGMENTATIONS,
    }
    if what == "presets":
        return [{"name": name, "what": text} for name, text in presets().items()]
    if what == "datasets":
        from trainers.data import REGISTRY, missing

        absent = missing(REGISTRY)
        return [{"name": name, "here": "no" if name in absent else "yes"} for name in REGISTRY]
    if what not in entries:
        raise ValueError(unknown("list", what, ("presets", "datasets", *entries)))
    return [
        {
            "name": name,
            "what": entry.summary,
            "source": entry.source,
            "options": ", ".join(f"{k}={v.default}" for k, v in entry.options.items()),
        }
        for name, entry in entries[what].items()
    ]


def show(answer: Mapping[str, Any] | list[dict[str, Any]]) -> None:
    """A table of a list of rows; lines of names and values of one answer."""
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True)
    if isinstance(answer, Mapping):
        width = max(map(len, answer))
        for name, value in answer.items():
            console.print(f"{name.replace('_', ' '):<{width}}  {_text(name, value)}", highlight=False, markup=False)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in answer[0] if answer else ():
        table.add_column(name, overflow="fold")
    for row in answer:
        table.add_row(*(str(v) for v in row.values()))
    console.print(table, highlight=False)


def _text(name: str, value: Any) -> str:
    if value is None:
        return "not known for this model"
    if name == "flops":
        return f"{value:.3g}"
    if name.startswith("core_hours"):
        return f"{value:.2f}" if value >= 0.1 else f"{value * 60:.1f} minutes"
    if name == "bytes":
        return f"{value / 1e6:.1f} MB"
    return str(value)
