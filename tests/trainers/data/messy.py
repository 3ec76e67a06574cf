"""Messy tables, each with what a person would read in it, or the sentence that refuses it."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

N = 40
SIZES = [round(1.5 + i * 0.25, 2) for i in range(N)]
COLOURS = [("red", "green", "blue")[i % 3] for i in range(N)]
CLASSES = [("no", "yes")[i % 2] for i in range(N)]
ROWS = [(str(s), c, y) for s, c, y in zip(SIZES, COLOURS, CLASSES, strict=True)]
HEAD = ("size", "colour", "class")

Row = Sequence[str]


def text(rows: Sequence[Row] = ROWS, head: Row | None = HEAD, by: str = ",", end: str = "\n") -> str:
    return "".join(by.join(row) + end for row in ([head] if head else []) + list(rows))


def changed(row: int, column: int, cell: str, rows: Sequence[Row] = ROWS) -> list[Row]:
    """`row` as the file counts it: the header is row 1."""
    found = [list(r) for r in rows]
    found[row - 2][column] = cell
    return [tuple(r) for r in found]


def more(head: str, cells: Sequence[str], *, by: str = ",") -> str:
    """The table with one more column in front."""
    return text([(cell, *row) for cell, row in zip(cells, ROWS, strict=True)], (head, *HEAD), by)


@dataclass(frozen=True)
class Case:
    """`refused`: what the sentence says. Else: features by name, and what is said, `detail` of a column."""

    file: str
    content: bytes
    refused: tuple[str, ...] = ()
    options: dict[str, object] = field(default_factory=dict)
    features: dict[str, Sequence[float]] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    classes: tuple[str, ...] = ("no", "yes")
    rows: int = N
    detail: str = ""


def of(function: Callable[..., object], *arguments: object, **options: object) -> bytes:
    stream = io.BytesIO()
    function(stream, *arguments, **options)
    return stream.getvalue()


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"size": SIZES, "colour": COLOURS, **columns, "class": CLASSES})


def parquet(table: pd.DataFrame) -> bytes:
    return of(lambda stream: table.to_parquet(stream))


def npz(**arrays: object) -> bytes:
    return of(lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]


COMMA = [(s.replace(".", ","), c, y) for s, c, y in ROWS]
THOUSANDS = [f"{1000 + 7 * i:,}.5" for i in range(N)]
IDS = [str(2**53 + 1 + 2 * i) for i in range(N)]
COLD = {"colour=blue": [c == "blue" for c in COLOURS], "colour=red": [c == "red" for c in COLOURS]}
SEEN = {"size": SIZES, **COLD}
X = np.stack([SIZES, [i % 7 for i in range(N)]], axis=1)
Y = np.array([i % 2 for i in range(N)])
ARFF = (
    "@relation r\n% a comment\n@attribute size numeric\n@attribute colour {red, green, blue}\n"
    "@attribute class {no,yes}\n@data\n"
)
LIGHT = "'grün, hell'"
UMLAUT = [(s, c.replace("green", "grün"), y) for s, c, y in ROWS]
PAY = [(f"1,{234 + i}", y) for i, (_, _, y) in enumerate(ROWS)]

DAMAGED = b"\x93NUMPY\x01\x00v\x00" + b"{(".ljust(117) + b"\n"
KNOCKED = [f"a`touch x`;{i}" for i in range(N)]
PACKED = bytearray(gzip.compress(text().encode()))
PACKED[30:60] = bytes(30)


def dated() -> bytes:
    """Parquet with a day that Python's calendar does not have."""
    days = pa.array([2**31 - 1] * N, pa.int32()).cast(pa.date32())
    return of(lambda stream: pq.write_table(pa.table({"d": days, "class": CLASSES}), stream))


def told() -> bytes:
    """Parquet with words of pandas' that are none."""
    table = pa.table({"size": SIZES, "class": CLASSES}).replace_schema_metadata({"pandas": "{"})
    return of(lambda stream: pq.write_table(table, stream))


