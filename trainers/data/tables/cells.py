"""What the text of a cell is: a number, a date, or nothing."""

from __future__ import annotations

import datetime
import math
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = {"", "?", "na", "n/a", "#n/a", "nan", "null", "<na>"}  # in small letters
MISSING_NUMBER = {"-", "--", ".", "none", "missing"}  # missing where all other cells of the column are numbers
_PLAIN = ("Decimal", "Timedelta", "UUID", "bool_", "bool", "timedelta")  # classes whose text is what they are

_INFINITE = re.compile(r"[+-]?(?:inf|infinity|∞)", re.IGNORECASE)
_SPACES = " '\u00a0\u202f"


def _pattern(decimal: str) -> re.Pattern[str]:
    comma = re.escape({".": ",", ",": "."}[decimal])
    whole = rf"[0-9]{{1,3}}(?:{comma}[0-9]{{3}})+|[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+|[0-9]+"
    return re.compile(rf"([+-]?)({whole})?(?:{re.escape(decimal)}([0-9]*))?([eE][+-]?[0-9]+)?\s*(%?)")


_NUMBER = {decimal: _pattern(decimal) for decimal in (".", ",")}
_DATE = re.compile(
    r"""\d{4}([-/.])\d{1,2}\1\d{1,2}([T\s].*)?        # 2024-01-31, also with a time
    |\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2})(\s.*)?      # 31.1.2024, 1/31/24
    |\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s?[ap]m)?        # 23:59
    |\d{1,2}[-\s.]+[a-z]{3,9}\.?[-\s,]+\d{2,4}(\s.*)? # 31 January 2024
    |[a-z]{3,9}\.?\s\d{1,2},?\s\d{4}(\s.*)?           # January 31, 2024
    """,
    re.VERBOSE | re.IGNORECASE,
)


def number(text: str, decimal: str = ".") -> float | None:
    """A number as a person reads it: `1,234.5`, `1 234,5` (decimal comma), `-3e5`, `15%` (0.15), `inf`; else None."""
    text = text.replace("−", "-")
    if _INFINITE.fullmatch(text):
        return math.copysign(math.inf, -1 if text[0] == "-" else 1)
    found = _NUMBER[decimal].fullmatch(text)
    if not found or not (found[2] or found[3]):
        return None
    sign, whole, part, power, percent = found.groups(default="")
    value = float(f"{sign}{re.sub(r'[^0-9]', '', whole) or '0'}.{part or '0'}{power}")
    return value / 100 if percent else value


def whole(text: str) -> bool:
    """Whether it is digits, nine at most."""
    return text.isascii() and text.isdigit() and len(text) < 10


def missing(text: str) -> bool:
    return text.lower() in MISSING


def dates(texts: Iterable[str]) -> bool:
    """Whether all of them are dates or times."""
    return all(_DATE.fullmatch(text) for text in texts)


def text_of(value: Any) -> str | None:
    """A cell as text, stripped; empty where there is none; None for what is no cell: a list, bytes that are no text."""
    if isinstance(value, str):
        return value.strip()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode().strip()
        except UnicodeDecodeError:
            return None
    if isinstance(value, bool | numbers.Integral):
        return str(value)
    if isinstance(value, numbers.Real):
        return "" if math.isnan(value) else shortest(float(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value) if type(value).__name__ in _PLAIN else None


def shortest(value: float) -> str:
    """`3` for 3.0."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def plain(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """The texts as numbers with a decimal point, none of them with thousands or percents, or None. Quick."""
    try:
        values = np.array(texts, dtype=object).astype(np.float64)
    except ValueError:
        return None
    return None if "_" in "".join(texts) else values


def decimal_of(texts: Sequence[str]) -> set[str]:
    """The decimal signs with which all of the texts are numbers."""
    point = plain(texts) is not None or all(number(text) is not None for text in texts)
    comma = all(number(text, ",") is not None for text in texts)
    return {sign for sign, fits in ((".", point), (",", comma)) if fits}


def same(texts: Sequence[str]) -> bool:
    """Whether the texts are the same numbers with either decimal sign."""
    return all(number(text, ".") == number(text, ",") for text in texts)
