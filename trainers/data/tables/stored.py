"""Keeping a table's features, labels and splits as Parquet, and reading them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.identity import short
from trainers.data.bringing.placing import building, synced
from trainers.data.dataset import Dataset, assemble
from trainers.data.home import table_folder
from trainers.data.listings.listing import Listing
from trainers.data.tables import about as tables
from trainers.data.tables.about import ABOUT


def keep(dataset: Dataset, about: dict[str, Any]) -> None:
    """Write the rows, then `about.json`, which names their file: a reader finds the old table or the whole new one.

    The old one's rows go, those of another import that runs beside this one stay.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = dataset.facts.name
    target, before = table_folder(name), tables.files(name)[1]
    file = f"rows-{short(dataset.facts.digest)}.parquet"
    columns: dict[str, Any] = {f"f{j}": dataset.x[:, j] for j in range(dataset.x.shape[1])}
    columns |= {f"split{k}": row for k, row in enumerate(dataset.codes)}
    with building(target) as place:
        pq.write_table(pa.table({**columns, "label": dataset.y}), place / file)
        (place / ABOUT).write_text(json.dumps({**about, "file": file}, indent=1, ensure_ascii=False), "utf-8")
        for made in (file, ABOUT):
            synced(place / made)
            (place / made).replace(target / made)
    if before not in (target / file, tables.files(name)[1]):
        before.unlink(missing_ok=True)


def read(name: str, listing: Listing, about_file: Path) -> Dataset:
    """The data set. UsageError, with the way out, when its files are torn or not what was imported."""
    import pyarrow as pa

    try:
        try:
            about, table = _read(about_file)
        except FileNotFoundError:  # the table was replaced between the two files
            about, table = _read(about_file)

        def column(name: str) -> NDArray[Any]:
            return np.from_dlpack(table.column(name).combine_chunks())  # to_numpy imports pandas

        x = np.empty((table.num_rows, len(about["features"])), dtype=np.float32)
        for j in range(x.shape[1]):
            x[:, j] = column(f"f{j}")
        codes = np.stack([column(f"split{k}") for k in range(len(about["splits"]))])
        dataset = assemble(name, x, column("label").copy(), len(about["classes"]), codes=codes, seeded=False)
        if dataset.facts.digest != about["digest"]:
            raise UsageError("it was altered")
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise UsageError(f"{name} cannot be read ({str(error).splitlines()[0]}): {listing.how}") from None
    return dataset


def _read(about_file: Path) -> tuple[dict[str, Any], Any]:
    """`about.json`, and the rows that it names as a table of pyarrow's."""
    import pyarrow.parquet as pq

    about: dict[str, Any] = json.loads(about_file.read_bytes())
    with pq.ParquetFile(about_file.parent / about["file"], memory_map=True) as file:
        return about, file.read()
