"""`normsweep list` and `normsweep schema`: what there is, and what the files that a user writes may say."""

from __future__ import annotations

from typing import Any

from sweeps.words.near import one_of

SCHEMAS = ("sweep", "site")
NAMES = ("normalizers", "activations", "models", "optimizers", "schedules", "augmentations", "metrics", "probes")
KEYS = ("settings", "run", "analysis", "site")
LISTS = ("presets", "datasets", *NAMES, *KEYS)


def listed(what: str) -> list[dict[str, Any]]:
    """Names, one sentence and the source of each, of normalizers also where they cannot be used; of settings and keys,
    default, values and meaning."""
    if what == "presets":
        from sweeps.file.spec import presets

        return [{"name": name, "what": text} for name, text in presets().items()]
    if what == "datasets":
        from trainers.data import missing, names

        absent = missing(names())
        return [{"name": name, "here": "no" if name in absent else "yes"} for name in names()]
    if what in KEYS:
        return _keys(what)
    one_of("list", what, LISTS)
    from sweeps.limits import limits
    from sweeps.words.kinds import NAMES as ENTRIES
    from sweeps.words.kinds import plural

    entries = {plural(field): names for field, names in ENTRIES.items()}
    return [
        {
            "name": name,
            "what": entry.summary,
            "source": entry.source,
            "options": ", ".join(f"{k}={v.default}" for k, v in entry.options.items()),
            **({"cannot be used where": "; ".join(limits(name))} if what == "normalizers" else {}),
        }
        for name, entry in entries[what].items()
    ]


def schema(what: str) -> dict[str, Any]:
    """The JSON Schema of a sweep file or of a site file."""
    if one_of("schema", what, SCHEMAS) == "sweep":
        from sweeps.file.schema import sweep_schema

        return sweep_schema()
    from orchestrator.cluster.site import schema

    return schema()


def _keys(what: str) -> list[dict[str, str]]:
    if what == "site":
        from orchestrator.cluster.site import keys

        return keys()
    from sweeps.file.sections import ANALYSIS, RUN
    from sweeps.words.declared import table
    from sweeps.words.settings import DECLARED

    return table({"settings": DECLARED, "run": RUN, "analysis": ANALYSIS}[what])
