"""`normsweep why`: everything that is known about one trial, and the reason for its state. Reads only."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, cast

from orchestrator.store import Store
from orchestrator.store.attempts import verdict
from orchestrator.store.leases import Lease
from orchestrator.store.parts import PROGRESS_REMEDY, decode
from orchestrator.store.roster import RosterPack
from orchestrator.watch.lookup import TrialMatch, find_trial
from orchestrator.watch.states import Observer
from orchestrator.words import counted, duration
from sweeps.errors import DamagedError, NormsweepError
from sweeps.identity import short
from sweeps.trial import Trial, completed, field_names
from sweeps.words.composition import normalizer

_RESULT = ["trial_id", "state", "test_error", "val_error", "diverged_epoch", "attempts", "host", "device", "finished",
           "seconds", "failure"]  # fmt: skip


def why(store: Store, text: str, sweep: str | None = None) -> dict[str, Any]:
    """`text`: the first digits of a trial's id, or a selector that names one trial, of `sweep` where that is given."""
    observer = Observer(store)
    found = find_trial(observer, text, sweep)
    trial = found.pack.trials[found.pack.trial_ids.index(found.trial)]
    result = _result(store, found)
    state = result["state"] if result else observer.otherwise(found.pack.id)
    wanted = [name for name, version in observer.versions.items() if found.trial in version.trials]
    return {
        "trial": found.trial,
        "state": state,
        "reason": _reason(observer, found.pack, state, result),
        "sweeps": wanted,
        "pack": found.pack.id,
        "members": len(found.pack.trial_ids),
        "checkpoint": store.workspace.checkpoint(found.pack.id).exists(),
        "progress": None if result else _progress(store, found),
        "result": result,
        "attempts": [attempt for pack in found.history for attempt in _attempts(observer, pack)],
        "notes": _notes(observer, found, trial, wanted),
        "settings": completed(trial.as_json()),
    }


def lines(answer: dict[str, Any]) -> str:
    """The answer as text."""
    pack = f"pack {short(answer['pack'])} of {counted(answer['members'], 'trial')}"
    told = [
        f"trial {answer['trial']}",
        f"{answer['state']}: {answer['reason']}",
        "wanted by " + (", ".join(answer["sweeps"]) or "no sweep any more"),
        f"{pack}, "
        + (f"saved up to epoch {answer['progress']}" if answer["progress"] is not None else "no progress saved")
        + (", with a checkpoint" if answer["checkpoint"] else ""),
        *answer["notes"],
    ]
    if answer["result"] is not None:
        told[3] = pack
        shown = {k: v for k, v in answer["result"].items() if k in ("test_error", "val_error") and v is not None}
        told += [f"{name.replace('_', ' ')} {value:.4g}" for name, value in shown.items()]
    told += [f"attempt: {attempt}" for attempt in answer["attempts"]]
    width = max(map(len, answer["settings"]))
    return "\n".join(told + [f"  {name:<{width}}  {_shown(value)}" for name, value in answer["settings"].items()])


def differences(one: Trial, other: Trial) -> list[str]:
    """The fields in which two trials differ: `lr: 0.1, not 0.01`."""
    return [
        f"{name}: {_brief(getattr(one, name))}, not {_brief(getattr(other, name))}"
        for name in field_names()
        if getattr(one, name) != getattr(other, name)
    ]


def _result(store: Store, found: TrialMatch) -> dict[str, Any] | None:
    rows, problems = store.ledger.read([found.pack.id], _RESULT)
    if problems:
        raise DamagedError(problems[0])
    return next((row for row in rows.to_pylist() if row["trial_id"] == found.trial), None)


def _progress(store: Store, found: TrialMatch) -> int | None:
    """The epochs that the trial's progress file holds."""
    try:
        rows = decode(
            store.workspace.progress(found.pack.id), ["trial_id", "curve_val_error"], PROGRESS_REMEDY
        ).to_pylist()
    except FileNotFoundError:
        return None
    return next(len(row["curve_val_error"] or ()) for row in rows if row["trial_id"] == found.trial)


def _reason(observer: Observer, pack: RosterPack, state: str, result: dict[str, Any] | None) -> str:
    if result is not None:
        when = _time(result["finished"])
        host = f" on {result['host']}" if result["host"] else ""
        if state == "failed":
            last = (result["failure"] or "nothing is recorded of it").strip().splitlines()[-1]
            return f"failed alone in its pack{host}: {last}; when it is mended, `normsweep retry`"
        if state == "diverged":
            return f"loss or outputs were not finite in epoch {result['diverged_epoch']}; a result like any other"
        return f"its result came{when}{host}, in attempt {result['attempts']}"
    if pack.id in observer.running:
        lease = observer.running[pack.id]
        stopping = " and is asked to stop" if pack.id in observer.decisions.cancelled else ""
        return f"process {lease.owner.pid} on {lease.owner.host} has it{stopping}{_standing(observer, lease)}"
    if state == "cancelled":
        return "its pack was cancelled: `normsweep retry` brings it back"
    history = observer.failures(pack.id)
    if history:
        then = {"give up": "given up until `normsweep retry`", "split": "its pack is to be split"}
        last = history[-1]
        return f"failed {counted(len(history), 'time')}, last with {last.kind} ({last.message}): " + then.get(
            verdict(history, len(pack.trial_ids)), "the next run tries again"
        )
    if observer.workspace.lease(pack.id, 1).exists():
        return "who trained it stopped or is gone: the next run goes on with it"
    return "no run has come to it yet"


