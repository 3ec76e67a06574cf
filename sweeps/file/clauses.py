"""What is wrong with a selector that is meant for a sweep: values that no setting can have, clauses that match nothing.

A selector of results may name columns that are not settings; only the clauses on settings are looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from sweeps.errors import UsageError
from sweeps.file.axes import Axes
from sweeps.file.sections import VERSUS, AnalysisSection
from sweeps.records import STATES
from sweeps.select import Alternative, Clause, Selector
from sweeps.words.choice import Choice
from sweeps.words.composition import parts
from sweeps.words.declared import Option
from sweeps.words.near import unknown
from sweeps.words.settings import CHOICES, SETTINGS

_STATE = Option("word", "todo", words=STATES)


def selector_from(text: str) -> Selector | None:
    """The selector of `-w`; None for an empty text. UsageError as `valid` and `Selector.parse` raise it."""
    return valid(Selector.parse(text) or None)


def valid(selector: Selector | None) -> Selector | None:
    """The selector. UsageError, a line for each value that no trial can have."""
    if selector and (found := problems(selector)):
        raise UsageError("\n".join(found))
    return selector


def problems(selector: Selector) -> list[str]:
    """One sentence for each value that the field of its clause cannot have. Patterns may match nothing."""
    return [sentence for clause in selector.clauses for sentence in _problems(clause)]


def warnings(axes: Axes, where: Selector | None = None, analysis: AnalysisSection | None = None) -> list[str]:
    """One sentence for each entry of `where` and `exclude` that changes nothing, for each data set and each method of
    the analysis that is absent, and for draws that coincide."""
    specials, selectors = axes.idle()
    told = [("where", special.when, special in specials) for special in axes.where]
    told += [("exclude", selector, selector in selectors) for selector in axes.exclude]
    told += [("-w", where, False)] if where else []
    datasets = [str(value) for value in axes.values("dataset")]
    found: list[str] = []
    for kind, selector, idle in told:
        absent = [name for name in _named(selector) if name not in datasets]
        near = [name for word in absent for name in get_close_matches(word, datasets, n=1)]
        if idle or absent:
            text = " ".join(map(str, selector.clauses))
            found.append(
                f"{kind}: '{text}'"
                + " matches no trial" * idle
                + f"{': it' * idle} names {', '.join(absent)}, which is no data set of this sweep" * bool(absent)
                + f"; did you mean {' or '.join(near)}?" * bool(near)
            )
    return found + _coinciding(axes) + ([] if analysis is None else _without_methods(axes, analysis))


def _coinciding(axes: Axes) -> list[str]:
    """Draws of `random` and rows of `zip` that are equal: each makes its trials once."""
    drawn = [("random", [tuple(row.values()) for row in axes.random.rows()])] if axes.random else []
    columns = [*drawn, *(("zip", [*zip(*zipped.values(), strict=True)]) for zipped in axes.zips)]
    return [
        f"{kind}: of its {len(rows):,} rows {len(set(rows)):,} differ; equal ones make the same trials"
        for kind, rows in columns
        if len(set(rows)) < len(rows)
    ]


def _without_methods(axes: Axes, analysis: AnalysisSection) -> list[str]:
    """Options are left aside: they are in a method's name where they vary."""
    names = {choice.name for choice in axes.values("normalizer") if isinstance(choice, Choice)}
    asked = [("baseline", analysis.baseline)] * bool(analysis.baseline)
    if "normalizer" in analysis.columns:
        asked += [
            ("compare", name.strip()) for word in analysis.compare for name in word.split(VERSUS) if VERSUS in word
        ]
    return [
        f"{setting}: {unknown('normalizer of this sweep', method, names)}"
        for setting, method in asked
        if names.isdisjoint(part.strip().partition("(")[0] for part in method.split(","))
    ]


def _problems(clause: Clause) -> Iterator[str]:
    if clause.text.startswith("="):
        yield f"'{clause}' has two `=`: write {clause.field}={clause.text[1:]}"
        return
    ordered = clause.operator not in ("=", "!=")
    for alternative in clause.alternatives:
        if alternative.glob and not ordered:
            continue
        if clause.field in CHOICES:
            sentence = "" if ordered else _name_problem(clause.field, alternative.text)
        else:
            options = [option for option in _options(clause.field) if not ordered or option.kind in ("int", "float")]
            told = [_value_problem(clause.field, option, alternative) for option in options]
            sentence = told[0] if told and all(told) else ""
        if sentence:
            yield f"'{clause}': {sentence}"


def _name_problem(kind: str, name: str) -> str:
    if kind != "normalizer":
        return "" if name in CHOICES[kind] else unknown(kind, name, CHOICES[kind])
    try:
        ordered = "+".join(parts(name))
    except UsageError as error:
        return str(error)
    return "" if name == ordered else f"the composition '{name}' is called {ordered}"


def _options(field: str) -> Iterator[Option]:
    """What a field may be: a setting, or the option of that name of any entry."""
    if field in SETTINGS or field == "state":
        yield SETTINGS.get(field, _STATE)
        return
    kind, _, name = field.rpartition(".")
    for entries in (CHOICES[kind],) if kind in CHOICES else () if kind else CHOICES.values():
        yield from (entry.options[name] for entry in entries.values() if name in entry.options)


def _value_problem(field: str, option: Option, alternative: Alternative) -> str:
    text = alternative.text
    if text == "null" and option.default is None:
        return ""
    if option.kind == "choices" and text not in option.entries:
        return unknown(field, text, option.entries)
    if option.kind in ("word", "words"):
        try:
            option.word(field, text)
        except UsageError as error:
            return str(error)
    if option.kind == "bool" and text.lower() not in ("true", "false"):
        return f"'{field}' is true or false, not '{text}'"
    if option.kind in ("int", "float") and alternative.number is None:
        return f"'{field}' is a number, not '{text}'"
    return ""


def _named(selector: Selector) -> list[str]:
    return [
        alternative.text
        for clause in selector.clauses
        if clause.field == "dataset" and clause.operator in ("=", "!=")
        for alternative in clause.alternatives
        if not alternative.glob
    ]
