"""`data import` of a table: where it comes from, and keeping it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from sweeps.words.near import one_of
from trainers.data.home import folder_files
from trainers.data.listings.registry import valid
from trainers.data.tables import formats, named, stored
from trainers.data.tables.raw import Options
from trainers.data.tables.table import CATEGORICAL, MISSING, Table, made

SKLEARN, OPENML = "sklearn:", "openml:"


def is_table(path: Path, name: str) -> bool:
    """Whether `data import` brings a table: a file, or a source with a name of its own. UsageError without --name."""
    if str(path).startswith((SKLEARN, OPENML)):
        if not name:
            raise UsageError(f"{path} needs a name: --name NAME")
        return True
    path = path.expanduser()
    return bool(name) and not path.is_dir() and (path.is_file() or formats.ending_of(path) in formats.READERS)


def read(source: str, name: str, options: Options, *, server: str = "") -> Table:
    """The table of a file, of `sklearn:NAME` or of `openml:ID` (from `server`), ready to be kept.

    UsageError with one sentence for each thing that cannot be used, MissingError, UnavailableError.
    """
    _words(name, options, source, server)
    licence = ""
    if source.startswith(SKLEARN):
        raw = named.of_sklearn(source.removeprefix(SKLEARN))
    elif source.startswith(OPENML):
        raw, licence = named.of_openml(source.removeprefix(OPENML), options, server)
    else:
        raw = formats.read_file(Path(source).expanduser(), options)
    try:
        table = made(name, raw, options)
    except UsageError as error:
        called = source if ":" in source else Path(source).name
        lines = str(error).splitlines()
        raise UsageError(
            "\n".join(line if line.startswith(called) else f"{called}: {line}" for line in lines)
        ) from None
    about: dict[str, Any] = {**table.about, "source": source, "licence": licence}
    if about["split_by"].startswith("file "):
        options = replace(options, split=str(Path(options.split).expanduser().absolute()))
    about["command"] = command(source, name, options, server)
    return Table(dataset=table.dataset, about=about)


def command(source: str, name: str, options: Options, server: str = "") -> str:
    """What to type, in any folder, to import it again."""
    if not source.startswith((SKLEARN, OPENML)):
        source = str(Path(source).expanduser().absolute())
    words = ["normsweep", "data", "import", source, "--name", name]
    for field, value in vars(options).items():
        if value == getattr(Options(), field):
            continue
        if field == "drop":
            words += [word for column in options.drop for word in ("--drop", column)]
        elif field == "kinds":
            words += [word for column, kind in options.kinds.items() for word in ("--as", f"{column}={kind}")]
        else:
            words += [f"--{field}", str(value)]
    return shlex.join([*words, *(["--mirror", server] if server else [])])


def keep(table: Table) -> None:
    """Write it; a table of the same name is replaced."""
    stored.keep(table.dataset, table.about)


def _words(name: str, options: Options, source: str, server: str) -> None:
    """UsageError for a name that is taken or none, and for a word that an option does not know."""
    valid(name)
    if folder_files(name)[0].exists():
        raise UsageError(f"--name {name} is the name of another data set: take another")
    one_of("--missing", options.missing, MISSING)
    one_of("--categorical", options.categorical, CATEGORICAL)
    if options.decimal:
        one_of("--decimal", options.decimal, (".", ","))
    if options.header:
        one_of("--header", options.header, ("yes", "no"))
    if len(options.separator) > 1:
        one_of("--separator", options.separator, ("tab", "space"))
    if server and not source.startswith(OPENML):
        raise UsageError(f"--mirror {server} is for openml:ID: {source} needs none")
