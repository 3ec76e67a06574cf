"""From a file to what it declares. A file is run once a process, whatever the number of sweeps that name it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import util
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from sweeps.errors import UsageError
from sweeps.file.document import scalar
from sweeps.identity import sha256_of
from sweeps.plugins.plugin import Declared, Plugin
from sweeps.plugins.use import taken
from sweeps.trial import field_names
from sweeps.words.declared import LARGEST_FLOAT, Option
from sweeps.words.near import unknown
from sweeps.words.vocabulary import Normalizer

GROUP = "normsweep.normalizers"  # of entry points
MODULES = "normsweep_plugin_"  # + the digest: the modules that files become
NAME = re.compile(r"[a-z][a-z0-9-]*")
_KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "word": str}
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARGUMENTS = {"self", "site", "name"}  # of what is called with the options
_ENTRY: dict[str, type] = {
    "summary": str,
    "source": str,
    "least_values": int,
    "own_activation": bool,
    "revision": int,
    "options": Mapping,
}
_OPTION: dict[str, type] = {"kind": str, "packs": bool, "help": str, "words": tuple}


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
    points = {point.name: point for point in entry_points(group=GROUP)}
    if file not in points:
        raise UsageError(f"{unknown('entry point of ' + GROUP, file, points)} A file of your own ends in .py.")
    try:
        spec = util.find_spec(points[file].module)
    except Exception as error:  # noqa: BLE001  finding a module imports the package that holds it
        told = f"whose package cannot be imported: {_said(error)}"
        raise UsageError(f"the entry point {file} of {GROUP} names {points[file].module}, {told}") from None
    if spec is None or not spec.origin:
        raise UsageError(f"the entry point {file} of {GROUP} names {points[file].module}, which is not installed")
    return Path(spec.origin)


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
    found: dict[str, Normalizer] = {}
    for thing in vars(module).values():
        declared = (
            vars(thing).get("declared") if isinstance(thing, type) and thing.__module__ == module.__name__ else None
        )
        if not isinstance(declared, Declared):
            continue
        if wrong := problem(declared) or (f"'{declared.name}' is declared twice" if declared.name in found else ""):
            raise UsageError(f"{path}:{declared.line}: {wrong}")
        implementation = f"{module.__name__}:{thing.__qualname__}"
        found[declared.name] = replace(declared.entry, implementation=implementation, plugin=digest)
    if not found:
        raise UsageError(f"{path}: it declares no method: put `@plugin(NAME, Normalizer(...))` above a class of it")
    return Plugin(file=file, digest=digest, normalizers=found, code=code)


def problem(declared: Declared) -> str:
    """What is wrong with a declaration, in a sentence; nothing for a right one."""
    name, entry = declared.name, declared.entry
    if told := name_problem(name) or _type_problem(entry, _ENTRY):
        return told
    for option, spec in entry.options.items():
        if told := _option_name_problem(option) or _option_problem(spec):
            return f"option '{option}' of {name}: {told}"
    if entry.least_values < 1 or entry.revision < 1:
        return f"{name}: least_values and revision are 1 at least"
    return ""


def name_problem(name: object) -> str:
    """Why a method cannot be called so, in a sentence; nothing where it can."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"the name '{name}' is invalid: use small letters, digits and '-', and begin with a letter"
    if not isinstance(scalar(name), str):
        return f"the name '{name}' is no word in a sweep file: choose another"
    return f"the name '{name}' is taken by a method of normsweep: choose another" if taken(name) else ""


def _type_problem(thing: object, types: Mapping[str, type]) -> str:
    for field, kind in types.items():
        value = getattr(thing, field)
        if not isinstance(value, kind):
            return f"its {field} {value!r} is of type {type(value).__name__}, not {kind.__name__}"
    return ""


def _option_name_problem(name: str) -> str:
    if not _OPTION_NAME.fullmatch(str(name)):
        return "the name is invalid: use small letters, digits and '_', and begin with a letter"
    return "the name has another meaning: choose another" if name in {*field_names(), *_ARGUMENTS} else ""


def _option_problem(option: object) -> str:
    if not isinstance(option, Option):
        return f"{option!r} is no Option"
    if told := _type_problem(option, _OPTION):
        return told
    if {*map(type, option.words)} - {str}:
        return f"its words {option.words!r} are not all words"
    if wrong := [end for end in (option.low, option.high) if end is not None and not _is_finite(end)]:
        return f"its limit {wrong[0]!r} is no finite number"
    if option.kind not in _KINDS:
        return f"kind '{option.kind}' is none that a method may have: use {', '.join(_KINDS)}"
    if option.by is not None or option.younger:
        return "`by` and `younger` are for methods of normsweep: leave them out"
    if type(option.default) is not _KINDS[option.kind]:
        return f"its default {option.default!r} is not of kind {option.kind}"
    if isinstance(option.default, str):
        return "" if option.default in option.words else f"its default '{option.default}' is none of its words"
    if not isinstance(option.default, bool) and isinstance(option.default, int | float):
        broken = option.broken(option.default)
        return f"its default {option.default} must be {broken}" if broken else ""
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
