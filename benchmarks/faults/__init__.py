"""What `benchmarks/chaos.py` does to sweeps, in its two arenas."""

from __future__ import annotations

import time


def say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {sentence}", flush=True)
