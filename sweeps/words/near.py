"""What to say about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LISTED = 12  # names shown when none is near


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """One sentence: the name, and the nearest known ones, or all of them when they are few."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"unknown {what} '{name}': did you mean {' or '.join(close)}?"
    if not names:
        return f"unknown {what} '{name}': there is none."
    more = ", ..." if len(names) > LISTED else ""
    return f"unknown {what} '{name}': known are {', '.join(names[:LISTED])}{more}"
