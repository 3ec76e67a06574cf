"""`normsweep power`: how many more seeds decide what is open, as a sweep file that runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from orchestrator.ask.report import asked_of, shown
from orchestrator.store import Store
from orchestrator.words import counted
from sweeps.errors import UsageError
from sweeps.file.spec import SweepSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Power:
    """What each open comparison takes, in all. `seeds_wanted`: what decides all of them on these data sets; 0: none is
    open there. `file`: the sweep with so many, null where none was written."""

    sweep: str
    rope: float
    seeds: int
    seeds_wanted: int
    file: str | None
    comparisons: list[dict[str, Any]]
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        lines = [_sentence(line, self.rope) for line in self.comparisons]
        if not self.comparisons:
            lines = [f"every declared comparison of {self.sweep} is decided"]
        if self.seeds_wanted:
            hardest = max(self.rows, key=lambda row: row["seeds"] or 0)
            if len(self.rows) > 1 and hardest["seeds"]:
                row = ", ".join(map(str, hardest["row"]))
                lines.append(f"by itself {row} takes the most: {hardest['seeds']:,} seeds")
            lines.append(f"{self.seeds_wanted:,} seeds in all, {self.seeds} are there")
        return "\n".join([*lines, *([f"written: {self.file}; `normsweep run {self.file}`"] if self.file else [])])


def _sentence(line: dict[str, Any], rope: float) -> str:
    ways = [
        *([f"{line['seeds']:,} seeds decide it on these data sets"] if line["seeds"] else []),
        *([f"{counted(line['data_sets'], 'data set')} like these decide it on others"] if line["data_sets"] else []),
    ]
    return f"{line['method']} against {line['against']}, at {rope:g}: {'; '.join(ways) or 'no number that is of use'}"


def power(store: Store, sweep: str, output: Path | None) -> Power:
    """The seeds and data sets that decide what is open; with `output`, writes the sweep with so many seeds.

    UsageError where no number can be given: a single seed, no region of equivalence, seeds that are tied to other
    settings.
    """
    from analysis.comparing.needs import needs, seeds_by_row
    from analysis.findings import Findings

    if output is not None and output.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"{output}: a sweep file's name ends in .yaml or .yml")
    asked = asked_of(store, sweep)
    findings = Findings(asked.frame, asked.question)
    if not findings.question.rope:
        raise UsageError("`analysis.rope` is 0: no number of seeds shows that methods differ by nothing; set it")
    if not findings.replicated:
        raise UsageError(
            f"sweep {sweep} has no two seeds to take a variance from: run it with --set seed=0..2, then ask again"
        )
    found = needs(findings)
    wanted = max((need.seeds or 0 for need in found), default=0)
    lines = [
        {
            "method": findings.names[need.column],
            "against": findings.names[need.against],
            "seeds": need.seeds,
            "data_sets": need.units,
        }
        for need in found
    ]
    return Power(
        sweep=sweep,
        rope=findings.question.rope,
        seeds=len(findings.amounts.replicates),
        seeds_wanted=wanted,
        file=_written(asked.spec, wanted, output) if output and wanted else None,
        comparisons=lines,
        rows=[{"row": list(row), "seeds": seeds} for row, seeds in seeds_by_row(findings).items()] if wanted else [],
    )


def _written(spec: SweepSpec, seeds: int, output: Path) -> str:
    """Writes the sweep with so many seeds, those that it has among them, as a sweep file of the same name."""
    from orchestrator.store.files import replace

    given = spec.trial.settings.get("seed")
    if given is None:
        raise UsageError(f"the seeds of {spec.name} are zipped or drawn with other settings: add {seeds} seeds by hand")
    own = [seed for seed in given if isinstance(seed, int)]
    chosen = sorted([*own, *islice((seed for seed in count() if seed not in own), max(0, seeds - len(own)))])
    data = spec.as_json()
    data["trial"]["seed"] = chosen if chosen[-1] - chosen[0] >= len(chosen) else f"{chosen[0]}..{chosen[-1]}"
    data["plugins"] = [plugin.file for plugin in spec.plugins]
    path = output.expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, _yaml(data).encode())
    return shown(path)


def _yaml(data: dict[str, Any]) -> str:
    """A sweep file: a line a setting, its value as JSON, which YAML is a superset of."""
    lines = [f"name: {json.dumps(data['name'])}"]
    for section in ("trial", "run", "analysis"):
        lines += [f"{section}:", *(f"  {name}: {json.dumps(value)}" for name, value in data[section].items())]
    lines += [f"plugins: {json.dumps(data['plugins'])}"] * bool(data["plugins"])
    return "\n".join(lines) + "\n"
