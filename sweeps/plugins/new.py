"""The files that a plug-in begins with."""

from __future__ import annotations

from pathlib import Path

from sweeps.errors import UsageError
from sweeps.plugins import texts
from sweeps.plugins.loading import name_problem
from sweeps.words.kinds import KINDS
from sweeps.words.near import one_of

_TEXTS = {
    "normalizer": texts.NORMALIZER,
    "model": texts.MODEL,
    "activation": texts.ACTIVATION,
    "optimizer": texts.OPTIMIZER,
    "schedule": texts.SCHEDULE,
    "augmentation": texts.AUGMENTATION,
    "metric": texts.METRIC,
    "probe": texts.PROBE,
}
NEW = tuple(_TEXTS)  # the kinds that may be begun


def written(kind: str, name: str, folder: Path) -> tuple[Path, Path]:
    """Writes one of that kind and name, and its test. UsageError for an unknown kind, for a name that cannot be, and
    for files that exist."""
    text = _TEXTS[one_of("kind of plug-in", kind, NEW)]
    if wrong := name_problem(next(field for field, entry in KINDS.items() if entry.kind == kind), name):
        raise UsageError(wrong)
    file = name.replace("-", "_")
    words = {"FUNCTION": file, "CLASS": "".join(word.capitalize() for word in name.split("-")), "NAME": name}
    method, test = folder / f"{file}.py", folder / f"test_{file}.py"
    for path in (method, test):
        if path.exists():
            raise UsageError(f"{path} exists already: move it away or choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    for word, said in words.items():
        text = text.replace(word, said)
    method.write_text(text, encoding="utf-8")
    test.write_text(texts.TEST.replace("FILE", file), encoding="utf-8")
    return method, test
