"""Reading every file of a folder: what is torn is found before anything is trained, and its bytes get a digest."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sweeps.errors import UsageError
from trainers.data.decoding import check, look

FEW = 500  # files that are read here rather than by one process a core
TOGETHER = 32  # files that a process gets at a time; their answer is below 4 kB, which a pipe takes whole or not at all
NAMED = 10

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Examined:
    """What one image file holds: its bytes' digest, its kinds (`conversion.REVISIONS`), or why it cannot be used."""

    sha256: str = ""
    kinds: tuple[str, ...] = ()
    frames: int = 1
    problem: str = ""


def examine(root: Path, files: Sequence[str]) -> list[Examined]:
    """Each image decoded to its end."""
    return _of_each(_examined, [root / file for file in files])


def byte_digests(root: Path, files: Sequence[str]) -> list[tuple[str, str]]:
    """SHA-256 of each file (64 hex digits) and an empty sentence, or nothing and why it cannot be read."""
    return _of_each(_byte_digest, [root / file for file in files])


def check_images(root: Path, files: Sequence[str]) -> None:
    """UsageError that names the files which cannot be decoded to their end, the first ten of them, and why not."""
    problems = [problem for problem in _of_each(_problem, [root / file for file in files]) if problem]
    if problems:
        raise UsageError(f"{some(problems)}: restore what is torn or take it out, and import again")


def some(sentences: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = f"; and {len(sentences) - NAMED} more" if len(sentences) > NAMED else ""
    return f"{'; '.join(sentences[:NAMED])}{more}"


def _of_each(function: Callable[[Path], Read], paths: list[Path]) -> list[Read]:
    if len(paths) <= FEW:
        return _read(function, paths)
    context = multiprocessing.get_context("spawn")
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as readers:
        try:
            answers: list[Future[list[Read]]] = []  # of `map` they would be cancelled, at which ended readers fail
            for first in range(0, len(paths), TOGETHER):
                with _uninterrupted():
                    answers.append(readers.submit(_read, function, paths[first : first + TOGETHER]))
            return [one for answer in answers for one in answer.result()]
        except BaseException:  # else what is queued would be read to its end
            for reader in set(multiprocessing.active_children()).difference(others):
                reader.kill()
            raise


def _read(function: Callable[[Path], Read], paths: list[Path]) -> list[Read]:
    return [function(path) for path in paths]


@contextmanager
def _uninterrupted() -> Generator[None]:
    """INT and TERM wait until the end. Processes that are begun here never hear them, so that they say nothing."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


def _problem(path: Path) -> str:
    try:
        check(path)
    except ValueError as error:
        return str(error)
    return ""


def _examined(path: Path) -> Examined:
    try:
        content = path.read_bytes()
        if not content:
            return Examined(problem=f"{path} cannot be decoded (it is empty)")
        kinds, frames = look(path, content)
    except OSError as error:
        return Examined(problem=f"{path} cannot be read ({error.strerror})")
    except UsageError as error:
        return Examined(problem=str(error))
    except Exception as error:  # noqa: BLE001  of a decoder led astray: one file must not end the import
        return Examined(problem=f"{path} cannot be decoded ({type(error).__name__}: {error})")
    return Examined(hashlib.sha256(content).hexdigest(), tuple(kinds), frames)


def _byte_digest(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), ""
    except OSError as error:
        return "", f"{path} cannot be read ({error.strerror})"
