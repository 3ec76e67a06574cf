"""How the `trial:` section expands: axes multiplied, columns zipped, values drawn, special cases set, some left out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from sweeps.select import Selector
from sweeps.trial import is_left_out
from sweeps.words.activations import ACTIVATIONS, OWN
from sweeps.words.choice import Choice
from sweeps.words.composition import brings_activation
from sweeps.words.settings import AUTO_INIT_OF_NORMALIZER, LISTS, Value

OWN_ACTIVATION = Choice(OWN)

Draft = dict[str, Value]  # a trial without what only the data set and the method can tell


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """`uniform` and `loguniform` on [low, high], `integers` low..high, `choice` among `values`."""

    kind: str
    values: tuple[Value, ...]

    def at(self, u: float) -> Value:
        """The value at the quantile u in [0, 1). Numbers have 6 significant digits, so that no machine's last bit
        decides a trial's identity."""
        if self.kind == "choice":
            return self.values[int(u * len(self.values))]
        low, high = (float(str(v)) for v in self.values)
        if self.kind == "integers":
            return int(low + math.floor(u * (high - low + 1)))
        value = low * (high / low) ** u if self.kind == "loguniform" else low + (high - low) * u
        return float(f"{value:.6g}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Random:
    """`count` draws of several settings at once. Draw i of a setting depends on (seed, setting, i) alone, so a larger
    count keeps the earlier draws and another setting changes none."""

    count: int
    seed: int
    settings: Mapping[str, Distribution]

    def rows(self) -> list[Draft]:
        return [
            {name: distribution.at(uniform(self.seed, name, i)) for name, distribution in self.settings.items()}
            for i in range(self.count)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Special:
    """Settings for the combinations that a selector matches."""

    when: Selector
    settings: Mapping[str, Value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axes:
    """The `trial:` section, wholly parsed. `settings` holds every setting that is neither zipped nor drawn."""

    settings: Mapping[str, tuple[Value, ...]]
    zips: tuple[Mapping[str, tuple[Value, ...]], ...] = ()
    random: Random | None = None
    where: tuple[Special, ...] = ()
    exclude: tuple[Selector, ...] = ()
    lr_reference_batch: int = 0

    def drafts(self) -> Iterator[Draft]:
        """Every combination once, the first axis slowest; `where` is applied in order, then `exclude`."""
        seen: set[tuple[Value, ...]] = set()
        names = self._varied()
        for draft in self._combinations():
            self._settle(draft)
            key = tuple([draft[name] for name in names])
            if key not in seen and not any(selector.matches(draft) for selector in self.exclude):
                seen.add(key)
                yield draft

    def lengths(self) -> dict[str, int]:
        """How many values each axis has, those of one value left out; their product is the number of combinations."""
        lengths = {name: len(values) for name, values in self.settings.items()}
        lengths |= {"+".join(zipped): len(next(iter(zipped.values()))) for zipped in self.zips}
        lengths |= {"random": self.random.count} if self.random else {}
        return {name: length for name, length in lengths.items() if length > 1}

    def values(self, name: str) -> list[Value]:
        """All that a setting is given anywhere."""
        given = [*self.settings.get(name, ())]
        given += [value for zipped in self.zips for value in zipped.get(name, ())]
        given += [special.settings[name] for special in self.where if name in special.settings]
        if self.random and name in self.random.settings:
            given += self.random.settings[name].values
        return given

    def idle(self) -> tuple[list[Special], list[Selector]]:
        """The entries of `where` and of `exclude` that no combination matches."""
        specials, selectors = list(self.where), list(self.exclude)
        for draft in self._combinations() if specials or selectors else ():
            applied = self._settle(draft)
            specials = [special for special in specials if special not in applied]
            selectors = [selector for selector in selectors if not selector.matches(draft)]
            if not specials and not selectors:
                break
        return specials, selectors

    def _varied(self) -> tuple[str, ...]:
        """The settings in which two combinations can differ; every other follows from these."""
        names = [name for name, values in self.settings.items() if len(values) > 1]
        for more in (*self.zips, *(special.settings for special in self.where)):
            names += more
        return tuple(dict.fromkeys([*names, *(self.random.settings if self.random else ())]))

    def _combinations(self) -> Iterator[Draft]:
        fixed: Draft = {name: values[0] for name, values in self.settings.items() if len(values) == 1}
        columns: list[list[Draft]] = [
            [{name: value} for value in values] for name, values in self.settings.items() if len(values) > 1
        ]
        for zipped in self.zips:
            columns.append([dict(zip(zipped, row, strict=True)) for row in zip(*zipped.values(), strict=True)])
        if self.random:
            columns.append(self.random.rows())
        for combination in product(*columns):
            draft = dict(fixed)
            for part in combination:
                draft.update(part)
            yield draft

    def _settle(self, draft: Draft) -> list[Special]:
        """Sets what follows from the rest; returns the special cases that matched."""
        applied: list[Special] = []
        given = draft["activation"]
        _activate(draft, given)
        for special in self.where:
            if special.when.matches(draft):
                draft.update(special.settings)
                given = special.settings.get("activation", given)
                _activate(draft, given)
                applied.append(special)
        if draft["init"] == "auto":
            activation, method = draft["activation"], draft["normalizer"]
            assert isinstance(activation, Choice)
            assert isinstance(method, Choice)
            stated = AUTO_INIT_OF_NORMALIZER.get(method.name)
            draft["init"] = stated or ACTIVATIONS[activation.name].init
        if self.lr_reference_batch:
            lr, batch_size = draft["lr"], draft["batch_size"]
            assert isinstance(lr, float)
            assert isinstance(batch_size, int)
            draft["lr"] = float(f"{lr * batch_size / self.lr_reference_batch:.12g}")
        return applied

    def as_json(self) -> dict[str, Any]:
        """In the words of a sweep file, every option and default written out, but for younger settings."""
        data: dict[str, Any] = {
            name: _json(values[0]) if name in LISTS else [_json(v) for v in values]
            for name, values in self.settings.items()
            if not (len(values) == 1 and is_left_out(name, *values))
        }
        if self.zips:
            data["zip"] = [{name: [_json(v) for v in values] for name, values in z.items()} for z in self.zips]
        if self.random:
            drawn = {n: {d.kind: [_json(v) for v in d.values]} for n, d in self.random.settings.items()}
            data["random"] = {"count": self.random.count, "seed": self.random.seed, **drawn}
        if self.where:
            data["where"] = [
                {"if": str(e.when), **{name: _json(value) for name, value in e.settings.items()}} for e in self.where
            ]
        if self.exclude:
            data["exclude"] = [str(selector) for selector in self.exclude]
        if self.lr_reference_batch:
            data["lr_reference_batch"] = self.lr_reference_batch
        return data


def _activate(draft: Draft, given: Value) -> None:
    """Sets the activation: the one that is given, unless the normalizer brings its own."""
    method = draft["normalizer"]
    assert isinstance(method, Choice)
    draft["activation"] = OWN_ACTIVATION if brings_activation(method.name) else given


def uniform(seed: int, name: str, i: int) -> float:
    """A number in [0, 1) out of the hash of its arguments: the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{i}".encode()).digest()[:6]) / 2**48


def _json(value: Value) -> Any:
    if isinstance(value, Choice):
        return {value.name: {k: list(v) if isinstance(v, tuple) else v for k, v in value.options}}
    return [_json(each) for each in value] if isinstance(value, tuple) else value
