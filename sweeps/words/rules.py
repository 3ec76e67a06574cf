"""What a trial must not ask for: found before anything runs, one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import attrgetter

from sweeps.cost import steps, warmup_steps
from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts, Facts
from sweeps.limits import (
    ALONE,
    DROPOUT,
    FEW_VALUES,
    GHOSTS,
    GROUP_OF_ONE,
    LAYER_OF_ONE,
    LIMITS,
    NO_ACTIVATION,
    NO_VARIANCE,
    ONE_IMAGE,
    ONE_POSITION,
    ONE_WEIGHT,
    POSITIONS,
    SUBSETS,
    VIRTUAL_BATCH,
)
from sweeps.probes import own
from sweeps.trial import Trial, field_names
from sweeps.words.activations import OWN
from sweeps.words.choice import Choice
from sweeps.words.composition import brings_activation, normalizer, parts
from sweeps.words.optimizers import OPTIMIZERS
from sweeps.words.vocabulary import NORMALIZERS, RENORM_START

SHOWN = 10
UNITS = ("mlp", "resmlp")  # models whose layers have one value a unit and sample
OF_WIDTH = (*UNITS, "transformer")  # models whose layers have `width` channels and no space
# Named to who asks for too small a batch.
ANY_BATCH = (
    "none",
    "ln",
    "gn",
    "wn",
    "ws",
    "cwo",
    "normprop",
    "bn-frozen",
    "dyt",
    "sws",
    "sn",
    "rms",
    "frn",
    "evonorm-s0",
)


def check(trials: Iterable[Trial], facts: Facts) -> None:
    """UsageError with all distinct problems of the trials, the first ten in full."""
    found = problems(trials, facts)
    if found:
        more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise UsageError("\n".join([*found[:SHOWN], *more]))


def problems(trials: Iterable[Trial], facts: Facts) -> list[str]:
    """The distinct sentences about the trials, in their order, each with the number of trials that it concerns.

    No rule asks for the seed: of neighbours that differ in nothing else, one is looked at.
    """
    counts: dict[str, int] = {}
    known = cache(facts)
    for _, alike in groupby(trials, attrgetter(*(name for name in field_names() if name != "seed"))):
        first, *others = alike
        for sentence in _problems(first, known(first.dataset)):
            counts[sentence] = counts.get(sentence, 0) + 1 + len(others)
    return [f"{sentence} ({count} trial{'s' if count > 1 else ''})" for sentence, count in counts.items()]


def notes(trials: Iterable[Trial], facts: Facts) -> list[str]:
    """What a sweep file's figures become where a layer's sizes do not allow them, and methods that compute what another
    one does: distinct sentences, no problems."""
    found: dict[str, None] = {}
    known = cache(facts)
    activating: dict[str, None] = {}
    ramping: dict[str, list[int]] = {}
    for trial in trials:
        if brings_activation(trial.normalizer.name):
            activating[trial.normalizer.name] = None
        if "brn" in parts(trial.normalizer.name):
            ramp = trial.normalizer["ramp"]
            assert isinstance(ramp, float)
            if (count := steps(trial, known(trial.dataset))) <= RENORM_START * ramp:
                ramping.setdefault(f"{trial.normalizer.name} with ramp={ramp:g}", []).append(count)
        groups = trial.normalizer.as_dict().get("groups")
        if trial.model.name in OF_WIDTH and isinstance(groups, int) and trial.width % groups:
            taken = divisor(trial.width, groups)
            found[f"{trial.normalizer.name} with groups={groups}: width={trial.width} makes {taken} equal groups"] = (
                None
            )
    if activating:
        found[
            f"activation={OWN} in the trials of {', '.join(activating)}: they activate as well, so that one training "
            "stands for all values of that axis"
        ] = None
    for name, counts in ramping.items():
        found[
            f"{name}: {len(counts)} of its trials compute what bn does, bit for bit: it begins to differ after "
            f"{RENORM_START:,} steps times ramp, they have {max(counts):,} at most; set a smaller ramp or more epochs"
        ] = None
    return list(found)


def divided(trials: Iterable[Trial], devices: int, gpus: float) -> None:
    """UsageError unless so many devices, each with so many GPUs, can share the work of each trial."""
    if devices > 1 and gpus % 1:
        raise UsageError(f"run.gpus={gpus:g} with run.devices={devices}: a device has whole GPUs; set run.gpus to 1")
    for trial in trials:
        if trial.shards % devices:
            raise UsageError(
                f"run.devices={devices} does not divide shards={trial.shards} of {trial.dataset} with "
                f"{trial.normalizer.name}: set shards to {devices} or a multiple, or run.devices to a divisor"
            )


def joined(trial: Trial) -> bool:
    """Whether batch statistics are taken over all shards of a batch together."""
    return bool(trial.normalizer.as_dict().get("sync"))


def share(trial: Trial) -> int:
    """The samples of a batch that one batch statistic is taken over."""
    return trial.batch_size if joined(trial) else trial.batch_size // trial.shards


def _problems(trial: Trial, facts: DatasetFacts) -> Iterator[str]:
    try:
        train = facts.sizes(trial.split).train
        if trial.batch_size > train:
            yield (
                f"batch_size={trial.batch_size} exceeds the {train} training samples of {trial.dataset}: "
                "an incomplete batch is dropped, so nothing would be left"
            )
    except UsageError as error:
        yield str(error)
    if trial.batch_size % trial.shards:
        yield f"batch_size={trial.batch_size} does not divide into shards={trial.shards}"
        return
    if trial.nesterov and not trial.momentum:
        yield "nesterov=true needs a momentum above 0"
    for name in ("dropout", "alpha_dropout", "momentum", "label_smoothing", "ema"):
        if getattr(trial, name) >= 1:
            yield f"{name}={getattr(trial, name):g} must be below 1"
    yield from _schedule_problems(trial)
    yield from _warmup_problems(trial, facts)
    yield from _optimizer_problems(trial.optimizer, trial)
    if trial.activation.name == OWN and not brings_activation(trial.normalizer.name):
        able = [name for name, entry in NORMALIZERS.items() if entry.own_activation]
        yield (
            f"activation={OWN} with {trial.normalizer.name}: it brings none; for {', '.join(able)} alone: "
            "name another activation"
        )
    yield from _normalizer_problems(trial)
    yield from _recorded_problems(trial, facts)


def _recorded_problems(trial: Trial, facts: DatasetFacts) -> Iterator[str]:
    metrics = {metric.name for metric in trial.metrics}
    if "top5" in metrics and facts.classes <= 5:
        yield f"metrics with top5: {trial.dataset} has {facts.classes} classes, so top5 is always 0"
    if not trial.epochs and not trial.record and not own(trial.metrics):
        yield "epochs=0 without record: nothing is trained and nothing is looked at; name probes, or set epochs to 1"
    for probe in trial.record:
        if probe.name in metrics:
            yield f"record and metrics both name {probe.name}: their readings would be one; rename one in its plug-in"
        part = probe.as_dict().get("of")
        try:
            if part in ("train", "validation", "test") and not getattr(facts.sizes(trial.split), part):
                yield f"record with {probe.name} of={part}: {trial.dataset} has no {part} part; use of=train or of=test"
        except UsageError:  # of the split, which is told already
            return


def _schedule_problems(trial: Trial) -> Iterator[str]:
    options = trial.schedule.as_dict()
    at, factors = options.get("at"), options.get("factor")
    if isinstance(at, tuple) and isinstance(factors, tuple) and len(at) != len(factors):
        yield (
            f"schedule {trial.schedule}: {len(factors)} factors for {len(at)} places in `at`; give one factor for all, "
            "or one for each"
        )


def _warmup_problems(trial: Trial, facts: DatasetFacts) -> Iterator[str]:
    if trial.warmup and trial.warmup_steps:
        yield f"warmup={trial.warmup:g} and warmup_steps={trial.warmup_steps}: each says how long it is; give one"
        return
    try:
        told, taken, whole = f"warmup={trial.warmup:g}", warmup_steps(trial, facts), steps(trial, facts)
    except UsageError:  # of the split, which is told already
        return
    if trial.warmup_steps:
        told = f"warmup_steps={trial.warmup_steps}"
    if taken > whole > 0:
        yield f"{told}: it takes {taken:,.6g} steps, and training has {whole:,}: lr is never reached; shorten it"


def _optimizer_problems(optimizer: Choice, trial: Trial) -> Iterator[str]:
    for name in ("momentum", "nesterov"):
        value = getattr(trial, name)
        if value and name not in OPTIMIZERS[optimizer.name].takes:
            able = [other for other, entry in OPTIMIZERS.items() if name in entry.takes]
            yield (
                f"{optimizer.name} with {name}={str(value).lower()}: it has none; for {', '.join(able)} alone: "
                f'where: [{{if: "optimizer={",".join(able)}", {name}: {str(value).lower()}}}]'
            )
    for name, value in optimizer.options:
        if OPTIMIZERS[optimizer.name].plugin:
            break
        if name in ("betas", "rho") and (value == 1.0 or (isinstance(value, tuple) and 1.0 in value)):
            told = f"{[*value]}: each" if isinstance(value, tuple) else f"{value}:"
            yield f"{optimizer.name} with {name}={told} must be below 1"
        if name == "eps" and not value:
            yield f"{optimizer.name} with eps=0: a weight whose gradients are 0 becomes NaN; use 1e-8"


def _normalizer_problems(trial: Trial) -> Iterator[str]:
    entry, samples = normalizer(trial.normalizer.name), share(trial)
    told = f"batch_size={trial.batch_size}" + (f" in shards={trial.shards}" if samples < trial.batch_size else "")
    if trial.model.name in UNITS and samples < entry.least_values:
        allowed = ", ".join(name for name in ANY_BATCH if name in NORMALIZERS)
        few = f"{samples} value{'s' if samples > 1 else ''}"
        joins = "sync" in entry.options and trial.batch_size >= entry.least_values
        yield (
            f"{trial.normalizer.name} with {told}: {FEW_VALUES.of(few=few, least=entry.least_values)}; "
            + ("with its option sync=true it would be the whole batch; " if joins else "")
            + f"methods that allow it: {allowed}"
        )
    if joined(trial) and trial.shards > 1:
        for part in parts(trial.normalizer.name):
            if ALONE in LIMITS.get(part, ()) and (part != "normprop" or trial.normalizer["data"] == "batch"):
                yield (
                    f"{trial.normalizer.name} with sync=true in shards={trial.shards}: {ALONE.of(part=part)}; "
                    "use shards=1 or sync=false"
                )
    if "activated" in entry.points and trial.model.name in ("resmlp", "transformer"):
        yield (
            f"{trial.normalizer.name} with model {trial.model.name}: {NO_ACTIVATION.of(model=trial.model.name)}; "
            "use the model mlp, or another method"
        )
    for part in parts(trial.normalizer.name):
        for rule in RULES.get(part, ()):
            yield from rule(trial, samples)


def _vcl_subsets(trial: Trial, share: int) -> Iterator[str]:
    n = trial.normalizer["n"]
    assert isinstance(n, int)
    if n > share // 2:
        out = f"n <= {share // 2}" if share >= 4 else "a batch of 4 at least"
        yield f"vcl with n={n}: {SUBSETS.of(B=share, n=n)}; use {out}"


def _ghosts(trial: Trial, share: int) -> Iterator[str]:
    size = trial.normalizer["size"]
    assert isinstance(size, int)
    if share % size:
        yield f"gbn with size={size}: {GHOSTS.of(size=size, B=share)}; use a divisor of it"


def _noise_of_smaller_batch(trial: Trial, share: int) -> Iterator[str]:
    virtual, extra = trial.normalizer["virtual_batch"], trial.normalizer["extra"]
    assert isinstance(virtual, int)
    if share < 2 and trial.model.name not in UNITS:
        yield f"bn-noise with a batch of {share}: {ONE_IMAGE.of(B=share)}; take 2 at least"
    if not virtual:
        return
    told = f"bn-noise with virtual_batch={virtual}"
    if not 2 <= virtual <= share:
        yield f"{told}: {VIRTUAL_BATCH.of(virtual='it', B=share)}"
    if extra not in (0, NORMALIZERS["bn-noise"].options["extra"].default):
        yield f"{told} and extra={extra}: each says how much noise to add; give one"
    if trial.model.name not in UNITS:
        yield f"{told} and model {trial.model.name}: {POSITIONS.of(positions='positions')}; use extra"


def divisor(channels: int, groups: int) -> int:
    """The largest divisor of `channels` that is at most `groups`: into how many equal groups gn divides them."""
    return next(d for d in range(min(groups, channels), 0, -1) if channels % d == 0)


def _in_without_space(trial: Trial, _share: int) -> Iterator[str]:
    if trial.model.name in (*OF_WIDTH, "dgcnn"):
        yield f"in with model {trial.model.name}: {ONE_POSITION}; use ln or gn"


def _group_of_one_value(trial: Trial, _share: int) -> Iterator[str]:
    groups = trial.normalizer["groups"]
    assert isinstance(groups, int)
    if trial.model.name in OF_WIDTH and trial.width == divisor(trial.width, groups):
        yield (
            f"{trial.normalizer.name} with groups={groups}: {GROUP_OF_ONE.of(width=trial.width)}; "
            "use fewer groups, a wider layer or ln"
        )


def _ln_of_one_value(trial: Trial, _share: int) -> Iterator[str]:
    if trial.model.name in OF_WIDTH and trial.width == 1:
        yield f"ln with width=1: {LAYER_OF_ONE}; use a wider layer"


def _one_weight(trial: Trial, _share: int) -> Iterator[str]:
    if trial.model.name == "mlp" and trial.width == 1 and trial.depth > 1:
        yield f"{trial.normalizer.name} with width=1: {ONE_WEIGHT}; use a wider layer or wn"


def _cwo_one_weight(trial: Trial, share: int) -> Iterator[str]:
    if trial.normalizer["center"]:
        yield from _one_weight(trial, share)


def _normprop_dropout(trial: Trial, _share: int) -> Iterator[str]:
    for name in ("dropout", "alpha_dropout"):
        if getattr(trial, name):
            yield f"normprop with {name}={getattr(trial, name):g}: {DROPOUT.of(dropout='it')}; set 0"


def _normprop_batch(trial: Trial, share: int) -> Iterator[str]:
    if trial.normalizer["data"] == "batch" and share < 2:
        yield f"normprop with data=batch: {NO_VARIANCE.of(B=share)}; use data=global"


# Of one method each; a composition keeps the rules of its parts. `share` is what one shard has of the batch.
RULES: dict[str, tuple[Callable[[Trial, int], Iterator[str]], ...]] = {
    "vcl": (_vcl_subsets,),
    "gbn": (_ghosts,),
    "bn-noise": (_noise_of_smaller_batch,),
    "ln": (_ln_of_one_value,),
    "in": (_in_without_space,),
    "gn": (_group_of_one_value,),
    "evonorm-s0": (_group_of_one_value,),
    "cwn": (_one_weight,),
    "ws": (_one_weight,),
    "sws": (_one_weight,),
    "cwo": (_cwo_one_weight,),
    "normprop": (_normprop_dropout, _normprop_batch),
}