def beside(name: str, content: bytes) -> bytes:
    """An npz with one more member."""
    stream = io.BytesIO(npz(x=X, y=Y))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


CASES = {
    "plain": Case("t.csv", text().encode(), features=SEEN, said=("UTF-8", "separated by `,`")),
    "tabs": Case("t.tsv", text(by="\t").encode(), features=SEEN, said=("separated by tabs",)),
    "tabs in a .csv": Case("t.csv", text(by="\t").encode(), features=SEEN, said=("separated by tabs",)),
    "bars": Case("t.txt", text(by="|").encode(), features=SEEN, said=("separated by `|`",)),
    "spaces": Case("t.data", text(by="   ").encode(), features=SEEN, said=("separated by spaces",)),
    "windows line ends": Case("t.csv", text(end="\r\n").encode(), features=SEEN),
    "old mac line ends": Case("t.csv", text(end="\r").encode(), features=SEEN),
    "bom": Case("t.csv", text().encode("utf-8-sig"), features=SEEN, said=("byte order mark",)),
    "utf-16": Case("t.csv", text(UMLAUT).encode("utf-16"), features=COLD, said=("UTF-16",)),
    "windows-1252": Case(
        "t.csv",
        text(UMLAUT).encode("cp1252"),
        features={**COLD, "colour=grün": [c == "green" for c in COLOURS]},
        said=("Windows-1252, as it is not UTF-8",),
    ),
    "two encodings": Case(
        "t.csv", text(UMLAUT[:9]).encode() + text(UMLAUT[9:], None).encode("cp1252"), ("t.csv: row 12 is not UTF-8",)
    ),
    "decimal comma": Case("t.csv", text(COMMA, by=";").encode(), features=SEEN, said=("separated by `;`",)),
    "decimal comma in quotes": Case(
        "t.csv", text([(f'"{s}"', c, y) for s, c, y in COMMA]).encode(), features=SEEN, said=("separated by `,`",)
    ),
    "excel's sep line of tabs": Case("t.csv", ("sep=\t\r\n" + text(by="\t", end="\r\n")).encode(), features=SEEN),
    "utf-32": Case("t.csv", text(UMLAUT).encode("utf-32"), features=COLD, said=("UTF-32",)),
    "excel's sep line": Case("t.csv", ("sep=;\n" + text(COMMA, by=";")).encode(), features=SEEN),
    "thousands": Case(
        "t.csv",
        more("pay", [f'"{v}"' for v in THOUSANDS]).encode(),
        features={"pay": [1000.5 + 7 * i for i in range(N)]},
    ),
    "1,234 alone": Case(
        "t.csv", text(PAY, ("pay", "class"), ";").encode(), ("column pay: '1,234' in row 2 may be 1.234 or 1234",)
    ),
    "1,234 and --decimal": Case(
        "t.csv",
        text(PAY, ("pay", "class"), ";").encode(),
        options={"decimal": ","},
        features={"pay": [1.234 + i / 1000 for i in range(N)]},
    ),
    "1,234 beside 1.5": Case(
        "t.csv",
        more("pay", [f"1,{234 + i}" for i in range(N)], by=";").encode(),
        features={"pay": [1234 + i for i in range(N)]},
    ),
    "percent": Case(
        "t.csv", more("p", [f"{i}%" for i in range(N)]).encode(), features={"p": [i / 100 for i in range(N)]}
    ),
    "percent behind a space": Case(
        "t.csv", more("p", [f"{i}\u00a0%" for i in range(N)]).encode(), features={"p": [i / 100 for i in range(N)]}
    ),
    "percent in wide digits": Case(
        "t.csv",
        more("p", ["\uff13%", "\u0663%"] * (N // 2)).encode(),
        features={"p=\uff13%": [1 - i % 2 for i in range(N)]},
    ),
    "typographic minus": Case(
        "t.csv", more("p", [f"−{i}" for i in range(N)]).encode(), features={"p": [-i for i in range(N)]}
    ),
    "no header": Case(
        "t.csv",
        text(head=None).encode(),
        options={"target": "c3"},
        features={"c1": SIZES},
        said=("no header, columns are called c1 … c3",),
    ),
    "no header and no number": Case(
        "t.data",
        text([(c, "x", y) for _, c, y in ROWS], None).encode(),
        options={"target": "c3"},
        features={"c1=red": [c == "red" for c in COLOURS]},
        said=("no header", "column c2 is 'x' in every row"),
    ),
    "years as names": Case(
        "t.csv",
        text([(str(i * i), "7.5", c) for i, c in enumerate(CLASSES)], ("2019", "2020", "class")).encode(),
        ("t.csv: row 1 may be names or values: say --header yes or --header no",),
    ),
    "a number among the names": Case(
        "t.csv", more("2019", [str(i * i) for i in range(N)]).encode(), ("t.csv: row 1 may be names or values",)
    ),
    "index of pandas": Case(
        "t.csv", more("", [str(i) for i in range(N)]).encode(), features=SEEN, said=("no name and counts the rows",)
    ),
    "column that counts": Case(
        "t.csv", more("id", [str(i + 1) for i in range(N)]).encode(), features=SEEN, said=("column id counts the rows",)
    ),
    "empty last column": Case(
        "t.csv",
        text([(*r, "") for r in ROWS], (*HEAD, "")).encode(),
        features=SEEN,
        said=("column 4, which has no name",),
    ),
    "nameless values": Case("t.csv", more("", ["7", "x"] * (N // 2)).encode(), ("column 1 has no name",)),
    "two columns of one name": Case(
        "t.csv", more("size", ["1", "2"] * (N // 2)).encode(), ("columns 1 and 2 are both",)
    ),
    "one name but for spaces": Case(
        "t.csv", more(" size ", ["1", "2"] * (N // 2)).encode(), ("columns 1 and 2 are both",)
    ),
    "short row": Case("t.csv", text([*ROWS[:5], ("1", "red"), *ROWS[6:]]).encode(), ("t.csv: row 7 has 2 values",)),
    "long row": Case("t.csv", text([*ROWS[:5], (*ROWS[5], "9"), *ROWS[6:]]).encode(), ("t.csv: row 7 has 4 values",)),
    "open quote": Case("t.csv", text(changed(9, 1, '"red')).encode(), ("row 9 (line 9) has a quote",)),
    "empty rows": Case("t.csv", text(end="\n\n").encode(), features=SEEN, said=("empty rows skipped",)),
    "comments above": Case(
        "t.csv", ("# made by\n# a machine\n" + text()).encode(), features=SEEN, said=("rows of comments skipped: 2",)
    ),
    "line break in a cell": Case(
        "t.csv", text(changed(5, 0, "wrong", [(s, f'"{c}\n"', y) for s, c, y in ROWS])).encode(), ("'wrong' in row 5",)
    ),
    "missing": Case(
        "t.csv", text(changed(4, 0, "?")).encode(), ("t.csv: column size has missing values (1), the first in row 4",)
    ),
    "missing words": Case(
        "t.csv", text(changed(4, 1, "N/A")).encode(), ("column colour has missing values (1), the first in row 4",)
    ),
    "dash for a number": Case(
        "t.csv",
        text(changed(4, 0, "-")).encode(),
        options={"missing": "median+flag"},
        features={
            "size": [float("nan") if i == 2 else s for i, s in enumerate(SIZES)],
            "size=?": [i == 2 for i in range(N)],
        },
    ),
    "missing category": Case(
        "t.csv",
        text(changed(4, 1, "")).encode(),
        options={"missing": "median+flag"},
        features={
            "colour=?": [i == 2 for i in range(N)],
            "colour=blue": [c == "blue" and i != 2 for i, c in enumerate(COLOURS)],
        },
    ),
    "dropped rows": Case(
        "t.csv",
        text(changed(4, 0, "NA", changed(6, 2, ""))).encode(),
        options={"missing": "drop-row"},
        features={"size": [s for i, s in enumerate(SIZES) if i not in (2, 4)]},
        said=("2 of 40 rows are left out",),
        rows=N - 2,
    ),
    "missing class": Case(
        "t.csv",
        text(changed(6, 2, "")).encode(),
        ("column class has missing values (1)", "row 6: say --missing drop-row"),
        {"missing": "median+flag"},
    ),
    "a word among numbers": Case(
        "t.csv", text(changed(8, 0, "big")).encode(), ("column size: 'big' in row 8 is no number",)
    ),
    "infinity": Case("t.csv", text(changed(8, 0, "inf")).encode(), ("column size: row 8 holds inf",)),
    "too large": Case("t.csv", text(changed(8, 0, "1e39")).encode(), ("column size: row 8 holds 1e39, beyond single",)),
    "identifiers": Case("t.csv", more("id", IDS).encode(), ("column id: row 2 holds 9007199254740993, beyond 2^53",)),
    "one number in single precision": Case(
        "t.csv",
        more("t", [f"{1e9 + i / 100}" for i in range(N)]).encode(),
        ("column t: its values lie between 1000000000 and 1000000000.39,",),
    ),
    "constant": Case(
        "t.csv", more("k", ["3"] * N).encode(), features=SEEN, said=("column k is 3 in every row: left out",)
    ),
    "nothing in a column": Case(
        "t.csv",
        more("k", [""] * N).encode(),
        features=SEEN,
        said=("column k has no values: left out",),
    ),
    "nothing in a column, rows dropped": Case(
        "t.csv",
        more("k", [""] * N).encode(),
        features=SEEN,
        options={"missing": "drop-row"},
        said=("column k has no values: left out",),
    ),
    "a name for the shell": Case(
        "t.csv",
        text([(k, y) for k, y in zip(KNOCKED, CLASSES, strict=True)], ("a`id`", "class")).encode(),
        ("leave it out with --drop 'a`id`', or read it as categories with --as 'a`id`=one-hot'",),
    ),
    "text": Case(
        "t.csv",
        more("note", [f"it was {i} o'clock" for i in range(N)]).encode(),
        ("column note: it holds text (40 different",),
    ),
    "dates": Case(
        "t.csv",
        more("born", [f"{i % 28 + 1}.1.1980" for i in range(N)]).encode(),
        ("column born: it holds dates ('1.1.1980' in row 2)",),
    ),
    "capitals": Case(
        "t.csv",
        text(changed(2, 1, "Red")).encode(),
        features={"colour=Red": [i == 0 for i in range(N)]},
        said=("'Red' and 'red' differ in capitals only",),
    ),
    "spaces around": Case("t.csv", text([(f" {s} ", f"{c} ", f" {y}") for s, c, y in ROWS]).encode(), features=SEEN),
    "truth": Case(
        "t.csv", more("ok", ["TRUE", "False"] * (N // 2)).encode(), features={"ok": [1 - i % 2 for i in range(N)]}
    ),
    "ordinal": Case(
        "t.csv",
        text().encode(),
        options={"kinds": {"colour": "ordinal:red,green,blue"}},
        features={"colour": [i % 3 for i in range(N)]},
    ),
    "no such rung": Case(
        "t.csv",
        text().encode(),
        ("column colour: 'blue' in row 4 is not in the order red, green",),
        {"kinds": {"colour": "ordinal:red,green"}},
    ),
    "a rung twice": Case(
        "t.csv",
        text().encode(),
        ("column colour: the order red,green,red,blue must name each category once",),
        {"kinds": {"colour": "ordinal:red,green,red,blue"}},
    ),
    "ordinal numbers of parquet": Case(
        "t.parquet",
        parquet(frame(k=[3, 1, 2, 1] * (N // 4))),
        options={"kinds": {"k": "ordinal:3,1,2"}},
        features={"k": [0, 1, 2, 1] * (N // 4)},
    ),
    "no such rung of npz": Case(
        "t.npz",
        npz(k=np.array([3.0, 1, 2, 1] * (N // 4)), y=Y),
        ("column k: '2' in row 3 is not in the order 3, 1",),
        {"kinds": {"k": "ordinal:3,1"}},
    ),
    "codes as categories": Case(
        "t.csv",
        more("zip", ["10115", "20095"] * (N // 2)).encode(),
        options={"kinds": {"zip": "one-hot"}},
        features={"zip=20095": [i % 2 for i in range(N)]},
    ),
    "codes that begin with 0": Case(
        "t.csv",
        more("zip", ["01067", "20095"] * (N // 2)).encode(),
        features={"zip": [1067, 20095] * (N // 2)},
        detail="01067 is 1067, --as zip=one-hot for codes",
    ),
    "a column called as a category": Case(
        "t.csv",
        more("colour=red", [str(i * i) for i in range(N)]).encode(),
        ("column colour would give a second feature colour=red",),
    ),
    "small class": Case(
        "t.csv",
        text(changed(5, 2, "maybe", changed(9, 2, "maybe"))).encode(),
        ("class 'maybe' of class has 2 rows (row 5, row 9)",),
    ),
    "one class": Case("t.csv", text([(s, c, "no") for s, c, _ in ROWS]).encode(), ("is 'no' in every row",)),
    "a quantity": Case("t.csv", text().encode(), ("the target size holds 40 different numbers",), {"target": "size"}),
    "numbered classes": Case(
        "t.csv",
        text([(s, c, "10" if y == "no" else "9.0") for s, c, y in ROWS]).encode(),
        features=SEEN,
        classes=("9", "10"),
    ),
    "classes of one number": Case(
        "t.csv",
        text([(s, c, "01" if y == "no" else "1") for s, c, y in ROWS]).encode(),
        ("column class: '01' in row 2 and '1' in row 3 are one number: say --as class=one-hot",),
    ),
    "classes of one number, apart": Case(
        "t.csv",
        text([(s, c, "01" if y == "no" else "1") for s, c, y in ROWS]).encode(),
        options={"kinds": {"class": "one-hot"}},
        features=SEEN,
        classes=("01", "1"),
    ),
    "no target": Case(
        "t.csv",
        text(head=("size", "colour", "kind")).encode(),
        ("which column holds the classes?", "size, colour, kind"),
    ),
    "unknown target": Case(
        "t.csv", text().encode(), ("unknown column 'clas': did you mean class?",), {"target": "clas"}
    ),
    "one column": Case("t.csv", text([(y,) for y in CLASSES], ("class",)).encode(), ("no column is left",)),
    "empty file": Case("t.csv", b"", ("t.csv: there are no rows",)),
    "header alone": Case("t.csv", b"size,class\n", ("t.csv: there is a header, but no row",)),
    "bytes": Case("t.csv", b"PK\x03\x04\0\0", ("t.csv: it holds bytes that are no text",)),
    "gzip that is none": Case("t.csv.gz", text().encode(), ("t.csv.gz cannot be read",)),
    "torn gzip": Case("t.csv.gz", bytes(PACKED), ("t.csv.gz cannot be read",)),
    "another ending": Case("t.docx", b"", ("the name of a table ends in .csv",)),
    "parquet": Case("t.parquet", parquet(frame()), features=SEEN),
    "parquet of integers with gaps": Case(
        "t.parquet",
        parquet(frame(k=pd.array([None, *range(1, N)], dtype="Int64"))),
        ("column k has missing values (1), the first in row 1",),
    ),
    "parquet of dates": Case(
        "t.parquet", parquet(frame(d=pd.date_range("2020-01-01", periods=N))), ("column d: it holds dates",)
    ),
    "parquet of lists": Case(
        "t.parquet", parquet(frame(v=[[1, 2]] * N)), ("row 1, column v: the type ndarray is no number",)
    ),
    "parquet of identifiers": Case(
        "t.parquet", parquet(frame(i=np.arange(N) + 2**60)), ("column i: row 1 holds 1152921504606846976",)
    ),
    "torn parquet": Case("t.parquet", parquet(frame())[:-40], ("t.parquet: it is no Parquet file",)),
    "parquet without rows": Case("t.parquet", parquet(frame()[:0]), ("t.parquet: there are no rows",)),
    "parquet of days beyond the calendar": Case("t.parquet", dated(), ("t.parquet: it is no Parquet file that can",)),
    "parquet with damaged words": Case("t.parquet", told(), ("t.parquet: it is no Parquet file that can be read",)),
    "arff": Case("t.arff", (ARFF + text(head=None)).encode(), features=SEEN, said=("ARFF",)),
    "arff, ordinal": Case(
        "t.arff",
        (ARFF + text(head=None)).encode(),
        options={"categorical": "ordinal"},
        features={"colour": [i % 3 for i in range(N)]},
    ),
    "arff with letters beyond ascii": Case(
        "t.arff",
        (ARFF + text(head=None)).replace("green", LIGHT).encode(),
        features={**COLD, "colour=grün, hell": [c == "green" for c in COLOURS]},
    ),
    "arff with another category": Case(
        "t.arff", (ARFF + text(changed(4, 1, "pink"), None)).encode(), ("t.arff: row 9, column colour: 'pink' is none",)
    ),
    "sparse arff": Case("t.arff", (ARFF + "{0 1, 2 yes}\n").encode(), ("t.arff: row 7 is sparse ARFF",)),
    "npz": Case("t.npz", npz(x=X, y=Y), features={"x1": SIZES}, classes=("0", "1")),
    "npz of complex numbers": Case(
        "t.npz", npz(a=X[:, 0] * 1j, y=Y), ("row 1, column a: the type complex128 is no number",)
    ),
    "npz of parts that differ": Case(
        "t.npz", npz(x_train=X, y_train=Y, x_test=X[:, :1], y_test=Y), ("its parts train, test are not of one shape",)
    ),
    "npz with two columns of one name": Case(
        "t.npz", npz(x=X, x1=Y * 2, y=Y), ("columns 1 and 3 are both called 'x1'",)
    ),
    "npz with a feature called as the target": Case(
        "t.npz", npz(y=Y, x=X, feature_names=np.array(["a", "y"])), ("columns 1 and 3 are both called 'y'",)
    ),
    "npz with one name for all": Case(
        "t.npz", npz(x=X, y=Y, feature_names=np.array("a")), features={"x1": SIZES}, classes=("0", "1")
    ),
    "npz without rows": Case("t.npz", npz(x=X[:0], y=Y[:0]), ("t.npz: there are no rows",)),
    "npz with a note": Case("t.npz", beside("note.txt", b"text"), ("x (40, 2), y (40,), note.txt ()",)),
    "npz with a damaged array": Case("t.npz", beside("z.npy", DAMAGED), ("t.npz: it is no npz file of numbers",)),
    "npy": Case("t.npz", of(np.save, X), ("t.npz: it is no npz file of numbers and text",)),
    "npz of complex numbers, left out": Case(
        "t.npz",
        npz(a=X[:, 0] * 1j, x=X, y=Y),
        options={"drop": ("a",)},
        features={"x1": SIZES},
        classes=("0", "1"),
    ),
    "npz of pictures": Case("t.npz", npz(x=np.zeros((N, 8, 8)), y=Y), ("x has the shape (40, 8, 8)",)),
    "npz of two lengths": Case("t.npz", npz(x=X, y=Y[1:]), ("x (40, 2), y (39,)",)),
    "npz of objects": Case(
        "t.npz", npz(x=np.array([{}] * N, dtype=object), y=Y), ("t.npz: it is no npz file of numbers and text",)
    ),
}
