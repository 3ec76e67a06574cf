"""What training costs: the one model that `plan`, `submit`, an allocation's deadline and `status` ask.

Operations of a pack times the seconds that one took so far, on the same model and kind of device, or what is assumed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from orchestrator.planning.plan import facts_once
from orchestrator.store import Store
from orchestrator.store.roster import RosterPack
from sweeps.cost import flops, steps, steps_per_epoch
from sweeps.errors import NormsweepError, UsageError
from sweeps.facts import DatasetFacts, Facts
from sweeps.file.sections import RunSection
from sweeps.identity import canonical
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.kinds import NAMES
from sweeps.words.near import unknown

# Until the ledger has timed trials of its own: what one core of a laptop or server does on small dense layers.
ASSUMED_FLOPS_PER_SECOND = 15e9
# What is assumed of a GPU: this share of its peak in float32, and that a pack's step takes so long at least, since its
# kernels are launched one by one.
ASSUMED_SHARE = 0.25
ASSUMED_STEP_SECONDS = 0.002
SLOWER = 3.0  # p90 of what is assumed, against its p50
CAUTION = 2.0  # trials differ, and so do machines: what a pack may take, against p50
SAMPLE = 200  # finished packs of a model that are looked at, the newest
# What a trial's operations depend on; all trials of a pack agree in it, but for the split, which moves no size there.
_SHAPE = ("dataset", "split", "model", "depth", "width", "batch_size", "epochs", "steps_per_epoch", "steps")

DEFAULT_GPU = "h200"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as PyTorch names it (a part of the name), and its peak in float32 by its data sheet, FLOP/s."""

    name: str
    peak: float


GPUS = {
    "h200": Gpu("H200", 67e12),
    "h100": Gpu("H100", 67e12),
    "a100": Gpu("A100", 19.5e12),
    "l40s": Gpu("L40S", 91.6e12),
    "a10": Gpu("A10", 31.2e12),
    "v100": Gpu("V100", 15.7e12),
    "t4": Gpu("T4", 8.1e12),
    "rtx4090": Gpu("RTX 4090", 82.6e12),
}


