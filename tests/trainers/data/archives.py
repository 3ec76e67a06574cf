"""Small archives with the very layout of the published ones."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image


def real_table(real: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and codes (splits, n) of a published set."""
    table = pq.read_table(real / "uci" / f"{name}.parquet")
    columns = [column.to_numpy() for column in table.columns]
    folds = json.loads((real / "uci" / f"{name}.folds.json").read_text())["folds"]
    codes = np.array([[int(code) for code in fold] for fold in folds])
    return np.stack(columns[:-1], axis=1), columns[-1].astype(int), codes


def snn_members(real: Path, name: str) -> dict[str, str]:
    """The four files that the SNN bundle has of a data set."""
    x, y, codes = real_table(real, name)
    folder = f"data/{name}/"
    return {
        f"{folder}{name}_py.dat": lines(",".join(map(str, row)) for row in x),
        f"{folder}labels_py.dat": lines(map(str, y)),
        f"{folder}folds_py.dat": lines(",".join(str(int(code == 2)) for code in row) for row in codes.T),
        f"{folder}validation_folds_py.dat": lines(",".join(str(int(code == 1)) for code in row) for row in codes.T),
    }


def collection_members(real: Path, name: str, train: int | None = None) -> dict[str, str]:
    """R's tables of the original collection, in two files where there is an official test part."""
    x, y, _ = real_table(real, name)

    def table(first: int, last: int) -> str:
        head = "\t" + "\t".join(f"f{j + 1}" for j in range(x.shape[1])) + "\tclase"
        rows = ("\t".join([str(i - first + 1), *map(str, x[i]), str(y[i])]) for i in range(first, last))
        return lines([head, *rows])

    members = {f"{name}/{name}.txt": "n_patrons1= 1\n", f"{name}/conxuntos_kfold.dat": "1 2 3\n"}
    if train is None:
        return members | {f"{name}/{name}_R.dat": table(0, len(y))}
    return members | {f"{name}/{name}_train_R.dat": table(0, train), f"{name}/{name}_test_R.dat": table(train, len(y))}


def lines(rows: object) -> str:
    return "".join(f"{row}\n" for row in rows)  # type: ignore[attr-defined]


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, members: Mapping[str, str | bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            content = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def cifar_members(x: np.ndarray, y: np.ndarray, *, hundred: bool = False) -> dict[str, bytes]:
    """Batches as Python 2 pickled them; a sixth (of cifar100 a third) of the images tests. x is (n, 3, 32, 32)."""
    files = ["train", "train", "test"] if hundred else [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    folder, key = ("cifar-100-python/", "fine_labels") if hundred else ("cifar-10-batches-py/", "labels")
    size = len(y) // len(files)
    cuts = {"train": slice(0, 2 * size), "test": slice(2 * size, None)} if hundred else {}
    return {
        folder + file: pickled({"batch_label": file, key: y[cut].tolist(), "data": x[cut].reshape(-1, 3072)})
        for i, file in enumerate(files)
        for cut in [cuts.get(file, slice(i * size, (i + 1) * size))]
    }


def pickled(batch: Mapping[str, object]) -> bytes:
    """Protocol 2 as Python 2's cPickle and NumPy 1 wrote it: strings of bytes, numpy.core.multiarray."""
    body = b"".join(_old(key) + _old(value) for key, value in batch.items())
    return b"\x80\x02}(" + body + b"u."


def _old(value: object) -> bytes:
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode()
    if isinstance(value, list):
        return b"](" + b"".join(b"K" + bytes([item]) for item in value) + b"e"
    assert isinstance(value, np.ndarray)
    shape = b"".join(b"J" + struct.pack("<i", axis) for axis in value.shape)
    code = "u1" if value.dtype == np.uint8 else value.dtype.str[1:]
    content = value.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01("
        + shape
        + b"tcnumpy\ndtype\n(U"
        + bytes([len(code)])
        + code.encode()
        + b"K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", len(content))
        + content
        + b"tb"
    )


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def harmful() -> bytes:
    return pickle.dumps({"data": Harmful(), "labels": [0]}, protocol=2)


def jpeg(shade: int, width: int, height: int, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (width, height), shade if mode == "L" else (shade, 0, 255 - shade)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def idx(values: np.ndarray) -> bytes:
    """MNIST's format, compressed."""
    head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(head + values.astype(np.uint8).tobytes())
