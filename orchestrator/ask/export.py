"""`normsweep export`: the results of a recorded sweep as one file."""

from __future__ import annotations

from pathlib import Path

from orchestrator.store import Store
from sweeps.select import Selector


def exported(store: Store, sweep: str, output: Path, where: Selector | None) -> str:
    """Writes the results as one file, replaced whole, in the form that its ending names. UsageError for another one."""
    from analysis.table_file import encoded, ending
    from orchestrator.store.files import replace
    from orchestrator.store.results import complete

    kind = ending(output)
    rows, problems = complete(store, sweep, where=where)
    path = output.expanduser().resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, encoded(rows, kind))
    return "\n".join([*problems, f"{len(rows)} trials in {output}"])
