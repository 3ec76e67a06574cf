"""What to say about a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sweeps.errors import UsageError

LISTED = 12  # names shown when none is near


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """One sentence: the name, and the nearest known ones, or all of them when they are few."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.6) or get_close_matches(name.lower(), names, n=1, cutoff=0.9)
    if close:
        return f"unknown {what} '{name}': did you mean {' or '.join(close)}?"
    if not names:
        return f"unknown {what} '{name}': there is none."
    more = ", ..." if len(names) > LISTED else ""
    return f"unknown {what} '{name}': known are {', '.join(names[:LISTED])}{more}"


def one_of(what: str, word: str, words: Iterable[str]) -> str:
    """The word. UsageError, with the nearest ones, where it is none of `words`."""
    known = tuple(words)
    if word not in known:
        raise UsageError(unknown(what, word, known))
    return word
