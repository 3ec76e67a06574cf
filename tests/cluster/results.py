"""Results as bytes, to be compared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.cluster.conftest import Cluster

CIRCUMSTANCES = ["seconds", "attempts"]


def exported(cluster: Cluster, workspace: Path, target: Path) -> bytes:
    """The export's bytes, without the columns that tell how the results came about."""
    cluster.normsweep("export", "cluster", "-o", str(target), "--workspace", str(workspace))
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(target).drop_columns(CIRCUMSTANCES), sink)
    return sink.getvalue().to_pybytes()
