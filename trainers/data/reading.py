"""Reading every image file of a folder, to find what is torn before anything is trained."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sweeps.errors import UsageError
from trainers.data.decoding import check

FEW = 500  # files that are read here rather than by one process a core
TOGETHER = 256  # files that a process gets at a time
NAMED = 10


def check_images(root: Path, files: Sequence[str]) -> None:
    """UsageError that names the files which cannot be decoded to their end, the first ten of them, and why not."""
    paths = [root / file for file in files]
    if len(paths) <= FEW:
        found = [problem for problem in map(_problem, paths) if problem]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as readers:
            found = [problem for problem in readers.map(_problem, paths, chunksize=TOGETHER) if problem]
    if found:
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise UsageError(f"{'; '.join(found[:NAMED])}{more}: restore what is torn or take it out, and import again")


def _problem(path: Path) -> str:
    try:
        check(path)
    except ValueError as error:
        return str(error)
    return ""
