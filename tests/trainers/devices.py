"""Stand-ins for a GPU: which tensors an operation takes, and what is read from the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}


class Device(TorchDispatchMode):
    """Watches the operations on the meta device within it, forward and backward, and answers what is read with 0.

    AssertionError at an operation that takes tensors of the meta device and of the CPU, as a GPU's would raise; tensors
    without an axis, which are numbers, may come from the CPU. `reads` counts what a GPU would have to be waited for:
    numbers and copies that go to the CPU. What depends on values, such as `nonzero`, the meta device refuses itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        meta = any(t.is_meta for t in tensors)
        if not meta:
            return func(*args, **kwargs)
        if func is aten._local_scalar_dense.default:
            self.reads += 1
            return torch.zeros((), dtype=args[0].dtype).item()
        if func is aten._to_copy.default and torch.device(kwargs.get("device") or "meta").type == "cpu":
            self.reads += 1
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        if func is aten.copy_.default and not args[0].is_meta:
            self.reads += 1
            return args[0]
        if func not in COPIES:
            strays = [tuple(t.shape) for t in tensors if t.ndim and not t.is_meta]
            assert not strays, f"{func} takes tensors of the device and, of shapes {strays}, of the CPU"
        return func(*args, **kwargs)
