"""What training will cost in core-hours and GPU-hours: operations times what one took so far, or what is assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from orchestrator.store import Store
from sweeps.choice import Choice
from sweeps.cost import flops, steps
from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts, Facts
from sweeps.near import unknown
from sweeps.trial import Trial

# Until the ledger has timed trials of its own: what one core of a laptop or server does on small dense layers.
ASSUMED_FLOPS_PER_SECOND = 15e9
# What is assumed of a GPU: this share of its peak in float32, and that a pack's step takes so long at least, since its
# kernels are launched one by one.
ASSUMED_SHARE = 0.25
ASSUMED_STEP_SECONDS = 0.002
SLOWER = 3.0  # p90 of what is assumed, against its p50

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
    """UsageError with the near matches for a name that is none."""
    if name.lower() not in GPUS:
        raise UsageError(unknown("GPU", name, GPUS))
    return GPUS[name.lower()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Of a pack: operations of its wanted trials (None: not known for the model), and its steps."""

    flops: float | None
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """A finished trial: its share of the pack's seconds, on which device (`cpu` or a GPU's name), how many cores."""

    device: str
    seconds: float
    cores: int
    flops: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """None where the operations are not known."""

    p50: float | None
    p90: float | None
    basis: str


def work(packs: Iterable[Sequence[Trial]], facts: Facts) -> list[Work]:
    """What each pack is. Its trials agree in all that operations and steps depend on."""
    found: list[Work] = []
    for members in packs:
        first = members[0]
        known = facts(first.dataset)
        each = flops(first, known, macs_of_layers)
        found.append(Work(flops=None if each is None else each * len(members), steps=steps(first, known)))
    return found


def timings(store: Store, trials: Mapping[str, Trial], facts: Facts, done: Sequence[str]) -> list[Timing]:
    """Of those trials that the done packs hold."""
    names = ["trial_id", "pack_id", "seconds", "threads", "device"]
    rows, _ = store.ledger.read(done, names)
    counts: dict[str, float | None] = {}  # by pack, whose trials agree in all that operations depend on
    found: list[Timing] = []
    for trial_id, pack, seconds, threads, device in zip(*(rows[name].to_pylist() for name in names), strict=True):
        trial = trials.get(trial_id)
        if trial is None:
            continue
        if pack not in counts:
            counts[pack] = flops(trial, facts(trial.dataset), macs_of_layers)
        count = counts[pack]
        if count and seconds:
            found.append(Timing(device=device or "cpu", seconds=seconds, cores=threads or 1, flops=count))
    return found


def core_hours(todo: Sequence[Work], timed: Iterable[Timing]) -> Hours:
    """Of processors: a pack that trains on several cores counts each of them."""
    rates = [t.seconds * t.cores / t.flops for t in timed if t.device == "cpu"]
    if rates:
        return _measured(todo, rates)
    assumed = f"assumed, not measured: {ASSUMED_FLOPS_PER_SECOND / 1e9:.0f} GFLOP/s a core; p90 {SLOWER:g} times that"
    total = _sum(None if pack.flops is None else pack.flops / ASSUMED_FLOPS_PER_SECOND / 3600 for pack in todo)
    return Hours(p50=total, p90=None if total is None else SLOWER * total, basis=assumed)


def gpu_hours(todo: Sequence[Work], timed: Iterable[Timing], device: Gpu) -> Hours:
    """Of one kind of GPU, as if each pack had one to itself."""
    rates = [t.seconds / t.flops for t in timed if device.name in t.device]
    if rates:
        return _measured(todo, rates)
    speed = ASSUMED_SHARE * device.peak
    assumed = (
        f"assumed, not measured: {speed / 1e12:.3g} TFLOP/s, {ASSUMED_SHARE:.0%} of the peak in float32, and at least "
        f"{ASSUMED_STEP_SECONDS * 1000:g} ms a step of a pack; p90 {SLOWER:g} times that"
    )
    total = _sum(
        None if pack.flops is None else max(pack.flops / speed, pack.steps * ASSUMED_STEP_SECONDS) / 3600
        for pack in todo
    )
    return Hours(p50=total, p90=None if total is None else SLOWER * total, basis=assumed)


def _measured(todo: Iterable[Work], rates: list[float]) -> Hours:
    """By the median and the ninth decile of seconds per operation."""
    rates.sort()
    total = _sum(pack.flops for pack in todo)
    p50, p90 = (None if total is None else total * rates[len(rates) * tenths // 10] / 3600 for tenths in (5, 9))
    return Hours(p50=p50, p90=p90, basis=f"measured: {len(rates)} finished trials of this sweep")


def _sum(values: Iterable[float | None]) -> float | None:
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


@cache
def _macs(plain: Trial, facts: DatasetFacts) -> tuple[int, int]:
    from trainers.models.cost import macs

    return macs(plain, facts)


def macs_of_layers(trial: Trial, facts: DatasetFacts) -> tuple[int, int]:
    """Multiply-accumulates of models that only their own code knows; trials that differ in values share one count."""
    return _macs(replace(trial, seed=0, lr=0.0, normalizer=Choice("none"), split=0, epochs=1), facts)
