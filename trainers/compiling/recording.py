"""The tensor operations of a function, recorded once, then repeated without what Python, modules and autograd add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from trainers.seeding import Streams, Use

Replay = Callable[[Sequence[Tensor]], None]

# What may come out otherwise the next time: random numbers, numbers and shapes that depend on values ...
_TAGS = {torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_FROM_PYTHON = {"aten::lift_fresh", "aten::lift_fresh_copy"}  # ... and tensors of Python's numbers
_ALIASES = {"aten::alias", "aten::detach"}  # of no meaning without autograd

_aten = torch.ops.aten
# The same operations as Python calls them, which takes half a microsecond less.
_BOUND: dict[Any, Callable[..., Any]] = {
    _aten.add.Tensor: torch.add, _aten.sub.Tensor: torch.sub, _aten.mul.Tensor: torch.mul, _aten.div.Tensor: torch.div,
    _aten.add_.Tensor: Tensor.add_, _aten.sub_.Tensor: Tensor.sub_, _aten.mul_.Tensor: Tensor.mul_,
    _aten.addcmul.default: torch.addcmul, _aten.addcmul_.default: Tensor.addcmul_,
    _aten.bmm.default: torch.bmm, _aten.baddbmm.default: torch.baddbmm, _aten.baddbmm_.default: Tensor.baddbmm_,
    _aten.relu.default: torch.relu, _aten.sum.dim_IntList: torch.sum, _aten.mean.dim: torch.mean,
    _aten.transpose.int: torch.transpose, _aten.unsqueeze.default: torch.unsqueeze, _aten.view.default: Tensor.view,
    _aten.expand.default: Tensor.expand, _aten.stack.default: torch.stack,
}  # fmt: skip


class Unrecordable(Exception):
    """A function does what cannot be repeated from a recording."""


@dataclass(slots=True)
class _Call:
    func: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    read: list[Tensor]
    outputs: list[Tensor | None]  # new ones; None where one was moved in place
    several: bool


class Recording(TorchDispatchMode):
    """Within it every operation is done and recorded, backward's included; `replay` does them again, bit for bit.

    `inputs` are tensors that are others the next time. All else that is read and was not made within it is taken where
    it lies in memory: parameters, buffers, an optimizer's state. A function that asks a tensor for a number, makes
    one of a number, or draws torch's own random numbers is `Unrecordable`. Numbers that Python reckons with are
    recorded as they are: a function in which these change must not be recorded.
    """

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self._inputs = list(inputs)
        self._calls: list[_Call] = []  # keeps all tensors alive, so that none takes another's place in memory
        self._storages: set[int] = set()  # of what is made
        self._mine = {id(x) for x in inputs}
        self._reason = ""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled within it, and torch would import its compiler, two seconds of work, to leave it out."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func._schema.name in _FROM_PYTHON or not _TAGS.isdisjoint(func.tags):
            self._reason = self._reason or f"it calls {func}"
        read = _tensors([*args, *kwargs.values()])
        for tensor in read:
            if id(tensor) not in self._mine and _storage(tensor) in self._storages:
                self._reason = self._reason or f"{func} reads a tensor that was made unseen"
        result = func(*args, **kwargs)
        outputs = list(result) if isinstance(result, tuple | list) else [result]
        new = [o if isinstance(o, Tensor) and all(o is not r for r in read) else None for o in outputs]
        for tensor in new:
            if tensor is not None:
                self._mine.add(id(tensor))
                if tensor.numel() and _storage(tensor) not in {_storage(r) for r in read}:
                    self._storages.add(_storage(tensor))
        self._calls.append(_Call(func, args, kwargs, read, new, isinstance(result, tuple | list)))
        return result

    def replay(self) -> Replay:
        """The recorded operations as a function of the inputs. Unrecordable, with the reason."""
        if self._reason:
            raise Unrecordable(self._reason)
        return _Program(self._inputs).of(self._calls)


class Repeated:
    """step(x, y) again and again: called as it is at first, then recorded, and from there on repeated.

    What `streams` are asked for is drawn ahead of each repetition. A step that is `Unrecordable` is called as it is.
    """

    def __init__(self, step: Callable[[Tensor, Tensor], None], streams: Streams) -> None:
        self._step, self._streams = step, streams
        self.reset()

    def reset(self) -> None:
        """The state that the step works on was replaced."""
        self._calls = 0
        self._uses: list[Use] = []
        self._replay: Replay | None = None
        self.reason = ""  # why the step is called as it is

    def __call__(self, x: Tensor, y: Tensor) -> None:
        if self._replay is not None:
            self._replay([x, y, *self._streams.draw_ahead(self._uses)])
            return
        self._calls += 1
        if self._calls == 2:  # the first may differ from all others
            self._uses = list(dict.fromkeys(self._streams.noted(lambda: self._step(x, y))))
        elif self._calls == 3:
            self._record(x, y)
        else:
            self._step(x, y)

    def _record(self, x: Tensor, y: Tensor) -> None:
        with Recording([x, y, *self._streams.draw_ahead(self._uses)]) as recording:
            others = self._streams.noted(lambda: self._step(x, y))
        if others:
            self.reason = f"it draws {others[0]} at times"
            return
        try:
            self._replay = recording.replay()
        except Unrecordable as error:
            self.reason = str(error)


class _Program:
    """Python's text for a line of calls, which names tensors and constants."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self._names = {id(x): f"x{i}" for i, x in enumerate(inputs)}
        self._bound: dict[str, Any] = {"inference_mode": torch.inference_mode}
        self._inputs = "".join(f"x{i}, " for i in range(len(inputs)))

    def of(self, calls: Sequence[_Call]) -> Replay:
        calls = self._needed([call for call in _without_copies(calls) if not self._settled(call)])
        lines = [(self._left(call), self._call(call), self._read(call)) for call in calls]
        last = {name: i for i, (_, _, read) in enumerate(lines) for name in read}
        text = ["def replay(inputs):", f"  {self._inputs or '_'} = inputs", "  with inference_mode():", "    pass"]
        for i, (left, call, read) in enumerate(lines):
            text.append(f"    {left}{call}")
            over = [name for name in dict.fromkeys(read) if last[name] == i and name[0] in "vx"]
            text += [f"    {' = '.join(over)} = None"] * bool(over)  # the next tensor may take its place
        exec("\n".join(text), self._bound)  # noqa: S102 - of names that were made here
        return self._bound["replay"]

    def _settled(self, call: _Call) -> bool:
        """Whether a call needs no repeating: another name for a tensor, or a view of one that always lies there."""
        read = self._read(call)
        for out in call.outputs:
            if out is None:
                continue
            if call.func._schema.name in _ALIASES:
                self._names[id(out)] = read[0]
                return True
            if call.func.is_view and all(name[0] == "c" for name in read):
                self._names[id(out)] = self._constant(out, "c")
                return True
            self._names[id(out)] = f"v{len(self._names)}"
        return False

    def _needed(self, calls: Sequence[_Call]) -> list[_Call]:
        """Without those whose results nobody reads."""
        needed: list[_Call] = []
        wanted: set[str] = set()
        for call in reversed(calls):
            if call.func._schema.is_mutable or any(self._name(o) in wanted for o in call.outputs if o is not None):
                wanted.update(self._read(call))
                needed.append(call)
        return needed[::-1]

    def _left(self, call: _Call) -> str:
        if all(o is None for o in call.outputs):
            return ""
        names = ["_" if o is None else self._name(o) for o in call.outputs]
        return ", ".join(names) + (", = " if call.several else " = ")

    def _call(self, call: _Call) -> str:
        given = [self._text(a) for a in call.args] + [f"{name}={self._text(a)}" for name, a in call.kwargs.items()]
        return f"{self._constant(_BOUND.get(call.func, call.func), 'f')}({', '.join(given)})"

    def _read(self, call: _Call) -> list[str]:
        return [self._name(tensor) for tensor in call.read]

    def _text(self, value: Any) -> str:
        if isinstance(value, Tensor):
            return self._name(value)
        if isinstance(value, list | tuple):
            return f"[{', '.join(map(self._text, value))}]"
        return repr(value) if value is None or isinstance(value, bool | int) else self._constant(value, "k")

    def _name(self, tensor: Tensor) -> str:
        if id(tensor) not in self._names:
            self._names[id(tensor)] = self._constant(tensor, "c")
        return self._names[id(tensor)]

    def _constant(self, value: object, letter: str) -> str:
        name = f"{letter}{len(self._bound)}"
        self._bound[name] = value
        return name


def _without_copies(calls: Sequence[_Call]) -> list[_Call]:
    """Autograd copies a gradient that somebody else holds, here the recording: an alias, if nobody else reads it."""
    kept: list[_Call] = []
    later: set[int] = set()  # what the calls behind the one at hand read
    for call in reversed(calls):
        out, behind = call.outputs[0], kept[-1] if kept else None
        if (
            call.func is _aten.new_empty_strided.default
            and behind is not None
            and behind.func is _aten.copy_.default
            and behind.args[0] is out
            and behind.args[1] is call.args[0]
            and _storage(call.args[0]) not in later
        ):
            kept[-1] = _Call(_aten.alias.default, [call.args[0]], {}, [call.args[0]], [out], several=False)
        else:
            kept.append(call)
            later.update(_storage(tensor) for tensor in (kept[-2].read if len(kept) > 1 else []))
    return kept[::-1]


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found
