"""`python -P -m slurm.workers.forks SOCKET`: imports what workers need, once, then forks itself for each.

Who launches workers says in what circumstances (`launcher.request`): the fork has its arguments, folder, environment
and standard streams, and goes on as Ray's own worker. Nothing here starts a thread or touches a GPU before the fork.
It ends with its raylet.
"""

from __future__ import annotations

import gc
import os
import runpy
import select
import signal
import socket
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from slurm.workers.launcher import GO, IMPORTS, READY, rays_own

PATIENCE = 10.0  # seconds, for who asks
MOST_WAITING = 128
STREAMS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Request:
    """A worker that is wanted, in a folder and a process group."""

    arguments: list[str]
    folder: str
    group: int
    environment: dict[bytes, bytes]

    @classmethod
    def decode(cls, given: bytes) -> Request:
        count, *words = given.split(b"\0")
        arguments, (folder, group, *rest) = words[: int(count)], words[int(count) :]
        environment = {name: value for name, _, value in (entry.partition(b"=") for entry in rest)}
        return cls([os.fsdecode(word) for word in arguments], os.fsdecode(folder), int(group), environment)

    def take_on(self) -> None:
        """Makes this process, a fork, what is wanted."""
        os.environb.clear()
        os.environb.update(self.environment)
        os.chdir(self.folder)


def serve(place: str) -> Request:
    """Forks a worker for each request, and returns it in the fork. The process that forks ends with its raylet."""
    with socket.socket(socket.AF_UNIX) as listener:
        own = Path(f"{place}.{os.getpid()}")
        listener.bind(str(own))
        listener.listen(MOST_WAITING)
        own.replace(place)  # at once: who finds the socket finds somebody who listens
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that end leave nothing behind
        raylet = os.pidfd_open(int(os.environ["RAY_RAYLET_PID"]))
        for name in os.environ[IMPORTS].split():
            import_module(name)
        gc.freeze()
        while raylet not in select.select([listener, raylet], [], [])[0]:
            line, _ = listener.accept()
            with line, suppress(OSError, ValueError):  # who asks may have died
                if wanted := _fork(line):
                    os.close(raylet)
                    return wanted
    os._exit(0)  # at once: it holds nothing that is to be put in order


def _fork(line: socket.socket) -> Request | None:
    """The request, in the fork."""
    line.settimeout(PATIENCE)
    head, streams, *_ = socket.recv_fds(line, 8, len(STREAMS))
    try:
        with line.makefile("rb") as file:
            wanted = Request.decode(file.read(int.from_bytes(head, "big")))
        line.sendall(READY)
        if line.recv(1) != GO or os.fork():
            return None
        try:
            os.setpgid(0, wanted.group)
            line.sendall(READY)
        except OSError:  # the launcher was killed
            os._exit(1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for stream, own in zip(streams, STREAMS, strict=True):
            os.dup2(stream, own)
        return wanted
    finally:
        for stream in streams:
            os.close(stream)


def main(place: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, about threads: those of BLAS and Arrow know of forks
        wanted = serve(place)
    wanted.take_on()
    worker = rays_own()
    sys.argv = [worker, *wanted.arguments]
    runpy.run_path(worker, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
