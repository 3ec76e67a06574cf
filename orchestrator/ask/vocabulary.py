"""`normsweep list`: presets, data sets, and the names that a sweep file may use."""

from __future__ import annotations

from typing import Any

from sweeps.errors import UsageError
from sweeps.near import unknown


def listed(what: str) -> list[dict[str, Any]]:
    """Names, one sentence and the source of each."""
    from sweeps import vocabulary
    from sweeps.spec import presets

    entries = {
        "normalizers": vocabulary.NORMALIZERS,
        "activations": vocabulary.ACTIVATIONS,
        "models": vocabulary.MODELS,
        "schedules": vocabulary.SCHEDULES,
        "augmentations": vocabulary.AUGMENTATIONS,
    }
    if what == "presets":
        return [{"name": name, "what": text} for name, text in presets().items()]
    if what == "datasets":
        from trainers.data import missing, names

        absent = missing(names())
        return [{"name": name, "here": "no" if name in absent else "yes"} for name in names()]
    if what not in entries:
        raise UsageError(unknown("list", what, ("presets", "datasets", *entries)))
    return [
        {
            "name": name,
            "what": entry.summary,
            "source": entry.source,
            "options": ", ".join(f"{k}={v.default}" for k, v in entry.options.items()),
        }
        for name, entry in entries[what].items()
    ]
