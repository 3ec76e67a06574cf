"""The verbs that read: what they answer, as plain data, and how that looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.workspace import Workspace
from sweeps.near import unknown
from sweeps.select import Selector
from sweeps.spec import SweepSpec


def checked(spec: SweepSpec, where: Selector | None) -> dict[str, Any]:
    """Trials, data sets and methods of a sweep that breaks no rule. ValueError with every problem of one that does."""
    from orchestrator.planning import check, facts_once
    from sweeps import rules
    from sweeps.plan import expand, plan_hash

    facts = facts_once()
    trials = expand(spec, facts, where)
    check(trials, facts)
    rules.divided(trials, spec.run.devices, spec.run.gpus)
    return {
        "sweep": spec.name,
        "trials": len(trials),
        "datasets": len({t.dataset for t in trials}),
        "normalizers": ", ".join(dict.fromkeys(str(t.normalizer) for t in trials)),
        "activations": ", ".join(dict.fromkeys(t.activation.name for t in trials)),
        "plan": plan_hash(trials),
    } | ({"notes": "; ".join(notes)} if (notes := rules.notes(trials)) else {})


def planned(workspace: Workspace, spec: SweepSpec, where: Selector | None, device: str = "") -> dict[str, Any]:
    """What a run would do, and what it would cost, on processors and on a GPU of the kind `device`. Writes nothing."""
    from orchestrator.hours import DEFAULT_GPU, core_hours, gpu, gpu_hours, timings, work
    from orchestrator.ledger import Ledger
    from orchestrator.planning import facts_once, plan
    from orchestrator.roster import Roster

    kind = gpu(device or DEFAULT_GPU)
    facts = facts_once()
    found = plan(Roster(workspace), spec, where)
    finished = Ledger(workspace).done()
    done = [p for p in found.serving if p.id in finished]
    todo = [p for p in found.serving if p.id not in finished]
    begun = [p for p in todo if workspace.checkpoint(p.id).exists()]
    done_trials = sum(1 for p in done for t in p.trial_ids if t in found.trials)
    wanted = [[found.trials[t] for t in p.trial_ids if t in found.trials] for p in todo]
    wanted += [list(p.trials) for p in found.new]
    left = sum(map(len, wanted))
    to_do = work(wanted, facts)
    timed = timings(workspace, found.trials, facts, [p.id for p in done])
    cores, gpus = core_hours(to_do, timed), gpu_hours(to_do, timed, kind)
    return {
        "sweep": spec.name,
        "trials": len(found.trials),
        "trials_done": done_trials,
        "trials_to_do": left,
        "packs": len(found.serving) + len(found.new),
        "packs_done": len(done),
        "packs_begun": len(begun),
        "packs_to_do": len(wanted),
        "flops": None if any(pack.flops is None for pack in to_do) else sum(pack.flops or 0.0 for pack in to_do),
        "core_hours_p50": cores.p50,
        "core_hours_p90": cores.p90,
        "core_hours_basis": cores.basis,
        "gpu": kind.name,
        "gpu_hours_p50": gpus.p50,
        "gpu_hours_p90": gpus.p90,
        "gpu_hours_basis": gpus.basis,
        "files": 2 * len(wanted),  # a part and a log each; checkpoint and progress go when the pack is done
        "bytes": 1000 * left + 12 * sum(t.epochs for members in wanted for t in members),
        "plan": found.hash,
    }


def exported(workspace: Workspace, sweep: str, output: Path, where: Selector | None) -> str:
    """Writes the results as one Parquet file, replaced whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from orchestrator.publish import replace
    from orchestrator.result_table import table

    rows, problems = table(workspace, sweep, where=where)
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
        from trainers.data import missing, names

        absent = missing(names())
        return [{"name": name, "here": "no" if name in absent else "yes"} for name in names()]
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
    if isinstance(value, float) and "_hours_" in name:
        return f"{value:.2f}" if value >= 0.1 else f"{value * 60:.1f} minutes"
    if name == "bytes":
        return f"{value / 1e6:.1f} MB"
    return str(value)
