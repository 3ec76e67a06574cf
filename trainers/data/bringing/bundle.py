"""Archives as they come: zip, tar (compressed or not), a folder, or a single file."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sweeps.errors import UsageError

TORN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Named members, in the order of the archive; nothing is ever unpacked to disk."""

    path: Path
    members: dict[str, Callable[[], bytes]] = field(default_factory=dict[str, Callable[[], bytes]])

    def read(self, name: str) -> bytes:
        """A member's bytes; UsageError where it is missing or torn."""
        if name not in self.members:
            raise UsageError(f"{name} is missing in {self.path.name}")
        try:
            return self.members[name]()
        except TORN as error:
            raise UsageError(f"{name} in {self.path.name} is torn ({error}): get the file again") from None

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.read(name))

    def ending(self, *endings: str) -> list[str]:
        return [name for name in self.members if name.endswith(endings)]


@contextmanager
def opened(path: Path) -> Generator[Bundle]:
    """The members of an archive or folder, or a file as its own only member. UsageError for a torn archive."""
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            yield Bundle(path, {file.relative_to(path).as_posix(): file.read_bytes for file in files})
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield Bundle(path, {name: _zip_reader(archive, name) for name in archive.namelist() if name[-1] != "/"})
        elif path.name.endswith((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")):
            with tarfile.open(path) as archive:
                yield Bundle(path, {entry.name: _tar_reader(archive, entry) for entry in archive if entry.isfile()})
        elif path.suffix == ".zip":
            raise zipfile.BadZipFile("no zip file, or one that was cut")
        else:
            yield Bundle(path, {path.name: path.read_bytes})
    except TORN as error:
        raise UsageError(f"{path} is torn ({error}): get it again") from None


def _zip_reader(archive: zipfile.ZipFile, name: str) -> Callable[[], bytes]:
    return lambda: archive.read(name)


def _tar_reader(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        stream = archive.extractfile(entry)
        assert stream is not None
        return stream.read()

    return read
