"""The ledger: one immutable Parquet part a pack, the truth of a workspace. A pack is done when its part exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store.cache import Cache, Stamp, of_packs, stamp
from orchestrator.store.files import TEMPORARY, publish
from orchestrator.store.part_schemas import newest
from orchestrator.store.workspace import Workspace
from sweeps.errors import DamagedError
from sweeps.records import COLUMNS, PART_SCHEMA

_SCHEMA_KEY = b"normsweep.part_schema"
_TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "list<float>": pa.list_(pa.float32()),
}


def schema() -> pa.Schema:
    fields = [pa.field(name, _TYPES[kind]) for name, kind in COLUMNS.items()]
    return pa.schema(fields, metadata={_SCHEMA_KEY: str(PART_SCHEMA).encode()})


def encode(rows: Sequence[dict[str, Any]]) -> bytes:
    """A part's bytes: Parquet with a checksum on every page, so that damage is noticed."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(list(rows), schema=schema())
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def decode(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A part as a table of this program's schema, whichever it was written in.

    Raises DamagedError when the file is torn, damaged or of a schema newer than this program.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            written = (file.metadata.metadata or {}).get(_SCHEMA_KEY)
            if written is None or int(written) > PART_SCHEMA:
                number = written.decode() if written else "without a number"
                raise DamagedError(f"{path} is of schema {number}; this program reads up to {PART_SCHEMA}: update it")
            if int(written) < PART_SCHEMA:
                return newest(file.read(), int(written)).select(list(columns or COLUMNS))
            return file.read(columns=None if columns is None else list(columns))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DamagedError(f"{path} is torn or damaged ({str(error).splitlines()[0]})") from error


class Ledger:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cache = Cache(workspace, schema())

    def publish(self, pack: str, rows: Sequence[dict[str, Any]]) -> bool:
        """Publishes a pack's part. False when it is there already: doing a pack twice changes nothing."""
        return publish(self._workspace.part(pack), encode(rows))

    def done(self) -> set[str]:
        """The packs that have a part."""
        if not self._workspace.parts.is_dir():
            return set()
        return {p.stem for p in self._workspace.parts.iterdir() if not p.name.startswith(TEMPORARY)}

    def read(self, packs: Iterable[str], columns: Sequence[str] | None = None) -> tuple[pa.Table, list[str]]:
        """The rows of these packs, in no order, and one sentence for each part that cannot be read."""
        names = list(columns or COLUMNS)
        wanted = set(packs)
        cached = self._cache.read([*names, *({"pack_id"} - set(names))])
        fresh = [name for name in sorted(wanted) if cached.parts.get(name) != self._stamp(name)]
        kept = wanted.difference(fresh)
        tables: list[pa.Table] = []
        if cached.table is not None and kept:
            whole = kept.issuperset(cached.parts)  # to pick rows, pyarrow imports pandas: longer than all the reading
            tables.append((cached.table if whole else of_packs(cached.table, kept)).select(names))
        problems: list[str] = []
        for pack in fresh:
            try:
                tables.append(decode(self._workspace.part(pack), names))
            except FileNotFoundError:
                continue
            except DamagedError as problem:
                problems.append(str(problem))
        plain = pa.schema([schema().field(name) for name in names])
        found = [table.cast(plain) for table in tables] or [plain.empty_table()]
        return pa.concat_tables(found).combine_chunks(), problems

    def renew_cache(self, packs: Iterable[str]) -> bool:
        """Merges these packs' parts into the cache, when enough of them are new to be worth it."""
        return self._cache.renew(packs, decode)

    def set_torn_aside(self, packs: Iterable[str]) -> list[str]:
        """Moves parts that cannot be read to `torn/`, so that their packs are trained again; one sentence for each.

        Looks at the parts that are not in the cache: those were whole when they were merged. A part of a newer schema
        is left alone: it is not torn, this program is old.
        """
        told: list[str] = []
        known = self._cache.included()
        for pack in packs:
            path = self._workspace.part(pack)
            try:
                if known.get(pack) == stamp(path):
                    continue
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    file.read()
            except FileNotFoundError:
                continue
            except (pa.ArrowInvalid, OSError) as error:
                self._workspace.torn.mkdir(parents=True, exist_ok=True)
                number = sum(1 for _ in self._workspace.torn.glob(f"{pack}*"))
                aside = self._workspace.torn / f"{pack}.{number}.parquet"
                path.rename(aside)
                told.append(
                    f"{path.name} was torn ({str(error).splitlines()[0]}): moved to {aside}, its pack runs again"
                )
        return told

    def _stamp(self, pack: str) -> Stamp | None:
        try:
            return stamp(self._workspace.part(pack))
        except FileNotFoundError:
            return None
