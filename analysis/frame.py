"""Tables of trials: naming methods, and what of a sweep is there."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from importlib import resources
from typing import Any

import pandas as pd

from analysis.statistics.scores import listed, plain
from analysis.table_file import load
from sweeps.columns import settings
from sweeps.errors import UsageError
from sweeps.trial import completed
from sweeps.words.activations import OWN
from sweeps.words.settings import CHOICES
from sweeps.words.vocabulary import NORMALIZERS

# What tells trials apart apart from their seed; whatever of it varies must have a role in a comparison.
AXES = ("dataset", "model", "depth", "width", "activation", "normalizer", "batch_size", "split")
# What repeats a measurement on one data set.
DEPENDENT = {
    "seed": "seeds repeat one data set",
    "split": "the splits of a data set share samples",
    "epoch": "the epochs of a training share everything",
}


def published(paper: str, table: str) -> pd.DataFrame:
    """Figures typed from a paper's table, columns as in `published.csv`: paper, table, dataset, ..., value, std."""
    with resources.as_file(resources.files("analysis") / "published.csv") as path:
        frame = load(path)
    found = frame.loc[(frame["paper"] == paper) & (frame["table"].astype(str) == table)]
    if found.empty:
        raise UsageError(f"no published figures of paper {paper!r}, table {table!r}")
    return found.reset_index(drop=True)


def named_methods(frame: pd.DataFrame, roles: Collection[str] = ()) -> pd.DataFrame:
    """The table with options in the normalizer's name where a sweep varies them: `vcl` becomes `vcl(n=5)`.

    Only the options that differ among the trials of one normalizer are named, and none where the model alone decides
    them (a paper's settings for each network): those are one method. So are those that differ in what has one of the
    `roles`, such as `normalizer.n`, among whose values one is selected.
    """
    if "normalizer" not in frame or "normalizer_options" not in frame or "normalizer_options" in roles:
        return frame
    pairs = frame[["normalizer", "normalizer_options"]].drop_duplicates()
    if len(pairs) == len(set(pairs["normalizer"])):
        return frame
    models = frame.assign(model=frame.get("model", ""))[["normalizer", "model", "normalizer_options"]].drop_duplicates()
    names: dict[tuple[str, Any], str] = {}
    for normalizer, group in pairs.groupby("normalizer", sort=False):
        options = {text: parsed(text) for text in group["normalizer_options"]}
        if not models.loc[models["normalizer"] == normalizer, "model"].duplicated().any():
            names |= {(str(normalizer), plain(text)): str(normalizer) for text in options}
            continue
        differing = sorted(
            {
                k
                for o in options.values()
                for k in o
                if f"normalizer.{k}" not in roles and len({json.dumps(p.get(k)) for p in options.values()}) > 1
            }
        )
        for text, chosen in options.items():
            inside = ", ".join(f"{k}={chosen[k]}" for k in differing if k in chosen)
            names[str(normalizer), plain(text)] = f"{normalizer}({inside})" if inside else str(normalizer)
    keys = zip(frame["normalizer"], frame["normalizer_options"], strict=True)
    return frame.assign(normalizer=[names[str(n), plain(o)] for n, o in keys])


def parsed(text: Any) -> dict[str, Any]:
    return json.loads(text) if isinstance(text, str) and text else {}


def varying(frame: pd.DataFrame, names: Sequence[str] = AXES) -> list[str]:
    """Those of `names` that take more than one value in the table; the activation `own` says nothing of its own."""
    return [n for n in names if n in frame and len({*frame[n].unique()} - ({OWN} if n == "activation" else set())) > 1]


def of_every_activation(frame: pd.DataFrame, used: Collection[str]) -> pd.DataFrame:
    """The table where, if activations are `used` to tell rows or replicates apart, a training whose normalizer brings
    its own stands once for each of the others: with any of them it would have been the same."""
    if "activation" not in used or "activation" not in frame:
        return frame
    own = [a == OWN for a in frame["activation"]]
    others = [a for a in frame["activation"].unique() if a != OWN]
    if not any(own) or not others:
        return frame
    trained = frame.loc[[not o for o in own]]
    return pd.concat([trained, *(frame.loc[own].assign(activation=a) for a in others)], ignore_index=True)


def refuse_mixtures(frame: pd.DataFrame, used: Sequence[str]) -> None:
    """Raises UsageError for what must not be compared: several metrics, or trials of different protocols."""
    if "metric" in frame and "metric" not in used and len(frame["metric"].unique()) > 1:
        found = sorted(str(m) for m in frame["metric"].unique())
        raise UsageError(f"the table mixes the metrics {listed(found)}: compare one at a time")
    loose = [n for n in varying(frame) if n not in used]
    if loose:
        values = sorted({plain(v) for v in frame[loose[0]]})
        raise UsageError(
            f"{loose[0]} varies ({listed(values)}) but has no role: name it in rows, columns, select or average, "
            "or keep one value of it"
        )
    refuse_shards(frame, used)
    if "trial" in frame and "sweep" in frame and len(frame["sweep"].unique()) > 1:
        refuse_protocols(frame, used)


