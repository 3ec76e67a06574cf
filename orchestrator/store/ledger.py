"""The ledger: one immutable Parquet part a pack, the truth of a workspace. A pack is done when its part exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store.files import TEMPORARY, Disk
from orchestrator.store.parts import decode, encode, schema
from orchestrator.store.tables import readings as readings_files
from orchestrator.store.tables.cache import Cache, Stamp, of_packs, stamp
from orchestrator.store.workspace import Workspace
from sweeps.errors import DamagedError
from sweeps.records import COLUMNS


class Ledger:
    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk
        self._cache = Cache(workspace, schema())

    def publish(
        self, pack: str, rows: Sequence[dict[str, Any]], readings: Sequence[Sequence[dict[str, Any]]] = ()
    ) -> bool:
        """Publishes a pack's part and, before it, what its probes saw of each row's trial, if they saw anything.

        False when the part is there already: doing a pack twice changes nothing.
        """
        if any(readings):
            ids = [row["trial_id"] for row in rows]
            self._disk.publish(self._workspace.readings_of(pack), readings_files.encode(ids, readings))
        return self._disk.publish(self._workspace.part(pack), encode(rows))

    def readings(self, packs: Iterable[str]) -> tuple[pa.Table, list[str]]:
        """What the probes of these packs, which are done, saw, and one sentence for each file that cannot be read."""
        return readings_files.together(
            map(self._workspace.readings_of, packs) if self._workspace.readings.is_dir() else ()
        )

    def done(self) -> set[str]:
        """The packs that have a part."""
        return _packs(self._workspace.parts)

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
        """Moves parts that cannot be read to `torn/`, so that their packs are trained again; one sentence for each. A
        part whose readings cannot be read goes with them.

        Looks at the parts that are not in the cache: those were whole when they were merged. What is of a newer schema
        is left alone: it is not torn, this program is old.
        """
        known, with_readings = self._cache.included(), _packs(self._workspace.readings)
        sentences: list[str] = []
        for pack in packs:
            part = self._workspace.part(pack)
            files = [part, *([self._workspace.readings_of(pack)] if pack in with_readings else [])]
            try:
                if known.get(pack) == stamp(part):
                    continue
                reasons = [reason for path in files if (reason := _torn(path))]
            except FileNotFoundError:
                continue
            if reasons:
                # The part last: without it what is left of the pack counts for nothing.
                *_, aside = [self._set_aside(pack, path) for path in reversed(files)]
                sentences.append(f"{part.name} was torn ({reasons[0]}): moved to {aside}, its pack runs again")
        return sentences

    def _set_aside(self, pack: str, path: Path) -> Path:
        self._workspace.torn.mkdir(parents=True, exist_ok=True)
        number = sum(1 for _ in self._workspace.torn.glob(f"{pack}*"))
        return path.rename(self._workspace.torn / f"{pack}.{number}.parquet")

    def _stamp(self, pack: str) -> Stamp | None:
        try:
            return stamp(self._workspace.part(pack))
        except FileNotFoundError:
            return None


def _packs(folder: Path) -> set[str]:
    """The packs that have a file there."""
    return {p.stem for p in folder.iterdir() if not p.name.startswith(TEMPORARY)} if folder.is_dir() else set()


def _torn(path: Path) -> str:
    """Why a Parquet file cannot be read; "" when it can."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            file.read()
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        return str(error).splitlines()[0]
    return ""
