"""The merged copy of many parts, so that a large ledger opens fast. Deleting it is harmless.

`cache/parts.parquet` holds the rows of the parts that its metadata names, each with size and time of change. Readers
take it and the newer parts. It is replaced whole, and read through one open file, so a reader never sees two versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestrator.store.files import replaced_whole
from orchestrator.store.workspace import Workspace
from sweeps.errors import DamagedError

LEAST = 64  # parts that are worth a merged copy
GROWTH = 0.25  # it is made anew when so large a share of parts is not in it
_PARTS = b"normsweep.parts"
_ROWS = 8192  # of a row group: bounds the memory of making the copy

Stamp = tuple[int, int]  # size in bytes, time of change in nanoseconds


@dataclass(frozen=True)
class Cached:
    """What the copy held when it was read: rows of the asked columns, and the parts that it includes."""

    table: pa.Table | None
    parts: dict[str, Stamp]


def stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class Cache:
    def __init__(self, workspace: Workspace, schema: pa.Schema) -> None:
        self._workspace = workspace
        self._path = workspace.cache / "parts.parquet"
        self._schema = schema

    def included(self) -> dict[str, Stamp]:
        """The parts whose rows the copy holds, as they were; empty when there is no copy that can be read."""
        return self.read(None).parts

    def read(self, columns: Sequence[str] | None) -> Cached:
        """The copy's rows of these columns; without columns only the names of its parts."""
        try:
            with pq.ParquetFile(self._path, page_checksum_verification=True) as file:
                metadata = file.metadata.metadata or {}
                parts = {name: (size, time) for name, size, time in json.loads(metadata[_PARTS])}
                if any(metadata.get(key) != value for key, value in (self._schema.metadata or {}).items()):
                    return Cached(None, {})  # of another schema
                return Cached(None if columns is None else file.read(columns=list(columns)), parts)
        except (FileNotFoundError, pa.ArrowInvalid, OSError, KeyError, ValueError):
            return Cached(None, {})

    def renew(self, parts: Iterable[str], decode: Callable[[Path], pa.Table]) -> bool:
        """Makes the copy anew when too many of these parts are not in it. Parts that cannot be read are left out."""
        stamps: dict[str, Stamp] = {}
        for name in parts:
            try:
                stamps[name] = stamp(self._workspace.part(name))
            except FileNotFoundError:
                continue
        known = self.included()
        missing = sum(1 for name, now in stamps.items() if known.get(name) != now)
        if missing < max(LEAST, GROWTH * len(stamps)):
            return False
        with replaced_whole(self._path) as temporary:
            self._write(temporary, stamps, decode)
        return True

    def _write(self, path: Path, stamps: dict[str, Stamp], decode: Callable[[Path], pa.Table]) -> None:
        written: dict[str, Stamp] = {}
        with pq.ParquetWriter(path, self._schema, compression="zstd", write_page_checksum=True) as writer:
            waiting: list[pa.Table] = []
            for name, now in stamps.items():
                try:
                    waiting.append(decode(self._workspace.part(name)).select(self._schema.names))
                except (FileNotFoundError, DamagedError):
                    continue
                written[name] = now
                if sum(map(len, waiting)) >= _ROWS:
                    writer.write_table(pa.concat_tables(waiting).replace_schema_metadata(self._schema.metadata))
                    waiting = []
            if waiting:
                writer.write_table(pa.concat_tables(waiting).replace_schema_metadata(self._schema.metadata))
            listed = [[name, *now] for name, now in written.items()]
            writer.add_key_value_metadata({_PARTS: json.dumps(listed).encode()})


def of_packs(table: pa.Table, packs: Iterable[str]) -> pa.Table:
    """The rows of these packs."""
    return table.filter(pc.field("pack_id").isin(list(packs)))
