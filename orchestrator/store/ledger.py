"""The ledger: one immutable Parquet part a pack, the truth of a workspace. A pack is done when its part exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store.cache import Cache, Stamp, of_packs, stamp
from orchestrator.store.files import TEMPORARY, Disk
from orchestrator.store.parts import decode, encode, schema
from orchestrator.store.workspace import Workspace
from sweeps.errors import DamagedError
from sweeps.records import COLUMNS


class Ledger:
    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk
        self._cache = Cache(workspace, schema())

    def publish(self, pack: str, rows: Sequence[dict[str, Any]]) -> bool:
        """Publishes a pack's part. False when it is there already: doing a pack twice changes nothing."""
        return self._disk.publish(self._workspace.part(pack), encode(rows))

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
