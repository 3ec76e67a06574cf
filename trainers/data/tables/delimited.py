"""CSV and its kin: encoding, separator and header are found, and said.

The rows come from Python's own reader: pandas' fills short rows in silence and counts rows without their numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter

from sweeps.errors import UsageError
from trainers.data.tables import cells
from trainers.data.tables.raw import Options, Raw, of_rows

SEPARATORS = {"\t": "tabs", ";": "`;`", "|": "`|`", ",": "`,`"}
SPACES = " "
WORDS = {"tab": "\t", "space": SPACES}
SAMPLE = 500  # rows that separator and header are found from
LIKELY = 0.9  # share of rows above which spaces are the separator though another one would do
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)

Rows = list[list[str]]


def read(data: bytes, options: Options) -> Raw:
    """The table of the file's bytes. UsageError that names the row, for what is no table."""
    text, said = decoded(data, options.encoding)
    first, _, rest = text.partition("\n")
    separator = WORDS.get(options.separator, options.separator)
    skipped = 0
    if (first := first.strip(" \r")).lower().startswith("sep=") and len(first) == 5:  # as Excel writes it
        separator, text, skipped = separator or first[-1], rest, 1
    separator = separator or _separator(text)
    said.append(f"columns separated by {SEPARATORS.get(separator, 'spaces' if separator == SPACES else separator)}")
    rows, numbers = _rows(text, separator)
    return of_text(rows, [number + skipped for number in numbers], options, said)


def of_text(rows: Rows, numbers: list[int], options: Options, said: list[str]) -> Raw:
    """The table of rows of text, with or without a header. UsageError for rows of other lengths."""
    filled = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if len(filled) < len(rows):
        said.append(f"empty rows skipped: {len(rows) - len(filled)}")
    rows, numbers = [[c.strip() for c in rows[i]] for i in filled], [numbers[i] for i in filled]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    comments = 0
    while comments < len(rows) and rows[comments][0].startswith("#") and len(rows[comments]) != width:
        comments += 1
    if comments:
        said.append(f"rows of comments skipped: {comments}")
    rows, numbers = rows[comments:], numbers[comments:]
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != width:
            raise UsageError(f"row {number} has {len(row)} values, most rows have {width}: mend it")
    if not rows:
        raise UsageError("there are no rows")
    if has_header(rows, numbers[0], options.header):
        names, rows, numbers = [name.removeprefix("#") for name in rows[0]], rows[1:], numbers[1:]
    else:
        names = [f"c{place + 1}" for place in range(width)]
        said.append(f"no header, columns are called c1 … c{width}")
    if not rows:
        raise UsageError("there is a header, but no row below it")
    return of_rows(names, rows, numbers, said)


def decoded(data: bytes, encoding: str) -> tuple[str, list[str]]:
    """The text, and what is said of its encoding. UsageError for bytes that are no text."""
    if encoding:
        try:
            return data.decode(encoding), [encoding]
        except (UnicodeError, LookupError) as error:
            raise UsageError(
                f"--encoding {encoding} does not read it ({error}): leave it out to have it found"
            ) from None
    for mark, name, told in MARKS:
        if data.startswith(mark):
            try:
                return data.decode(name), [told]
            except UnicodeDecodeError as error:
                raise UsageError(f"it begins as {told} and is not ({error.reason}, byte {error.start})") from None
    if b"\0" in data:
        raise UsageError("it holds bytes that are no text: the ending of its name must say its format")
    try:
        return data.decode(), ["UTF-8"]
    except UnicodeDecodeError as error:
        if any(ord(sign) > 127 and not 0xDC80 <= ord(sign) <= 0xDCFF for sign in data.decode(errors="surrogateescape")):
            line = data.count(b"\n", 0, error.start) + 1
            raise UsageError(f"row {line} is not UTF-8, though other rows are: mend it, or say --encoding") from None
    try:
        return data.decode("cp1252"), ["Windows-1252, as it is not UTF-8"]
    except UnicodeDecodeError:
        return data.decode("latin-1"), ["Latin-1, as it is not UTF-8"]


def has_header(rows: Rows, number: int, said: str) -> bool:
    """Whether the first row names the columns: a word above numbers does, words that stand below as well do not.

    UsageError where columns differ in it.
    """
    if said:
        return said == "yes"
    numbers: list[bool] = []  # whether the first row holds one, of each column of numbers
    words: list[bool] = []  # whether the first row's word stands below, of each column of categories
    for place, first in enumerate(rows[0]):
        below = [row[place] for row in rows[1:SAMPLE] if not cells.missing(row[place])]
        if not below or cells.missing(first):
            continue
        if cells.decimal_of(below):
            numbers.append(bool(cells.decimal_of([first])))
        elif len(set(below)) <= len(below) / 2:
            words.append(first in below)
    if (any(numbers) and not all(numbers)) or (numbers and all(numbers) and words and not any(words)):
        raise UsageError(f"row {number} may be names or values: say --header yes or --header no")
    return not all(numbers or words) if numbers or words else True


def _rows(text: str, separator: str, most: int | None = None) -> tuple[Rows, list[int]]:
    rows: Rows = []
    if separator == SPACES:
        rows = [line.split() for line in text.splitlines()[:most]]
        return rows, list(range(1, len(rows) + 1))
    strict = most is None  # a sample ends anywhere
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict)
    line = 1
    try:
        for row in reader:
            rows.append(row)
            line = reader.line_num + 1
            if len(rows) == most:
                break
    except csv.Error as error:
        told = "has a quote that is not closed" if "unexpected end" in str(error) else f"cannot be read ({error})"
        raise UsageError(f"row {len(rows) + 1} (line {line}) {told}: mend it") from None
    return rows, list(range(1, len(rows) + 1))


def _separator(text: str) -> str:
    """That which parts most rows into the same number of columns, more than one."""
    best, share = "", 0.0
    for separator in (*SEPARATORS, SPACES):
        rows = [row for row in _rows(text, separator, SAMPLE)[0] if any(row) and not row[0].startswith("#")]
        width, alike = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
        if width > 1 and alike / len(rows) > max(share, LIKELY if separator == SPACES and best else 0):
            best, share = separator, alike / len(rows)
    return best or ","