def refuse_shards(frame: pd.DataFrame, used: Sequence[str]) -> None:
    """Batch statistics over 4 samples and over 32 make two methods of one name: each part of a batch has its own."""
    if "shards" not in frame or "shards" in used:
        return
    options = frame["normalizer_options"] if "normalizer_options" in frame else [""] * len(frame)
    synchronized = [bool(parsed(text).get("sync")) for text in options]
    own = [not s and statistics_of_batches(n) for n, s in zip(frame["normalizer"], synchronized, strict=True)]
    kinds = frame.loc[own, [n for n in ("normalizer", "batch_size", "shards") if n in frame]].drop_duplicates()
    for size, group in kinds.groupby("batch_size") if "batch_size" in kinds else [("", kinds)]:
        one, *others = group.drop_duplicates("shards").itertuples()
        if others:
            told = " and ".join(f"{k.normalizer} with shards={k.shards}" for k in (one, others[0]))
            of = f" of a batch of {size}" if size else ""
            raise UsageError(
                f"{told}{of} take their statistics over different numbers of samples: name shards in `columns` or "
                "`rows`, or keep one value of it"
            )


def statistics_of_batches(normalizer: str) -> bool:
    parts = str(normalizer).split("(")[0].split("+")
    return any(p in NORMALIZERS and (NORMALIZERS[p].least_values > 1 or p == "vcl") for p in parts)


def refuse_dependent(rows: Sequence[str]) -> None:
    """Raises UsageError for rows that would count as independent in intervals and tests over rows, but are not."""
    for name in rows:
        if name in DEPENDENT:
            raise UsageError(
                f"{name} must not make rows: {DEPENDENT[name]}, so they are not independent data sets; take the mean "
                f"over it, for example `average: [{name if name == 'seed' else f'seed, {name}'}]`, or keep one value"
            )


def refuse_protocols(frame: pd.DataFrame, used: Sequence[str]) -> None:
    """Sweeps may be compared when they agree in every field of a trial that has no role."""
    free = {*used, "seed", "digest", "revision", "normalizer", "schema"}
    sweeps: dict[str, dict[str, set[str]]] = {}
    for sweep, text in frame[["sweep", "trial"]].drop_duplicates().itertuples(index=False):
        fields = sweeps.setdefault(str(sweep), {})
        for name, value in completed(parsed(text)).items():
            if name == "activation" and value["name"] == OWN:
                continue  # it follows from the normalizer
            fields.setdefault(name, set()).add(worded(value, name))
    (one, first), *others = sweeps.items()
    for other, fields in others:
        for name in sorted((first.keys() & fields.keys()) - free):
            if first[name] != fields[name]:
                raise UsageError(
                    f"sweeps {one} and {other} follow different protocols: {name} is {listed(sorted(first[name]))} "
                    f"in one and {listed(sorted(fields[name]))} in the other; report them apart"
                )


def with_fields(frame: pd.DataFrame, wanted: Collection[str] = ()) -> pd.DataFrame:
    """The table with a column for each field of a trial that varies or is `wanted`, from the column `trial`, and for
    each wanted option of one, such as `normalizer.n`; without `trial`, from the options beside a choice's name."""
    if "trial" not in frame:
        return with_options(frame, wanted)
    trials = [completed(parsed(text)) for text in frame["trial"]]
    if any("." in name for name in wanted):
        for name, values in settings(trials).items():
            if "." in name and name in wanted:
                frame = with_column(frame, name, values)
    known = {name for trial in trials[:1] for name in trial}
    names = sorted(known - {"digest", "revision", "schema", *map(str, frame)})
    columns: dict[str, list[str]] = {}
    for name in names:
        values = [trial.get(name) for trial in trials]
        # Most fields are the same in all trials of a sweep: those cost one comparison a trial.
        if name in wanted or values.count(values[0]) < len(values):
            columns[name] = [worded(value, name) for value in values]
    return frame.assign(**columns)


def with_options(frame: pd.DataFrame, wanted: Collection[str]) -> pd.DataFrame:
    for name in wanted:
        choice, _, option = name.partition(".")
        if name not in frame and option and f"{choice}_options" in frame:
            values = [parsed(text).get(option) for text in frame[f"{choice}_options"]]
            if any(value is not None for value in values):
                frame = with_column(frame, name, values)
    return frame


def with_column(frame: pd.DataFrame, name: str, values: Sequence[Any]) -> pd.DataFrame:
    """The table with one more column, whose whole numbers stay whole where others are missing."""
    return frame.assign(**{name: pd.Series(list(values), index=frame.index, dtype="object")})


def worded(value: Any, name: str) -> str:
    """A field's value as text; of a choice its name and the options that are not at their defaults."""
    known = CHOICES.get(name, {}).get(value["name"]) if isinstance(value, dict) and "name" in value else None
    if known is None:
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    usual = {k: list(o.default) if isinstance(o.default, tuple) else o.default for k, o in known.options.items()}
    options = {k: v for k, v in value["options"].items() if k not in usual or v != usual[k]}
    inside = ", ".join(f"{k}={v}" for k, v in sorted(options.items()))
    return f"{value['name']}({inside})" if inside else value["name"]
