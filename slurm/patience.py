"""What refuses for a moment is asked again for a while: a shared disk, SLURM's controller as it starts anew."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from slurm.errors import Unanswered

DISK_SECONDS = 120.0
CONTROLLER_SECONDS = 600.0
# A disk's own refusals, no fault of who asks: read-only, input or output error, stale handle, time-out, full, quota.
_REFUSALS = frozenset(
    {errno.EROFS, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOSPC, errno.EDQUOT, errno.ENOTCONN}
)

T = TypeVar("T")


def refused(error: BaseException) -> bool:
    """The disk would not, whatever was written to it."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


def patiently(action: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Does `action` again until neither disk nor SLURM refuses; raises what they said when that takes too long."""
    began, pause = time.monotonic(), 0.2
    while True:
        try:
            return action()
        except (OSError, Unanswered) as error:
            waited = time.monotonic() - began
            if isinstance(error, Unanswered):
                if waited > CONTROLLER_SECONDS:
                    raise
            elif not refused(error) or waited > DISK_SECONDS:
                raise
        sleep(pause)
        pause = min(2 * pause, 3.0)
