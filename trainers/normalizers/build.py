"""From a name to the method at one site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeps.errors import UsageError
from sweeps.words.composition import normalizer, parts
from sweeps.words.declared import Option
from sweeps.words.near import unknown
from sweeps.words.vocabulary import NORMALIZERS
from trainers.normalizers.composite import Composite
from trainers.normalizers.method import Method, Site
from trainers.plugins.lookup import implementation


def build(name: str, site: Site, **options: Any) -> Method:
    """The method `name`, or the composition "a+b", at `site`.

    Options left out take the vocabulary's defaults; those that may differ within a pack are one value or one for each
    replica; one that several parts of a composition have goes to all of them. UsageError for a name or an option that
    is not there, for a value that the option does not take, and for parts that act at the same point.
    """
    known = normalizer(name).options
    for option, value in options.items():
        if option not in known:
            raise UsageError(unknown(f"option of {name}", option, known))
        _check(f"{name}'s option {option}", known[option], value, site.replicas)
    methods = [_build(part, site, options) for part in parts(name)]
    return methods[0] if len(methods) == 1 else Composite(methods)


def _build(name: str, site: Site, options: dict[str, Any]) -> Method:
    method = class_of(name)
    entry = NORMALIZERS[name]
    return method(site, **{option: options.get(option, spec.default) for option, spec in entry.options.items()})


def class_of(name: str) -> type[Method]:
    """The class of a method of the vocabulary. UsageError for one of a plug-in of which only a record is at hand."""
    return implementation("normalizer", name)


_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "word": (str,)}


def _check(what: str, option: Option, given: Any, replicas: int) -> None:
    """UsageError unless the option takes the value, or each of R values where it packs."""
    several = option.packs and isinstance(given, Sequence) and not isinstance(given, str)
    values: tuple[Any, ...] = tuple(given) if several else (given,)
    if several and len(values) != replicas:
        raise UsageError(f"{what} has {len(values)} values for {replicas} replicas: give one, or one for each")
    for value in values if option.default is not None else [v for v in values if v is not None]:
        if type(value) not in _KINDS[option.kind]:
            raise UsageError(f"{what} is of kind {option.kind}, not {value!r}")
        if option.words and value not in option.words:
            raise UsageError(unknown(f"value of {what}", value, option.words))
        low, high = option.low, option.high
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = [f"{word} {end:g}" for word, end in (("at least", low), ("at most", high)) if end is not None]
            raise UsageError(f"{what} must be {' and '.join(bounds)}, not {value}")
