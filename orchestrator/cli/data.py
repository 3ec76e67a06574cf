"""`normsweep data`: the data sets there are, and bringing them here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.options import FAILURES, Json, number
from orchestrator.cli.printing import show_data_set
from sweeps.errors import NormsweepError, UsageError

if TYPE_CHECKING:
    from trainers.data.bringing.importing import Imported

data_app = typer.Typer(help="List, download, import or verify data sets.", no_args_is_help=True)


@data_app.command("list")
def list_(
    names: Annotated[list[str] | None, typer.Argument(help="data sets or groups (uci44, images); default: all")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="list only data sets that are not here")] = False,
    json_: Json = False,
) -> None:
    """List data sets: sizes, source, licence, and whether they are here."""
    rows = [row for row in map(_row, _members(names)) if not missing or row["here"] == "missing"]
    if json_:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from trainers.data.home import data_home

    table = Table("data set", "here", "n", "sample", "classes", "task", box=None, pad_edge=False)
    for row in rows:
        sample = " × ".join(str(axis) for axis in row["shape"])
        table.add_row(row["name"], row["here"], f"{row['n']:,}", sample, str(row["classes"]), row["task"])
    console = Console()
    console.print(table)
    console.print(f"Files are in {data_home()}. Source, licence and the way to get one: --json.", highlight=False)


@data_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="data sets or groups (uci44, images)")],
    mirror: Annotated[str, typer.Option(help="URL of a folder to download the same files from")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="keep the downloaded archives")] = False,
    json_: Json = False,
) -> None:
    """Download, check and convert data sets. Run it again to resume. A proxy is taken from https_proxy."""
    from trainers.data.bringing.fetch import fetch as fetch_sets

    with _progress() as show:
        result = fetch_sets(names, mirror=mirror, keep=keep, progress=show)
    _tell(result, json_)


@data_app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(help="an archive, its unpacked folder, a folder of images, a table, sklearn:NAME, openml:ID"),
    ],
    only: Annotated[list[str] | None, typer.Option("--only", help="import only this data set of the archive")] = None,
    name: Annotated[
        str,
        typer.Option(
            help="name for your own table, or folder of images: CLASS/, or train/CLASS/ and val/CLASS/, test/CLASS/"
        ),
    ] = "",
    target: Annotated[str, typer.Option(help="table: the column to predict; default: class, target, label or y")] = "",
    split: Annotated[
        str, typer.Option(help="table: column or file that says train, validation, test, or folds; default: drawn")
    ] = "",
    group: Annotated[str, typer.Option(help="table: column whose equal values stay in one part of a split")] = "",
    missing: Annotated[
        str, typer.Option(help="table: missing values are an error, median+flag, or drop-row")
    ] = "error",
    categorical: Annotated[str, typer.Option(help="table: categories are one-hot or ordinal")] = "one-hot",
    seed: Annotated[int, number("--seed", "table: draws the splits", low=0)] = 0,
    drop: Annotated[list[str] | None, typer.Option("--drop", help="table: leave this column out")] = None,
    as_: Annotated[
        list[str] | None,
        typer.Option("--as", help="table: COLUMN=numeric, one-hot, ordinal, or ordinal:low,mid,high"),
    ] = None,
    separator: Annotated[str, typer.Option(help="table: between columns, a sign, tab or space; default: found")] = "",
    decimal: Annotated[str, typer.Option(help="table: decimal sign, . or ,; default: found")] = "",
    encoding: Annotated[str, typer.Option(help="table: such as utf-8 or cp1252; default: found")] = "",
    header: Annotated[str, typer.Option(help="table: whether row 1 holds names, yes or no; default: found")] = "",
    mirror: Annotated[str, typer.Option(help="table: URL of a server to ask instead of openml.org")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="table: show how it is read, keep nothing")] = False,
    background: Annotated[str, typer.Option(help="images: colour that transparent ones are put on")] = "white",
    first_frame: Annotated[
        bool, typer.Option("--first-frame", help="images: use the first frame of animated ones")
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="images: leave out those that cannot be read")
    ] = False,
    json_: Json = False,
) -> None:
    """Import an archive (SNN bundle, UCI, CIFAR, SVHN, MNIST, ImageNet, ...), your own images, or your own table."""
    from trainers.data.bringing.importing import bring, bring_folder
    from trainers.data.bringing.own_images import Wishes
    from trainers.data.tables import about, importing
    from trainers.data.tables.raw import Options

    wishes = Wishes(background=background, first_frame=first_frame, skip_unreadable=skip_unreadable)
    if name and only:
        raise UsageError("--name and --only exclude each other: leave one of them out")
    kinds = dict(_kind(text) for text in as_ or ())
    if len(kinds) < len(as_ or ()):
        raise UsageError("--as names a column twice: say one kind of each")
    options = Options(
        target=target,
        split=split,
        group=group,
        drop=tuple(drop or ()),
        kinds=kinds,
        missing=missing,
        categorical=categorical,
        seed=seed,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        header=header,
    )
    if importing.is_table(path, name):
        if wishes != Wishes():
            raise UsageError(f"{path} is a table: --background, --first-frame and --skip-unreadable are for images")
        table = importing.read(str(path), name, options, server=mirror)
        if not json_:
            show_data_set(table.about)
        if not dry_run:
            importing.keep(table)
        if json_:
            kept = {"done": [] if dry_run else [name], "kept": [], "refused": {}}
            print(json.dumps({**kept, "table": table.about}, indent=2))
        else:
            print("nothing is kept, as --dry-run asks" if dry_run else f"now here: {name}")
        return
    if options != Options() or mirror or dry_run:
        if not name and path.expanduser().is_file():
            raise UsageError(f"{path}: a table needs --name NAME")
        raise UsageError(f"{path} is no table: the options for tables are not for it")
    if not name and wishes != Wishes():
        raise UsageError(
            "--background, --first-frame and --skip-unreadable are for a folder of images: add --name NAME"
        )
    about.free(name)
    _tell(bring_folder(path.expanduser(), name, wishes) if name else bring(path.expanduser(), only), json_)


@data_app.command()
def show(
    name: Annotated[str, typer.Argument(help="a data set")],
    json_: Json = False,
) -> None:
    """Show a data set: rows, columns, classes, how each column of a table was read, splits."""
    from dataclasses import asdict

    from trainers import data
    from trainers.data.tables.about import about

    facts = data.facts(name)
    kept = about(name)
    told = kept or {"name": name, "digest": facts.digest, "rows": facts.n, "sample": list(facts.shape)}
    if kept is None:
        more = "; further ones are drawn by number" if facts.seeded else ""
        told |= {"classes": facts.classes, "splits": [asdict(sizes) for sizes in facts.splits]}
        told |= {"split_by": ("drawn, stratified by class" if facts.seeded else "published") + more}
    if json_:
        print(json.dumps(told, indent=2))
    else:
        show_data_set(told)


@data_app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="data sets or groups; default: all that are here")] = None,
    json_: Json = False,
) -> None:
    """Read data sets whole and compare them with their digests. Exit code 4 if one differs."""
    from trainers import data

    wanted = _members(names)
    if not names:
        absent = data.missing(wanted)
        wanted = [name for name in wanted if name not in absent]
    rows: list[dict[str, Any]] = []
    for name in wanted:
        try:
            facts, note = data.verified(name)
            rows.append({"name": name, "ok": True, "digest": facts.digest, "problem": "", "note": note})
        except NormsweepError as error:
            rows.append({"name": name, "ok": False, "digest": "", "problem": str(error), "note": ""})
    if json_:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            note = f" ({row['note']})" if row["note"] else ""
            told = row["digest"][:16] if row["ok"] else row["problem"].removeprefix(f"{row['name']}: ")
            print(f"{row['name']}: {told}{note}")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(FAILURES)


def _members(names: Iterable[str] | None) -> list[str]:
    from trainers.data import GROUPS, lookup
    from trainers.data import names as all_names

    wanted = [member for name in names or all_names() for member in GROUPS.get(name, (name,))]
    for name in wanted:
        lookup(name)
    return list(dict.fromkeys(wanted))


def _row(name: str) -> dict[str, Any]:
    from trainers.data import lookup
    from trainers.data.sources import in_files

    listing = lookup(name)
    here = "files" if in_files(name, listing) else "by rule" if listing.maker else "missing"
    return {
        "name": name,
        "here": here,
        "n": listing.n,
        "shape": list(listing.shape),
        "classes": listing.classes,
        "task": listing.task,
        "source": listing.source,
        "licence": listing.licence,
        "how": listing.how,
        "archives": [archive.url for archive in listing.archives],
        "digest": listing.digest or None,
    }


def _kind(text: str) -> tuple[str, str]:
    column, equals, kind = text.rpartition("=")
    if not equals or not column:
        raise UsageError(f"--as {text}: write COLUMN=KIND, such as zip=one-hot")
    return column, kind


def _tell(result: Imported, as_json: bool) -> None:
    if as_json:
        images = {name: report.as_json() for name, report in result.reports.items()}
        more = {key: value for key, value in (("images", images), ("unusable", result.unusable)) if value}
        print(json.dumps({"done": result.done, "kept": result.kept, "refused": result.refused} | more, indent=2))
    else:
        for report in result.reports.values():
            print("\n".join(report.lines()))
        for word, names in (("now here", result.done), ("already here", result.kept)):
            if names:
                print(f"{word}: {', '.join(names)}")
        for name, reason in result.refused.items():
            print(f"{name}: {reason}", file=sys.stderr)
    if result.refused:
        raise typer.Exit(FAILURES)


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None]]:
    """A bar for each file, on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(filename: str, here: int, total: int) -> None:
            if filename not in tasks:
                tasks[filename] = bars.add_task(filename)
            bars.update(tasks[filename], completed=here, total=total or None)

        yield show
