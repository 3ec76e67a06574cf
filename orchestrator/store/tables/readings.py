"""What the probes of a pack saw: a Parquet file beside its part, a row a number.

It is published before the part, so that a pack which is done has it; of two the first stays, as with parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store.codec import newer
from orchestrator.store.parts import TYPES
from sweeps.errors import DamagedError
from sweeps.records import READINGS, READINGS_SCHEMA

REMEDY = "move it and the part of its name away, and `normsweep run` trains the pack again"
_SCHEMA_KEY = b"normsweep.readings_schema"


def schema() -> pa.Schema:
    fields = [pa.field(name, TYPES[kind]) for name, kind in READINGS.items()]
    return pa.schema(fields, metadata={_SCHEMA_KEY: str(READINGS_SCHEMA).encode()})


def encode(trial_ids: Sequence[str], readings: Sequence[Sequence[dict[str, Any]]]) -> bytes:
    """The file's bytes, with a checksum on every page. `readings`: those of each trial, in the order of the ids."""
    sink = pa.BufferOutputStream()
    rows = [{"trial_id": i, **row} for i, own in zip(trial_ids, readings, strict=True) for row in own]
    table = pa.Table.from_pylist(rows, schema=schema())
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def decode(path: Path) -> pa.Table:
    """Raises DamagedError when the file is torn, damaged or of a schema newer than this program."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            written = (file.metadata.metadata or {}).get(_SCHEMA_KEY)
            if written is None or not written.isdigit():
                raise DamagedError(f"{path} holds no readings of probes: {REMEDY}")
            if int(written) > READINGS_SCHEMA:
                raise newer(path, int(written), READINGS_SCHEMA)
            return file.read(columns=list(READINGS))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DamagedError(f"{path} is torn or damaged ({str(error).splitlines()[0]}): {REMEDY}") from error


def together(paths: Iterable[Path]) -> tuple[pa.Table, list[str]]:
    """The rows of those of these files that there are, and one sentence for each that cannot be read."""
    tables, problems = [schema().empty_table()], list[str]()
    for path in paths:
        try:
            tables.append(decode(path))
        except FileNotFoundError:  # of a pack that failed, or has no probe
            continue
        except DamagedError as problem:
            problems.append(str(problem))
    return pa.concat_tables([table.replace_schema_metadata(None) for table in tables]), problems