def _standing(observer: Observer, lease: Lease) -> str:
    still = observer.store.leases.still(lease)
    if still is None:
        return ""
    seconds = duration(time.time() - still.since)
    return f"; it has not moved for {seconds} on {still.node}, and is ended by force after {duration(still.limit)}"


def _attempts(observer: Observer, pack: RosterPack) -> list[str]:
    """What leases, interruptions and failures tell: `1 of pack ...: pid 12 on host, exception in epoch 3: ...`."""
    forgiven = observer.decisions.forgiven.get(pack.id, 0)
    told: dict[int, list[str]] = {}
    for lease in observer.store.leases.of_pack(pack.id):
        start = observer.store.leases.started(lease)
        where = (start.pid, start.node) if start else (lease.owner.pid, lease.owner.host)
        told[lease.generation] = [f"pid {where[0]} on {where[1]}"]
    for failure in observer.store.attempts.failures(pack.id):
        where = f" in epoch {failure.epoch}" if failure.epoch >= 0 else ""
        where += f" after step {failure.step}" if failure.step >= 0 else ""
        words = told.setdefault(failure.generation, [f"on {failure.host}"])
        words.append(f"{failure.kind}{where}: {failure.message}" + (" (forgiven)" * (failure.generation <= forgiven)))
    for event in observer.store.attempts.interruptions([pack.id]):
        words = told.setdefault(event.generation, [f"on {event.host}"])
        words.insert(1, f"from epoch {event.epoch}, the one before lost at most {event.seconds:.1f} s of training")
    replaced = ", which was replaced" if pack.id in observer.roster.replaced else ""
    return [f"{n} of pack {short(pack.id)}{replaced}: {', '.join(words)}" for n, words in sorted(told.items())]


def _notes(observer: Observer, found: TrialMatch, trial: Trial, wanted: list[str]) -> list[str]:
    """What makes this trial another one than a run would plan today."""
    from trainers import data

    notes: list[str] = []
    for plugin in sorted(trial.plugins):
        notes.append(f"plug-in: {plugin}, of which {observer.workspace.plugin(plugin)} is the copy that is run")
    revision = trial.revision if trial.normalizer.plugin else normalizer(trial.normalizer.name).revision
    if revision != trial.revision:
        notes.append(
            f"revision: {trial.normalizer.name} is now of revision {revision}, this trial of {trial.revision}: "
            "the next run plans it as a new trial"
        )
    try:
        digest = data.facts(trial.dataset).digest
    except NormsweepError as absent:
        notes.append(str(absent))
    else:
        if digest != trial.digest:
            notes.append(
                f"digest: {trial.dataset} is now {short(digest)}, for this trial it was {short(trial.digest)}: "
                "the next run plans it as a new trial"
            )
    if not wanted:
        notes += _nearest(observer, found.trial, trial)
    return notes


def _nearest(observer: Observer, trial_id: str, trial: Trial) -> list[str]:
    """The wanted trials with the same settings (digest and revision aside), else some that differ in one."""
    wanted = {t for version in observer.versions.values() for t in version.trials} - {trial_id}
    own = completed(trial.as_json())
    near: dict[int, list[str]] = {0: [], 1: []}
    for pack in observer.roster.live:
        for other_id, data in zip(pack.trial_ids, pack.data, strict=True):
            if other_id in wanted:
                other = completed(data)
                differing = {name for name, value in own.items() if other[name] != value} - {"digest", "revision"}
                if len(differing) <= 1:
                    said = "; ".join(differences(Trial.from_json(data), trial))
                    near[len(differing)].append(f"near it is trial {short(other_id)}, which is wanted: {said}")
    return (near[0] or near[1])[:3]


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC ({duration(time.time() - seconds)} ago)"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, cast("list[Any]", value))) or "none"
    if isinstance(value, dict):
        options: dict[str, Any] = value["options"]
        told = [f"{k}={v}" for k, v in options.items()]
        told += [f"plug-in {'+'.join(map(short, value['plugin'].split('+')))}"] if "plugin" in value else []
        return value["name"] + (f" ({', '.join(told)})" if told else "")
    return str(value)


def _brief(value: object) -> str:
    text = str(value)
    return short(text) if len(text) == 64 else text
