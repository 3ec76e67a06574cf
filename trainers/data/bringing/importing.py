"""`data import`: what a file or folder holds, and bringing it into the folder of data sets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sweeps.errors import UsageError
from trainers.data.bringing import convert_images, convert_tables, own_images
from trainers.data.bringing.bundle import Bundle, opened
from trainers.data.bringing.placing import ArrayWriter, building, place_table
from trainers.data.catalog import facts
from trainers.data.home import array_files
from trainers.data.images.report import FolderReport
from trainers.data.listings.registry import REGISTRY, lookup, valid
from trainers.data.sources import in_files

KNOWN = (
    "the SNN bundle, the collection of Fernández-Delgado et al., the UCI zip of MiniBooNE, CIFAR's tar.gz, "
    "SVHN's .mat, MNIST's .gz, Tiny ImageNet's zip, Imagenette's tgz, ModelNet40's zip or .h5, a folder of ImageNet"
)
SIDE_BY_SIDE: dict[str, tuple[tuple[str, ...], Callable[[list[Bundle], ArrayWriter], None]]] = {
    name: (tuple(archive.filename for archive in REGISTRY[name].archives), convert)
    for name, convert in (
        ("svhn", convert_images.svhn),
        ("svhn-extra", convert_images.svhn),
        ("mnist", convert_images.mnist),
    )
}

Job = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Imported:
    """Data sets now here, those that were, and those refused with the reason. `reports`: what folders of images hold;
    `unusable`: every file that a folder was refused for, with the reason.
    """

    done: list[str] = field(default_factory=list[str])
    kept: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    reports: dict[str, FolderReport] = field(default_factory=dict[str, FolderReport])
    unusable: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])


def sound(name: str) -> bool:
    """Whether the data set is here in files, unaltered and with its published splits."""
    if in_files(name, lookup(name)) is None:
        return False
    try:
        return len(facts(name).splits) > 1
    except ValueError:
        return False


def bring_folder(path: Path, name: str, wishes: own_images.Wishes | None = None) -> Imported:
    """Bring a folder of images, one folder a class, under a name of the user's; what had the name is replaced.

    UsageError for a path that is no folder, and for a name that is taken or is none.
    """
    if not path.is_dir():
        raise UsageError(f"{path} is not a folder: --name imports a folder of images")
    valid(name)
    result = Imported()
    try:
        result.reports[name] = own_images.bring(name, None, path, wishes)
        result.done.append(name)
    except own_images.UnusableImages as error:
        result.refused[name], result.unusable[name] = str(error), error.files
    except ValueError as error:
        result.refused[name] = str(error)
    return result


def bring(path: Path, names: Collection[str] | None = None) -> Imported:
    """Bring what the path holds (of it only `names`, where given), every set checked before it is visible.

    One data set that is refused does not keep the others out. UsageError when the path is missing, torn, or nothing
    that is known.
    """
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    result = Imported()
    with ExitStack() as stack:
        jobs = _jobs(path, stack)
        if not jobs:
            raise UsageError(
                f"{path} is not a known archive: a table or a folder of images of your own needs --name NAME (archives "
                f"are {KNOWN})"
            )
        for name in jobs if names is None else names:
            if name not in jobs:
                result.refused[name] = f"{name} is not in {path.name}"
            elif sound(name):
                result.kept.append(name)
            else:
                try:
                    made = jobs[name]()
                    result.done.append(name)
                    if isinstance(made, FolderReport):
                        result.reports[name] = made
                except ValueError as error:
                    result.refused[name] = str(error)
    return result


def _jobs(path: Path, stack: ExitStack) -> dict[str, Job]:
    """What to do for each data set that the path holds."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and (path / "train").is_dir() and (path / "val").is_dir() and not _imagenette(path):
        return {"imagenet": lambda: own_images.bring("imagenet", REGISTRY["imagenet"], path)}
    touched = [
        name
        for name, (files, _) in SIDE_BY_SIDE.items()
        if path.name in files or (path.is_dir() and any((path / file).exists() for file in files))
    ]
    if touched:
        complete = [name for name in touched if all((folder / file).exists() for file in SIDE_BY_SIDE[name][0])]
        return {name: _several(name, folder) for name in complete or touched[:1]}
    bundle = stack.enter_context(opened(path))
    jobs: dict[str, Job] = {}
    for name in convert_tables.bundle_names(bundle):
        jobs[name] = _table(name, bundle, convert_tables.from_bundle)
    for name in convert_tables.collection_names(bundle):
        jobs[name] = _table(name, bundle, convert_tables.from_collection)
    if bundle.ending("MiniBooNE_PID.txt"):
        jobs["miniboone"] = _table("miniboone", bundle, lambda bundle, _: convert_tables.from_miniboone(bundle))
    for name, endings, convert in (
        ("cifar10", ("cifar-10-batches-py/test_batch", "cifar-10-batches-py/data_batch_1"), convert_images.cifar),
        ("cifar100", ("cifar-100-python/test", "cifar-100-python/train"), convert_images.cifar),
        ("tiny-imagenet", ("wnids.txt", "val/val_annotations.txt"), convert_images.tiny_imagenet),
        ("modelnet40", ("ply_data_train0.h5", "ply_data_test0.h5"), convert_images.modelnet40),
    ):
        if bundle.ending(*endings):
            jobs[name] = _arrays(name, lambda writer, convert=convert: convert(bundle, writer))
    if any("imagenette" in member for member in bundle.ending(".JPEG")) or (path.is_dir() and _imagenette(path)):
        jobs["imagenette"] = _arrays("imagenette", lambda writer: convert_images.imagenette(bundle, writer))
    return {name: job for name, job in jobs.items() if name in REGISTRY}


def _table(name: str, bundle: Bundle, convert: Callable[[Bundle, str], convert_tables.Table]) -> Job:
    return lambda: place_table(name, REGISTRY[name], *convert(bundle, name))


def _arrays(name: str, convert: Callable[[ArrayWriter], None]) -> Job:
    def job() -> None:
        kind = np.float32 if name == "modelnet40" else np.uint8
        with building(array_files(name)[0].parent.parent) as folder:
            writer = ArrayWriter(name, REGISTRY[name], folder, kind)
            convert(writer)
            writer.place()

    return job


def _several(name: str, folder: Path) -> Job:
    """A data set of several files that lie side by side."""
    files, convert = SIDE_BY_SIDE[name]

    def job() -> None:
        absent = [file for file in files if not (folder / file).exists()]
        if absent:
            raise UsageError(f"{', '.join(absent)} must lie in {folder} too")
        bundles = [Bundle(folder / file, {file: (folder / file).read_bytes}) for file in files]
        _arrays(name, lambda writer: convert(bundles, writer))()

    return job


def _imagenette(path: Path) -> bool:
    return (path / "train" / "n01440764").is_dir() and sum(1 for _ in (path / "train").iterdir()) < 20
