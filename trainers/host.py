"""What a process that trains asks of its machine; nothing here is done on import."""

from __future__ import annotations

import ctypes
import sys

import torch

# Parameters of mallopt(3), from malloc.h of the GNU C library.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**31 - 1


def prepare(threads: int) -> None:
    """Sets the number of threads, flushes denormal numbers to zero, keeps freed memory for the next step, has GPUs
    compute in float32 what is said to be (not in TF32) and convolve in the same order each time.

    Dying activations fill with denormals, on which CPUs are many times slower. By default the C library returns each
    step's gradients to the kernel and has them zeroed page by page in the next.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
            mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def device_name(device: str) -> str:
    """`cpu`, or the GPU's own name."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"
