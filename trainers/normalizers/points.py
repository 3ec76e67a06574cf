"""Which points a class acts at: those whose hooks it overrides."""

from __future__ import annotations

from trainers.normalizers.method import Method

CONSTRUCTION = {"attach", "start", "end_branch"}  # told to every part of a composition: no points of training
HOOKS = {name for name, member in vars(Method).items() if callable(member) and name[0] != "_"} - CONSTRUCTION
# Every other point is named as its hook.
POINT_OF = {"calibrate_input": "input", "gradient_scale": "gradients", "gradient_input": "gradients"}


def points(method: type[Method]) -> frozenset[str]:
    overridden = {hook for hook in HOOKS if getattr(method, hook) is not getattr(Method, hook)}
    return frozenset(POINT_OF.get(hook, hook) for hook in overridden)
