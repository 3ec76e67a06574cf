"""`data fetch`: downloads with resume and checksum, one process at a time, then the import."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import importlib.util
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from sweeps.errors import UsageError
from trainers.data.bringing.importing import Imported, bring, sound
from trainers.data.bringing.placing import disk_full
from trainers.data.home import data_home
from trainers.data.listings.listing import Archive
from trainers.data.listings.registry import GROUPS, lookup

Progress = Callable[[str, int, int], None]  # file name, bytes here, bytes in all (0 = the server does not say)


CHUNK = 1 << 18
TIMEOUT = 60.0  # seconds without a byte
TRIES = 5  # in a row that bring nothing new
BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def silent(filename: str, here: int, total: int) -> None:
    """No progress display."""


def fetch(names: Iterable[str], *, mirror: str = "", keep: bool = False, progress: Progress = silent) -> Imported:
    """Download and import what is not here yet; proxies are taken from the environment (`https_proxy`).

    `mirror`: a folder's URL that holds the same files; `keep`: the archives stay in `downloads`. Names of groups
    (uci44, images) stand for their members. UsageError for an unknown name; what fails is in `refused`.
    """
    result = Imported()
    wanted = list(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))
    by_archives: dict[tuple[Archive, ...], list[str]] = {}
    for name in wanted:
        listing = lookup(name)
        if sound(name) or (listing.maker and not listing.archives):
            result.kept.append(name)
        elif not listing.archives:
            result.refused[name] = f"{name} cannot be downloaded: {listing.how}"
        elif name == "modelnet40" and importlib.util.find_spec("h5py") is None:
            result.refused[name] = "reading modelnet40 needs h5py: `pip install 'normsweep[modelnet]'`"
        else:
            by_archives.setdefault(listing.archives, []).append(name)
    for archives, members in by_archives.items():
        try:
            _fetch(archives, members, result, mirror, keep, progress)
        except ValueError as error:
            result.refused.update(dict.fromkeys(members, str(error)))
    return result


def _fetch(
    archives: tuple[Archive, ...], names: list[str], result: Imported, mirror: str, keep: bool, progress: Progress
) -> None:
    folder = data_home() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{archives[0].filename}.lock"):
        todo = [name for name in names if not sound(name)]  # another process may have fetched them meanwhile
        result.kept.extend(name for name in names if name not in todo)
        if not todo:
            return
        files = [download(archive, folder, mirror=mirror, progress=progress) for archive in archives]
        imported = bring(files[0], todo)
        result.done.extend(imported.done)
        result.kept.extend(imported.kept)
        result.refused.update(imported.refused)
        if not keep and not imported.refused:
            for file in files:
                file.unlink(missing_ok=True)


def download(archive: Archive, folder: Path, *, mirror: str = "", progress: Progress = silent) -> Path:
    """The archive in the folder, complete and with the right checksum; a part that was cut is gone on with.

    UsageError, with the way out, for a wrong checksum, a full disk, or a connection that breaks again and again.
    """
    url = f"{mirror.rstrip('/')}/{archive.filename}" if mirror else archive.url
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"a mirror's address begins with http:// or https://, not {url!r}")
    target, part = folder / archive.filename, folder / f"{archive.filename}.part"
    if target.exists():
        if not archive.md5 or _md5(target) == archive.md5:
            return target
        target.unlink()
    idle, reason = 0, ""
    while idle < TRIES:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _go_on(url, part, lambda here, total: progress(archive.filename, here, total)):
                break
            reason = "it broke off"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the part is as long as the file, or longer: it is not to be trusted
                part.unlink(missing_ok=True)
            elif error.code < 500:
                raise UsageError(f"{url} answers {error.code} {error.reason}: try --mirror") from None
            reason = f"{error.code} {error.reason}"
        except BROKEN as error:
            reason = str(getattr(error, "reason", error))
        idle = 0 if part.exists() and part.stat().st_size > before else idle + 1
    else:
        here = part.stat().st_size if part.exists() else 0
        raise UsageError(f"{url} cannot be read ({reason}); {here} bytes are kept: try again, or --mirror")
    if archive.md5 and (found := _md5(part)) != archive.md5:
        part.unlink()
        raise UsageError(f"{url} has the checksum {found}, not {archive.md5}: it is another file; try --mirror")
    part.replace(target)
    return target


def _go_on(url: str, part: Path, progress: Callable[[int, int], None]) -> bool:
    """One request, from where the part ends; whether the file is complete now."""
    here = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "normsweep", "Accept-Encoding": "identity"})  # noqa: S310
    mark = part.with_suffix(".etag")
    if here and mark.exists():
        request.add_header("Range", f"bytes={here}-")
        request.add_header("If-Range", mark.read_text())
    with urllib.request.build_opener().open(request, timeout=TIMEOUT) as answer:  # urlopen remembers proxies
        if answer.status != 206:
            here = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = here + length if length else 0
        mark_value = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        if shutil.disk_usage(part.parent).free < length:
            raise disk_full(part.parent, length)
        try:
            if mark_value and not mark_value.startswith("W/"):
                mark.write_text(mark_value)
            else:
                mark.unlink(missing_ok=True)
            with part.open("ab" if here else "wb") as file:
                while block := answer.read(CHUNK):
                    file.write(block)
                    here += len(block)
                    progress(here, total)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(part.parent, total - here) from None
            raise
    if total and here < total:
        return False
    mark.unlink(missing_ok=True)
    return True


@contextmanager
def _alone(lock: Path) -> Generator[None]:
    """Waits until no other process holds the lock, which its end releases however it comes."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
