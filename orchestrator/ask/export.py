"""`normsweep export`: the results of a recorded sweep as one file."""

from __future__ import annotations

from pathlib import Path

from orchestrator.store import Store
from sweeps.select import Selector


def exported(store: Store, sweep: str, output: Path, where: Selector | None) -> str:
    """Writes the results as one Parquet file, replaced whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from orchestrator.store.files import replace
    from orchestrator.store.results import table

    rows, problems = table(store, sweep, where=where)
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    replace(output.expanduser().resolve(), sink.getvalue().to_pybytes())
    return "\n".join([*problems, f"{len(rows)} trials in {output}"])
