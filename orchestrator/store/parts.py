"""Parts: a pack's results as one Parquet file, a row a trial, with checksums and the number of its schema.

A new schema is a new `PART_SCHEMA` in `sweeps.records`, one function in `PAST`, and one golden workspace in
`tests/golden`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store.codec import newer
from orchestrator.store.roster import RosterPack
from sweeps.errors import DamagedError
from sweeps.identity import canonical
from sweeps.records import COLUMNS, NAMED, PART_SCHEMA
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.settings import CHOICES
from sweeps.words.vocabulary import resolved


def _with_source(table: pa.Table) -> pa.Table:
    return table.append_column("source", pa.nulls(len(table), pa.string()))


def _with_metrics(table: pa.Table) -> pa.Table:
    for name in (f"{part}_{metric}" for metric in NAMED.values() for part in ("val", "test")):
        table = table.append_column(name, pa.nulls(len(table), TYPES["double"]))
        table = table.append_column(f"curve_{name}", pa.nulls(len(table), TYPES["list<float>"]))
    return table


# By the number of a past schema: makes a whole table of it one of the next number.
PAST: Mapping[int, Callable[[pa.Table], pa.Table]] = {1: _with_source, 2: _with_metrics}
REMEDY = "`normsweep run` sets it aside and trains its pack again"
PROGRESS_REMEDY = "remove it; the next checkpoint of its pack writes it anew"
_SCHEMA_KEY = b"normsweep.part_schema"
TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "list<float>": pa.list_(pa.float32()),
}


def schema() -> pa.Schema:
    fields = [pa.field(name, TYPES[kind]) for name, kind in COLUMNS.items()]
    return pa.schema(fields, metadata={_SCHEMA_KEY: str(PART_SCHEMA).encode()})


def encode(rows: Sequence[dict[str, Any]]) -> bytes:
    """A part's bytes: Parquet with a checksum on every page, so that damage is noticed."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([row | {"failure": _text(row.get("failure"))} for row in rows], schema=schema())
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def _text(failure: str | None) -> str | None:
    """What an error says may hold characters that no text in a file can: a failure is recorded all the same."""
    return failure and failure.encode(errors="backslashreplace").decode()


def decode(path: Path, columns: Sequence[str] | None = None, remedy: str = REMEDY) -> pa.Table:
    """A part as a table of this program's schema, whichever it was written in.

    Raises DamagedError, with the `remedy`, when the file is torn, damaged or of a schema newer than this program.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            written = (file.metadata.metadata or {}).get(_SCHEMA_KEY)
            if written is None or not written.isdigit():
                raise DamagedError(f"{path} is not a part of a ledger: {remedy}")
            if int(written) > PART_SCHEMA:
                raise newer(path, int(written), PART_SCHEMA)
            if int(written) < PART_SCHEMA:
                return newest(file.read(), int(written)).select(list(columns or COLUMNS))
            return file.read(columns=list(columns or COLUMNS))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DamagedError(f"{path} is torn or damaged ({str(error).splitlines()[0]}): {remedy}") from error


def newest(table: pa.Table, number: int) -> pa.Table:
    """A whole table of schema `number` as one of this program's schema."""
    for past in range(number, PART_SCHEMA):
        table = PAST[past](table)
    return table


def part_rows(
    pack: RosterPack, results: Sequence[Mapping[str, Any]], circumstances: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One row per trial of the pack, in its order, with the columns of `sweeps.records`."""
    return [
        {**axes(pack.id, trial_id, trial), **result, **circumstances}
        for trial_id, trial, result in zip(pack.trial_ids, pack.trials, results, strict=True)
    ]


def axes(pack: str, trial_id: str, trial: Trial) -> dict[str, Any]:
    return {
        "trial_id": trial_id,
        "pack_id": pack,
        "trial": trial.canonical(),
        "dataset": trial.dataset,
        "digest": trial.digest,
        "split": trial.split,
        "model": shown("model", trial.model),
        "depth": trial.depth,
        "width": trial.width,
        "activation": shown("activation", trial.activation),
        "normalizer": trial.normalizer.name,
        "normalizer_options": canonical(dict(trial.normalizer.options)),
        "batch_size": trial.batch_size,
        "seed": trial.seed,
    }


def shown(kind: str, choice: Choice) -> str:
    """The name, and the options that are not at their defaults: `relu`, `lrelu(slope=0.2)`."""
    if choice.name not in CHOICES[kind]:  # a composition, or what a plug-in declares that is not read here
        return str(choice)
    options = CHOICES[kind][choice.name].options
    filled = resolved(options, choice.as_dict() | {name: None for name, option in options.items() if option.by})
    usual = {name: filled[name] if option.by else option.default for name, option in options.items()}
    return str(Choice(choice.name, tuple((k, v) for k, v in choice.options if v != usual[k])))
