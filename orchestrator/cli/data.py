"""`normsweep data`: the data sets there are, and bringing them here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.errors import NormsweepError, UsageError

if TYPE_CHECKING:
    from trainers.data.bringing.importing import Imported

data_app = typer.Typer(help="List, download, import or verify data sets.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
FAILURES = 4


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
    path: Annotated[Path, typer.Argument(help="an archive, its unpacked folder, or a folder of images")],
    only: Annotated[list[str] | None, typer.Option("--only", help="import only this data set of the archive")] = None,
    name: Annotated[
        str,
        typer.Option(help="name for your own folder of images: CLASS/, or train/CLASS/ and val/CLASS/, test/CLASS/"),
    ] = "",
    background: Annotated[str, typer.Option(help="colour that transparent images are put on")] = "white",
    first_frame: Annotated[bool, typer.Option("--first-frame", help="use the first frame of animated images")] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="leave out images that cannot be read")
    ] = False,
    json_: Json = False,
) -> None:
    """Import an archive: SNN bundle, UCI, CIFAR, SVHN, MNIST, Tiny ImageNet, ImageNet, ModelNet40; or own images."""
    from trainers.data.bringing.importing import bring, bring_folder
    from trainers.data.bringing.own_images import Wishes

    wishes = Wishes(background=background, first_frame=first_frame, skip_unreadable=skip_unreadable)
    if name and only:
        raise UsageError("--name and --only exclude each other: leave one of them out")
    if not name and wishes != Wishes():
        raise UsageError(
            "--background, --first-frame and --skip-unreadable are for a folder of images: add --name NAME"
        )
    _tell(bring_folder(path.expanduser(), name, wishes) if name else bring(path.expanduser(), only), json_)


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
