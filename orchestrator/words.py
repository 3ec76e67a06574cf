"""Amounts as people read them, and the papers as they name them."""

from __future__ import annotations

PAPERS = ("vcl", "popnorm", "cwo", "normprop", "bne")


def counted(number: int, noun: str) -> str:
    """`1 pack`, `2 packs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def hours(core_hours: float) -> str:
    return f"{core_hours:.2f} core-hours" if core_hours >= 0.1 else f"{core_hours * 60:.1f} core-minutes"


def duration(seconds: float) -> str:
    """`48 s`, `12 min`, `3 h 20 min`, `2 d 5 h`."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
