"""Image sets from their archives, part by part into an `ArrayWriter`."""

from __future__ import annotations

import gzip
import pickle  # only through `_Unpickler`, which builds nothing but arrays
import struct
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.bringing.bundle import Bundle
from trainers.data.bringing.placing import ArrayWriter
from trainers.data.decoding import decode

Images = NDArray[np.uint8]
BATCH = 512  # images decoded before they are written


class _Unpickler(pickle.Unpickler):
    """Reads CIFAR's batches: dictionaries of lists, strings and arrays; any other name in the file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("_core", "core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.ndarray.__reduce__(np.zeros(0))[0]
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes for protocol 2
            return _encoded
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR archive does")


def _encoded(text: str, _: str) -> bytes:
    return text.encode("latin1")


def cifar(bundle: Bundle, writer: ArrayWriter) -> None:
    """cifar-10-batches-py/data_batch_1 … test_batch, or cifar-100-python/train and test (fine labels)."""
    coarse = bool(bundle.ending("cifar-100-python/train"))
    training = ["train"] if coarse else [f"data_batch_{i}" for i in range(1, 6)]
    folder = "cifar-100-python/" if coarse else "cifar-10-batches-py/"
    for part, file in [*(("train", file) for file in training), ("test", "test" if coarse else "test_batch")]:
        member = next(iter(bundle.ending(folder + file)), folder + file)
        try:
            batch = _Unpickler(bundle.open(member), encoding="latin1").load()
            x, y = np.asarray(batch["data"]), np.asarray(batch["fine_labels" if coarse else "labels"])
            x = x.reshape(len(y), 3, 32, 32)
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UsageError(f"{member} is not a batch of CIFAR ({error})") from None
        if x.dtype != np.uint8:
            raise UsageError(f"{member} must hold bytes, not {x.dtype}")
        writer.add(part, x, y.astype(np.int64))


def svhn(bundles: Iterable[Bundle], writer: ArrayWriter) -> None:
    """MATLAB files: X (32, 32, 3, n), y (n, 1) with 10 for the digit 0."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    for bundle in bundles:
        part = bundle.path.name.partition("_")[0]
        try:
            content = loadmat(bundle.open(bundle.path.name), variable_names=["X", "y"])
            x, y = content["X"], content["y"].reshape(-1).astype(np.int64)
            if x.ndim != 4 or x.dtype != np.uint8:
                raise UsageError(f"X must be uint8 of 4 dimensions, not {x.dtype} of {x.ndim}")
        except (MatReadError, OSError, ValueError, TypeError, KeyError, NotImplementedError, zlib.error) as error:
            raise UsageError(f"{bundle.path.name} is not a file of SVHN, or damaged ({error})") from None
        writer.add(part, x.transpose(3, 2, 0, 1), np.where(y == 10, 0, y))


def mnist(bundles: Iterable[Bundle], writer: ArrayWriter) -> None:
    """IDX files, images and labels by turns, training part first."""
    pairs = iter(bundles)
    for part in ("train", "test"):
        x, y = _idx(next(pairs)), _idx(next(pairs))
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise UsageError(f"MNIST's {part} files do not belong together: shapes {x.shape} and {y.shape}")
        writer.add(part, x[:, None], y.astype(np.int64))


def tiny_imagenet(bundle: Bundle, writer: ArrayWriter) -> None:
    """train/<wnid>/images/*.JPEG, val/images/*.JPEG with val/val_annotations.txt, classes as in wnids.txt."""
    (listed,) = bundle.ending("wnids.txt") or ["tiny-imagenet-200/wnids.txt"]
    root = listed.removesuffix("wnids.txt")
    label = {wnid: i for i, wnid in enumerate(bundle.read(listed).decode().split())}
    lines = bundle.read(root + "val/val_annotations.txt").decode().splitlines()
    classes = dict(line.split("\t")[:2] for line in lines)
    training = [name for name in bundle.ending(".JPEG") if name.startswith(root + "train/")]
    validation = [f"{root}val/images/{name}" for name in classes]
    _decoded(bundle, writer, "train", [(name, label.get(PurePosixPath(name).parts[-3], -1)) for name in training])
    wnids = zip(validation, classes.values(), strict=True)
    _decoded(bundle, writer, "test", [(name, label.get(wnid, -1)) for name, wnid in wnids])


def imagenette(bundle: Bundle, writer: ArrayWriter) -> None:
    """train/<wnid>/*.JPEG and val/<wnid>/*.JPEG, classes in the order of their numbers."""
    images = [name for name in bundle.ending(".JPEG") if not PurePosixPath(name).name.startswith(".")]
    label = {wnid: i for i, wnid in enumerate(sorted({PurePosixPath(name).parts[-2] for name in images}))}
    for part, folder in (("train", "train"), ("test", "val")):
        own = [name for name in images if PurePosixPath(name).parts[-3] == folder]
        _decoded(bundle, writer, part, [(name, label[PurePosixPath(name).parts[-2]]) for name in own], crop=160)


def modelnet40(bundle: Bundle, writer: ArrayWriter) -> None:
    """ply_data_train*.h5, then ply_data_test*.h5: data (n, 2048, 3), label (n, 1); the first 1,024 points are kept."""
    try:
        import h5py
    except ImportError:
        raise UsageError("reading modelnet40 needs h5py: `pip install 'normsweep[modelnet]'`") from None
    for part in ("train", "test"):
        for name in sorted(name for name in bundle.ending(".h5") if f"ply_data_{part}" in name):
            try:
                with h5py.File(bundle.open(name), "r") as opened:
                    file: Any = opened
                    x, y = np.asarray(file["data"][:, :1024]), np.asarray(file["label"]).reshape(-1)
            except (OSError, KeyError, ValueError) as error:
                raise UsageError(f"{name} cannot be read ({error})") from None
            writer.add(part, np.ascontiguousarray(x.transpose(0, 2, 1), dtype=np.float32), y.astype(np.int64))


def _decoded(
    bundle: Bundle, writer: ArrayWriter, part: str, labelled: list[tuple[str, int]], crop: int | None = None
) -> None:
    entries = iter(labelled)
    while batch := list(islice(entries, BATCH)):
        x = np.stack([_image(bundle, name, crop) for name, _ in batch])
        writer.add(part, x, np.array([label for _, label in batch], dtype=np.int64))


def _image(bundle: Bundle, name: str, crop: int | None) -> Images:
    try:
        image = decode(bundle.open(name))
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    if crop:
        top, left = (image.shape[0] - crop) // 2, (image.shape[1] - crop) // 2
        image = image[max(top, 0) : top + crop, max(left, 0) : left + crop]
    return image.transpose(2, 0, 1)


def _idx(bundle: Bundle) -> Images:
    name = bundle.path.name
    content = bundle.read(name)
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        dimensions = content[3]
        shape = struct.unpack_from(f">{dimensions}I", content, 4)
        return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, zlib.error, struct.error, IndexError, ValueError) as error:
        raise UsageError(f"{name} is not a file of MNIST, or damaged ({error})") from None
