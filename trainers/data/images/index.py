"""The record of an imported folder of images: what identifies it, and whether its files are still those.

`about.json` says what the folder is and names the index, which has a row a file: `file` (below the root), `bytes`,
`mtime` (ns), `sha256`, `label`, `part` (0 train, 1 validation, 2 test). The digest covers all of these but sizes and
times, and the rules of conversion that the pictures need. An index without a schema number covers names, sizes and
labels alone; its pictures become RGB by Pillow's own rule.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from sweeps.identity import digest, short
from trainers.data.bringing.placing import building, synced
from trainers.data.home import cache_home, folder_files
from trainers.data.images.conversion import Conversion, one_spelling
from trainers.data.reading import byte_digests, some
from trainers.data.splits import RULE

SCHEMA = 2
REPORT = "report.json"  # beside them: what the import said
LOOKED_AT = 10_000  # files whose sizes and times are compared before a use, evenly spaced
CHANGED = {"EXIF orientation", "16 bits", "alpha", "first frame"}  # kinds of which Pillow's rule makes other pixels
IDENTITY = ("file", "sha256", "label", "part")
RESTORE = "restore it, or import the folder again"

Columns = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """`parts`: images of each part, in the order of the rows. `rules`: those of conversion, with their revisions.
    `whole`: the files' bytes are known. `digest`: what identifies the data set to its trials.
    """

    root: Path
    parts: dict[str, int]
    columns: Columns
    digest: str
    rules: dict[str, Any]
    whole: bool = True

    @property
    def conversion(self) -> Conversion | None:
        """None where Pillow's own rule makes the same pixels, which is quicker, and where the trials saw them so."""
        needed = self.whole and self.rules.keys() & CHANGED
        return Conversion(background=self.rules.get("background", "white")) if needed else None


def content_digest(columns: Columns, rules: dict[str, Any]) -> str:
    """Of the files' names, bytes, labels and parts, and of how they become RGB."""
    return digest({"rule": RULE, "schema": SCHEMA, "conversion": rules, **{name: columns[name] for name in IDENTITY}})


def write(name: str, index: Index, more: dict[str, Any], report: dict[str, Any]) -> None:
    """Write the index, then `about.json`, which names it: a reader finds the old folder or the whole new one.

    `more`: what else `about.json` says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about_file, before = folder_files(name)
    content = content_digest(index.columns, index.rules)
    index_file = about_file.with_name(f"index-{short(content)}.parquet")
    about = {
        "name": name,
        "schema": SCHEMA,
        "root": str(index.root.resolve()),
        "parts": index.parts,
        "digest": index.digest,
        "content": content,
        "conversion": index.rules,
        "index": index_file.name,
    }
    with building(about_file.parent) as place:
        pq.write_table(pa.table(index.columns), place / index_file.name)
        (place / about_file.name).write_text(json.dumps(about | more))
        (place / REPORT).write_text(json.dumps(report))
        for target in (about_file.with_name(REPORT), index_file, about_file):
            synced(place / target.name)
            (place / target.name).replace(target)
    if folder_files(name)[1] != before:
        before.unlink(missing_ok=True)


def read(name: str, paths: tuple[Path, Path], how: str) -> Index:
    """UsageError for an index that is torn or of a newer schema, and when its folder is gone (`how`: the way out).

    `paths`: as of `folder_files`, which are asked for again where an import took their place.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about_file, index_file = paths
    try:
        about: dict[str, Any] = json.loads(about_file.read_bytes())
        with pq.ParquetFile(index_file) as file:
            columns: Columns = file.read().to_pydict()
        schema, rules = about.get("schema", 1), about.get("conversion", {})
        if schema > SCHEMA:
            raise UsageError(f"it has schema {schema}, this normsweep reads up to {SCHEMA}")
        made = content_digest(columns, rules) if schema == SCHEMA else digest({**columns, "rule": RULE})
        root, parts = Path(about["root"]), {part: int(count) for part, count in about["parts"].items()}
        if made != about["content" if schema == SCHEMA else "digest"] or len(columns["file"]) != sum(parts.values()):
            raise UsageError("it was altered")
        known = str(about["digest"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        if (others := folder_files(name)) != paths:
            return read(name, others, how)
        raise UsageError(f"the index of {name} cannot be read ({error}): {how}") from None
    if not root.is_dir():
        raise UsageError(f"{name}: {root} is gone; {how}")
    whole = schema == SCHEMA
    return Index(root=root, parts=parts, columns=columns, digest=known, rules=rules, whole=whole)


def inherited(name: str, new: Index) -> tuple[str, str]:
    """The digest that the folder of this name is to have, and the one that it had, empty where there was none.

    The same content keeps its digest. So does an index of names and sizes alone if its trials can only have seen the
    same pixels: the same files, none of them touched since by the file system's own clock, and no picture of which
    Pillow's rule makes other pixels.
    """
    paths = folder_files(name)
    try:
        old, written = read(name, paths, ""), paths[0].stat().st_mtime_ns
        if old.whole:
            rules = old.rules
            if "background" in rules:  # which an earlier import kept as it was typed
                rules = rules | {"background": one_spelling(rules["background"])}
            same = content_digest(old.columns, rules) == content_digest(new.columns, new.rules)
        else:
            same = (
                old.root == new.root.resolve()
                and all(old.columns[column] == new.columns[column] for column in ("file", "bytes", "label"))
                and "validation" not in new.parts
                and old.parts.get("test", 0) == new.parts.get("test", 0)
                and not new.rules.keys() & CHANGED
                and all((new.root / file).stat().st_ctime_ns < written for file in new.columns["file"])
            )
    except (UsageError, OSError):
        return new.digest, ""
    return (old.digest if same else new.digest), old.digest


def look(index: Index) -> None:
    """UsageError when a file is missing, of another size, or of another time and other bytes.

    Of many files `LOOKED_AT` are looked at. Files of other times whose bytes are the same are remembered in the cache.
    """
    files, n = index.columns["file"], len(index.columns["file"])
    count = min(n, LOOKED_AT if index.whole else n)
    touched: list[tuple[int, int]] = []
    for row in (i * n // count for i in range(count)):
        path, size = index.root / files[row], index.columns["bytes"][row]
        try:
            state = path.stat()
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}): restore it, or import again") from None
        if state.st_size != size:
            raise UsageError(f"{path} has {state.st_size} bytes, not {size}: {RESTORE}")
        if index.whole and state.st_mtime_ns != index.columns["mtime"][row]:
            touched.append((row, state.st_mtime_ns))
    if not touched:
        return
    known = cache_home() / "touched" / short(digest([index.digest, str(index.root), touched]))
    if known.exists():
        return
    compare(index, [row for row, _ in touched])
    with contextlib.suppress(OSError):  # then they are read again
        known.parent.mkdir(parents=True, exist_ok=True)
        known.touch()


def compare(index: Index, rows: Sequence[int]) -> None:
    """UsageError that names the files of these rows whose bytes are not those that were imported."""
    made = byte_digests(index.root, [index.columns["file"][row] for row in rows])
    problems = [problem for _, problem in made if problem]
    if problems:
        raise UsageError(f"{some(problems)}: {RESTORE}")
    altered = [
        str(index.root / index.columns["file"][row])
        for row, (content, _) in zip(rows, made, strict=True)
        if content != index.columns["sha256"][row]
    ]
    if len(altered) == 1:
        raise UsageError(f"{altered[0]} was altered since it was imported: {RESTORE}")
    if altered:
        raise UsageError(
            f"{len(altered):,} files were altered since they were imported: restore them, or import the folder again "
            f"({some(altered)})"
        )