def gpu(name: str) -> Gpu:
    """UsageError with the near matches for an unknown name."""
    if name.lower() not in GPUS:
        raise UsageError(unknown("GPU", name, GPUS))
    return GPUS[name.lower()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Some trials of one pack. `flops` of all of them, None where the data set is not here; `steps`, `epochs`: of the
    training."""

    model: str
    trials: int
    flops: float | None
    steps: int
    epochs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """A finished pack: `device` as results name it, seconds of one trial's share, `cores` and operations of a trial."""

    device: str
    seconds: float
    cores: int
    flops: float | None

    @property
    def units(self) -> int:
        """Cores, or GPUs: `2 x NVIDIA H100` are 2."""
        if self.device.endswith("cpu"):
            return self.cores
        count, by, _ = self.device.partition(" x ")
        return int(count) if by and count.isdigit() else 1


class CostModel:
    """Costs of packs, from what the workspace's finished packs of the same model took.

    All costs are medians (p50) unless `tenths` says otherwise; None where nothing tells.
    """

    def __init__(self, store: Store, facts: Facts | None = None) -> None:
        self._store = store
        self._facts = facts or facts_once()
        self._shapes: dict[str, Work] = {}
        self._rates: dict[tuple[bool, str, str | None, int], float | None] = {}

    def of_trials(self, trials: Sequence[Trial]) -> Work:
        """Of trials of one pack."""
        return self._work({name: getattr(trials[0], name) for name in _SHAPE}, trials[0], len(trials))

    def of_pack(self, pack: RosterPack, trials: int | None = None) -> Work:
        """Of a recorded pack, or of so many of its trials."""
        data: dict[str, Any] = pack.common | pack.own[0]
        return self._work(
            {name: data[name] for name in _SHAPE}, data, len(pack.trial_ids) if trials is None else trials
        )

    def seconds(self, work: Work, run: RunSection) -> float | None:
        """From the pack's start to its end, with what a run gives a pack: on its cores, or on its GPUs."""
        if run.gpus:
            total = self.gpu_seconds(work, None)
            return None if total is None else total / run.devices
        total = self.core_seconds(work)
        return None if total is None else total / (run.cpus * run.devices)

    def core_seconds(self, work: Work, tenths: int = 5) -> float | None:
        """A pack that trains on several cores counts each of them."""
        measured = self._measured_seconds(work, None, tenths)
        if measured is not None or work.flops is None:
            return measured
        return work.flops / ASSUMED_FLOPS_PER_SECOND * (1.0 if tenths <= 5 else SLOWER)

    def gpu_seconds(self, work: Work, kind: Gpu | None, tenths: int = 5) -> float | None:
        """Of one kind of GPU, or of those that trained here, as if each pack had one to itself."""
        measured = self._measured_seconds(work, kind.name if kind else "", tenths)
        if measured is not None or work.flops is None:
            return measured
        speed = ASSUMED_SHARE * (kind or GPUS[DEFAULT_GPU]).peak
        assumed = max(work.flops / speed, work.steps * ASSUMED_STEP_SECONDS)
        return assumed * (1.0 if tenths <= 5 else SLOWER)

    def cpu_basis(self, models: Sequence[str]) -> str:
        """What the core-seconds of these models rest on, in words."""
        counts = {m: len(self._on(m, None)) for m in models}
        return _basis(counts, f"{ASSUMED_FLOPS_PER_SECOND / 1e9:.0f} GFLOP/s a core")

    def gpu_basis(self, models: Sequence[str], kind: Gpu) -> str:
        counts = {m: len(self._on(m, kind.name)) for m in models}
        speed = ASSUMED_SHARE * kind.peak
        return _basis(
            counts,
            f"{speed / 1e12:.3g} TFLOP/s, {ASSUMED_SHARE:.0%} of the peak in float32, and at least "
            f"{ASSUMED_STEP_SECONDS * 1000:g} ms a step of a pack",
        )

    def _on(self, model: str, gpu: str | None) -> list[Timing]:
        """Timings on processors (None), or on GPUs whose name has `gpu` in it."""
        timings = self._timings.get(model, [])
        if gpu is None:
            return [t for t in timings if t.device.endswith("cpu")]
        return [t for t in timings if not t.device.endswith("cpu") and gpu in t.device]

    def _measured_seconds(self, work: Work, gpu: str | None, tenths: int) -> float | None:
        """By the seconds of a core or a GPU for one operation, or for one trial where operations are not known."""
        by_operation = work.flops is not None
        key = (by_operation, work.model, gpu, tenths)
        if key not in self._rates:
            timings = [t for t in self._on(work.model, gpu) if t.flops or not by_operation]
            rates = [t.seconds * t.units / ((t.flops or 1.0) if by_operation else 1.0) for t in timings]
            self._rates[key] = _decile(rates, tenths)
        rate = self._rates[key]
        return None if rate is None else rate * (work.trials if work.flops is None else work.flops)

    def _work(self, shape: Mapping[str, Any], trial: Trial | Mapping[str, Any], trials: int) -> Work:
        key = str([_text(value.as_json() if isinstance(value, Choice) else value) for value in shape.values()])
        if key not in self._shapes:
            self._shapes[key] = self._measured(trial if isinstance(trial, Trial) else Trial.from_json(trial))
        one = self._shapes[key]
        return replace(one, trials=trials, flops=None if one.flops is None else one.flops * trials)

    def _measured(self, trial: Trial) -> Work:
        model = trial.model.name
        try:
            facts = self._facts(trial.dataset)
        except NormsweepError:  # its data set is not here
            return Work(model=model, trials=1, flops=None, steps=trial.steps, epochs=trial.epochs)
        count = steps(trial, facts)
        if trial.plugins and not _is_loaded(trial):
            return Work(model=model, trials=1, flops=None, steps=count, epochs=trial.epochs)
        epochs = -(-count // max(steps_per_epoch(trial, facts), 1))
        return Work(model=model, trials=1, flops=flops(trial, facts, _macs_of_layers), steps=count, epochs=epochs)

    @cached_property
    def _timings(self) -> Mapping[str, list[Timing]]:
        """By model, of the newest finished packs; one trial's share stands for all of its pack."""
        store, timings = self._store, defaultdict[str, list[Timing]](list)
        done = store.ledger.done()
        packs = [pack for pack in store.roster.packs.values() if pack.id in done]
        rows, _ = store.ledger.read([pack.id for pack in packs], ["pack_id", "seconds", "threads", "device"])
        first = {pack: row for row, pack in reversed([*enumerate(rows["pack_id"].to_pylist())])}
        for pack in reversed(packs):
            model = (pack.common | pack.own[0])["model"]["name"]
            if pack.id in first and len(timings[model]) < SAMPLE:
                row = first[pack.id]
                seconds, threads, device = (rows[n][row].as_py() for n in ("seconds", "threads", "device"))
                if seconds:
                    work = self.of_pack(pack, 1)
                    timings[model].append(
                        Timing(device=device or "cpu", seconds=seconds, cores=threads or 1, flops=work.flops)
                    )
        return timings


def _is_loaded(trial: Trial) -> bool:
    """Whether its network can be built here, and not only be named."""
    named = (NAMES["model"].get(trial.model.name), NAMES["activation"].get(trial.activation.name))
    return all(entry is not None and entry.implementation for entry in named)


def _text(value: object) -> str:
    """A choice as the roster's files have it, with its plug-in."""
    return canonical(value) if isinstance(value, dict) else str(value)


def _decile(values: list[float], tenths: int) -> float | None:
    return sorted(values)[len(values) * tenths // 10] if values else None


def _basis(counts: Mapping[str, int], assumption: str) -> str:
    measured = [f"{count} of {model}" for model, count in counts.items() if count]
    assumed = [model for model, count in counts.items() if not count]
    told = [f"measured on finished packs: {', '.join(measured)}"] if measured else []
    if assumed or not counts:
        of = f" for {', '.join(assumed)}" if measured else ""
        told.append(f"assumed, not measured{of}: {assumption}; p90 {SLOWER:g} times that")
    return "; ".join(told)


@cache
def _macs(plain: Trial, facts: DatasetFacts) -> tuple[int, int]:
    from trainers.models.cost import macs

    return macs(plain, facts)


def _macs_of_layers(trial: Trial, facts: DatasetFacts) -> tuple[int, int]:
    """Multiply-accumulates of models that only their own code knows; trials that differ in values share one count."""
    return _macs(replace(trial, seed=0, lr=0.0, normalizer=Choice("none"), split=0, epochs=1), facts)
