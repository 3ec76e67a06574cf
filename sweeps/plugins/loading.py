"""From a file to what it declares. A file is run once a process, whatever the number of sweeps that name it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from sweeps.errors import UsageError
from sweeps.file.document import scalar
from sweeps.identity import sha256_of
from sweeps.plugins.plugin import Declared, Key, Plugin
from sweeps.plugins.use import taken, taken_by
from sweeps.probes import WHEN, Metric, Probe, columns
from sweeps.records import ALIASES, COLUMNS
from sweeps.trial import field_names
from sweeps.words.activations import INITS
from sweeps.words.declared import LARGEST_FLOAT, Entry, Option
from sweeps.words.kinds import KINDS, plural
from sweeps.words.near import unknown

GROUP = "normsweep"  # of entry points: normsweep.normalizers, normsweep.models, ...
MODULES = "normsweep_plugin_"  # + the digest: the modules that files become
NAME = re.compile(r"[a-z][a-z0-9-]*")
_KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "word": str}
_LISTS: dict[str, type] = {"ints": int, "floats": float}  # of their elements; no normalizer has such an option
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ENTRY: dict[str, type] = {
    "summary": str,
    "source": str,
    "least_values": int,
    "own_activation": bool,
    "revision": int,
    "options": Mapping,
    "packs": bool,
    "takes": tuple,
    "learns": Mapping,
    "init": str,
}
_OPTION: dict[str, type] = {"kind": str, "packs": bool, "help": str, "words": tuple, "length": int}
_TYPES = ", ".join(kind.__name__ for kind in KINDS.values())
_TAKEN = ("momentum", "nesterov")  # settings that an optimizer may take


def find(file: str, folder: Path) -> Path:
    """Where the plug-in lies that a sweep file in `folder` names: `rms.py`, or the entry point of an installed package.

    UsageError where it is not.
    """
    if file.endswith(".py"):
        try:
            path = folder / Path(file).expanduser()
            if path.is_file():
                return path
        except (OSError, RuntimeError, ValueError) as error:  # too long; a user that is not known; a null byte
            raise UsageError(f"{file} cannot be the name of a plug-in file: {_said(error)}") from None
        raise UsageError(f"there is no plug-in file {path}")
    point = _entry_point(file)
    told = f"the entry point {file} of {point.group} names {point.module}"
    try:
        spec = util.find_spec(point.module)
    except Exception as error:  # noqa: BLE001  finding a module imports the package that holds it
        raise UsageError(f"{told}, whose package cannot be imported: {_said(error)}") from None
    if spec is None or not spec.origin:
        raise UsageError(f"{told}, which is not installed")
    return Path(spec.origin)


def _entry_point(name: str) -> EntryPoint:
    """Of whatever group. UsageError where none is called so, and where several are that name different modules."""
    points = [point for field in KINDS for point in entry_points(group=f"{GROUP}.{plural(field)}")]
    found = {point.module: point for point in points if point.name == name}
    if not found:
        names = [point.name for point in points]
        raise UsageError(f"{unknown(f'entry point of {GROUP}', name, names)} A file of your own ends in .py.")
    if len(found) > 1:
        told = " and ".join(f"{point.module} ({point.group})" for point in found.values())
        raise UsageError(f"the entry point {name} of {GROUP} names {told}: ask the packages' authors to rename one")
    return next(iter(found.values()))


def read(path: Path, file: str = "") -> Plugin:
    """Runs a file. UsageError with the file, and the line where there is one, for one that is no plug-in."""
    try:
        code = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read as a plug-in: {error.strerror}") from None
    return load(code, file or str(path), str(path))


@cache
def load(code: bytes, file: str, path: str) -> Plugin:
    """Runs the code of a file that is called `file` and lies at `path`. UsageError as `read` raises it."""
    digest = sha256_of(code)
    module = _module(code, digest, path)
    found: dict[Key, Entry] = {}
    for thing in vars(module).values():
        own = getattr(thing, "__module__", "") == module.__name__
        declared = getattr(thing, "__dict__", {}).get("declared") if own else None
        if not isinstance(declared, Declared):
            continue
        key = field_of(declared.entry), declared.name
        if key in found:
            raise UsageError(f"{path}:{declared.line}: '{declared.name}' is declared twice")
        implementation = f"{module.__name__}:{thing.__qualname__}"
        found[key] = replace(declared.entry, implementation=implementation, plugin=digest)
    if not found:
        raise UsageError(f"{path}: it declares nothing: put `@plugin(NAME, ENTRY)` above a class; entries are {_TYPES}")
    return Plugin(file=file, digest=digest, entries=found, code=code)


def field_of(entry: object) -> str:
    """The field of a trial that holds names of the entry's kind; none for what is no entry."""
    return next((field for field, kind in KINDS.items() if type(entry) is kind), "")


