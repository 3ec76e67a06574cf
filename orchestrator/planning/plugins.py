"""Plug-ins of a workspace: the copies that workers run, and edits that were said to change nothing.

A sweep's plug-in is copied when the sweep is planned, once for each digest; what is edited afterwards is another file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from orchestrator.store import Store
from sweeps.errors import UsageError
from sweeps.file.spec import SweepSpec
from sweeps.identity import sha256_of, short
from sweeps.plugins.loading import load
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import use
from sweeps.trial import Trial

MODE = 0o644  # of a copy: nobody but its owner may write it
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_AGAIN = "move it away and run the sweep again with the file as it was then"


class UnusableCopy(UsageError):
    """A copy that a node cannot run: no fault of the trials, whose methods were rehearsed when they were planned."""


def settled(store: Store, spec: SweepSpec) -> SweepSpec:
    """The sweep with those plug-ins whose edits were said to change nothing as what they were before."""
    return replace(spec, plugins=tuple(_settled(store, plugin) for plugin in spec.plugins))


def keep(store: Store, spec: SweepSpec) -> None:
    """Copies the sweep's plug-ins into the workspace. UnusableCopy where what lies there is not to be run."""
    for plugin in spec.plugins:
        if plugin.code and sha256_of(plugin.code) == plugin.digest:
            store.disk.publish(store.workspace.plugin(plugin.digest), plugin.code, mode=MODE)
        _code(store.workspace.plugin(plugin.digest), plugin.digest)


def run_copies(store: Store, trials: Iterable[Trial]) -> None:
    """Runs the copies that the trials were planned with, so that their methods can be built.

    UnusableCopy for one that is not here, that is not what was planned, that others could write, or that cannot be
    imported here.
    """
    digests = frozenset[str]().union(*(trial.plugins for trial in trials))
    try:
        use(_copy(store.workspace.plugin(digest), digest) for digest in sorted(digests))
    except UsageError as error:
        raise UnusableCopy(str(error)) from error


def edited(store: Store, spec: SweepSpec) -> dict[Plugin, Plugin]:
    """The plug-ins of a sweep that are not what they were when it was last recorded, each with what it was.

    None of a recorded version: it is trained as it stands.
    """
    if spec.version:
        return {}
    last = store.sweeps.newest(spec.name)
    recorded = [Plugin.from_json(data) for data in last.spec.get("plugins", ())] if last else []
    before = {key: plugin for plugin in recorded for key in plugin.entries}
    found: dict[Plugin, Plugin] = {}
    for plugin in settled(store, spec).plugins:
        for key in plugin.entries:
            if key in before and before[key].digest != plugin.digest:
                found[plugin] = before[key]
    return found


def edits(store: Store, spec: SweepSpec) -> list[str]:
    """A sentence for each plug-in of a sweep that was edited since it was last recorded."""
    return [
        f"{now.file} was edited since {spec.name} was planned ({short(was.digest)} became {short(now.digest)}), so its "
        f"trials are new ones; if that changes no result, `--same-results` of run and submit keeps those there are"
        for now, was in edited(store, spec).items()
    ]


def unedited(store: Store, spec: SweepSpec) -> SweepSpec:
    """The sweep with its edited plug-ins as what they were before. Writes nothing.

    UsageError for an edit of what is declared: another option or another point is another method.
    """
    found = edited(store, spec)
    for now, was in found.items():
        if now.declared() != was.declared():
            raise UsageError(
                f"{now.file} declares something else than when {spec.name} was planned: leave out --same-results, so "
                "that its trials are new ones"
            )
    before = {now.digest: was.digest for now, was in found.items()}
    given = settled(store, spec).plugins
    return replace(spec, plugins=tuple(replace(p, digest=before.get(p.digest, p.digest)) for p in given))


def accept(store: Store, spec: SweepSpec) -> list[str]:
    """Records that edits of the sweep's plug-ins change no result; a sentence for each: the planned copy goes on.

    UsageError as of `unedited`.
    """
    unedited(store, spec)
    found = edited(store, spec)
    if found:
        store.decisions.accept({now.digest: was.digest for now, was in found.items()})
    return [
        f"{now.file}: {short(now.digest)} counts as {short(was.digest)}, which goes on being run"
        for now, was in found.items()
    ]


def _settled(store: Store, plugin: Plugin) -> Plugin:
    standing = store.decisions.standing(plugin.digest)
    return plugin if standing == plugin.digest else replace(plugin, digest=standing)


def _copy(path: Path, digest: str) -> Plugin:
    return load(_code(path, digest), path.name, str(path))


def _code(path: Path, digest: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnusableCopy(
            f"{path}: the plug-in that was planned cannot be read here ({error.strerror}): run the sweep again with "
            f"the file as it was then ({short(digest)}), so that it is copied, or let this node see the workspace"
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & _OTHERS:
            raise UnusableCopy(f"{path} is not run: it is not yours alone to write; {_AGAIN} ({short(digest)})")
        code = file.read()
    if sha256_of(code) != digest:
        raise UnusableCopy(f"{path} is not run: it is not what was planned; {_AGAIN} ({short(digest)})")
    return code
