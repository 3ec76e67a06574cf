"""Identity from content: canonical JSON and its SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

SHOWN = 16  # hex digits shown to people; 64 are kept


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, no NaN, and nothing that JSON does not know (TypeError, UsageError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hex digits."""
    return sha256(canonical(value))


def sha256(text: str) -> str:
    """64 hex digits."""
    return sha256_of(text.encode())


def sha256_of(data: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def pack_id(trial_ids: Iterable[str], retry: int = 0) -> str:
    """The name of a pack: the hash of its members, whatever their order, and of how often they are packed anew."""
    return digest([*sorted(trial_ids), *([retry] if retry else [])])


def short(identifier: str) -> str:
    return identifier[:SHOWN]