def problem(declared: Declared) -> str:
    """What is wrong with a declaration, in a sentence; nothing for a right one."""
    name, entry = declared.name, declared.entry
    field = field_of(entry)
    if not field:
        return f"{name}: {entry!r} is no entry: use {_TYPES}"
    own = {key: kind for key, kind in _ENTRY.items() if hasattr(entry, key)}
    if told := name_problem(field, name) or _type_problem(entry, own):
        return told
    for option, spec in entry.options.items():
        if told := _option_name_problem(entry, option) or _option_problem(entry, spec):
            return f"option '{option}' of {name}: {told}"
    if isinstance(entry, Probe | Metric) and (not entry.packs or any(o.packs for o in entry.options.values())):
        return f"{name}: all trials of a pack have the same {entry.kind}s: leave `packs` out"
    if isinstance(entry, Probe) and not {*entry.options["when"].words} <= {*WHEN}:
        return f"option 'when' of {name}: its words are among {', '.join(WHEN)}; leave it out to look at every epoch"
    for key in ("least_values", "revision"):
        if getattr(entry, key, 1) < 1:
            return f"{name}: least_values and revision are 1 at least"
    if wrong := [taken for taken in getattr(entry, "takes", ()) if taken not in _TAKEN]:
        return f"{name}: it `takes` {wrong[0]!r}: say {' or '.join(_TAKEN)}"
    if getattr(entry, "init", "he") not in INITS:
        return f"{name}: {unknown('init', getattr(entry, 'init', ''), INITS)}"
    for learned, option in getattr(entry, "learns", {}).items():
        if option not in entry.options or entry.options[option].kind != "float":
            return f"{name}: it learns '{learned}', which begins at '{option}': that is no option of kind float"
    return ""


def name_problem(field: str, name: object) -> str:
    """Why something of a kind cannot be called so, in a sentence; nothing where it can."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"the name '{name}' is invalid: use small letters, digits and '-', and begin with a letter"
    if not isinstance(scalar(name), str):
        return f"the name '{name}' is no word in a sweep file: choose another"
    if taken(field, name):
        return f"{taken_by(field, name)}: choose another"
    for column in columns(name).values() if field == "metrics" else ():
        if column in (*COLUMNS, *ALIASES):
            return f"the metric '{name}' would be the column '{column}', which results have already: choose another"
    return ""


def _type_problem(thing: object, types: Mapping[str, type]) -> str:
    for field, kind in types.items():
        value = getattr(thing, field)
        if not isinstance(value, kind):
            return f"its {field} {value!r} is of type {type(value).__name__}, not {kind.__name__}"
    return ""


def _option_name_problem(entry: Entry, name: str) -> str:
    if not _OPTION_NAME.fullmatch(str(name)):
        return "the name is invalid: use small letters, digits and '_', and begin with a letter"
    meant = {*field_names(), *entry.given, "self", "name"}
    return "the name has another meaning: choose another" if name in meant else ""


def _option_problem(entry: Entry, option: object) -> str:
    if not isinstance(option, Option):
        return f"{option!r} is no Option"
    if told := _type_problem(option, _OPTION):
        return told
    if {*map(type, option.words)} - {str}:
        return f"its words {option.words!r} are not all words"
    if wrong := [end for end in (option.low, option.high) if end is not None and not _is_finite(end)]:
        return f"its limit {wrong[0]!r} is no finite number"
    kinds = _KINDS if entry.kind == "normalizer" else _KINDS | _LISTS
    if option.kind not in kinds:
        return f"kind '{option.kind}' is none that {entry.kind}s may have: use {', '.join(kinds)}"
    if option.by is not None or option.younger:
        return "`by` and `younger` are for what normsweep ships: leave them out"
    listed = option.kind in _LISTS and isinstance(option.default, tuple)
    values = option.default if isinstance(option.default, tuple) and listed else (option.default,)
    if any(type(value) is not kinds[option.kind] for value in values) or (option.kind == "ints" and not listed):
        return f"its default {option.default!r} is not of kind {option.kind}"
    if option.length and len(values) != option.length:
        return f"its default {option.default!r} has not the length {option.length}"
    if isinstance(option.default, str):
        return "" if option.default in option.words else f"its default '{option.default}' is none of its words"
    for value in values:
        if not isinstance(value, bool) and isinstance(value, int | float) and (broken := option.broken(value)):
            return f"its default {value} must be {broken}"
    return ""


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_FLOAT


def _module(code: bytes, digest: str, path: str) -> ModuleType:
    name = f"{MODULES}{digest}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = path
    try:
        compiled = compile(code, path, "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the last two: nested too deeply
        line, told = getattr(error, "lineno", None), getattr(error, "msg", "") or _said(error)
        raise UsageError(f"{path}{f':{line}' if line else ''}: not Python: {told}") from None
    sys.modules[name] = module
    try:
        exec(compiled, vars(module))  # noqa: S102  what the user names in a sweep file of their own
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        told = str(error) if isinstance(error, UsageError) else f"it raises {_said(error)} when it is imported"
        raise UsageError(f"{path}:{_line(error, path)}: {told}") from error
    return module


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}" if str(error) else type(error).__name__


def _line(error: BaseException, path: str) -> int:
    """The last line of the file itself that the error came through."""
    line, frame = 1, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
