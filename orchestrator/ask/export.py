"""`normsweep export`: the results of a recorded sweep as one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.store import Store
from sweeps.errors import UsageError
from sweeps.select import Selector


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """How many trials the file holds; `problems`: results that cannot be read."""

    file: str
    trials: int
    problems: list[str]

    def __str__(self) -> str:
        return "\n".join([*self.problems, f"{self.trials} trials in {self.file}"])


def exported(store: Store, sweep: str, output: Path, where: Selector | None, *, of_probes: bool = False) -> Exported:
    """Writes the results, or what probes saw, as one file, replaced whole, in the form that its ending names.

    UsageError for another one, and where no probe saw anything.
    """
    from analysis.table_file import encoded, ending
    from orchestrator.store.files import replace
    from orchestrator.store.results import complete, readings

    kind = ending(output)
    rows, problems = (readings if of_probes else complete)(store, sweep, where=where)
    if of_probes and not len(rows) and not problems:
        raise UsageError(f"sweep {sweep} has nothing of probes yet: name some under `record` in its `trial` section")
    path = output.expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, encoded(rows, kind))
    return Exported(file=str(output), trials=len(set(rows["trial_id"].to_pylist())), problems=problems)
