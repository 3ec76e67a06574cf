"""`plugin check`: finds each planted fault, and nothing in a right method or in those that the package ships."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sweeps import UsageError
from sweeps.plugins.loading import read
from sweeps.plugins.use import use
from sweeps.words.vocabulary import NORMALIZERS
from tests.plugins.files import HEAD, written
from trainers import faults
from trainers.checking import training
from trainers.checking.check import check_file, check_layers, check_method
from trainers.checking.subject import Subject

# A batch normalization with a noise and a scale, whose lines are spoilt one by one.
RIGHT = (
    HEAD
    + """
def formula(u, *, gamma, eps, scale):
    mean = u.mean(dim=tuple(d for d in range(u.ndim) if d != 1), keepdim=True)
    square = (u - mean).square().mean(dim=tuple(d for d in range(u.ndim) if d != 1), keepdim=True)
    return scale * ((u - mean) / (square + eps).sqrt()).transpose(1, -1).mul(gamma).transpose(1, -1)


@plugin(
    "own",
    Normalizer(
        summary="centred and divided",
        points=frozenset({"after"}),
        least_values=2,
        options={
            "eps": Option("float", 1e-5, low=0.0, packs=True, help="added to the variance"),
            "scale": Option("float", 1.0, low=0.0, packs=True, help="of the output"),
            "noise": Option("bool", False, help="whether there is any"),
        },
    ),
    formula=formula,
)
class Own(Method):
    compiles = False

    def __init__(self, site: Site, *, eps, scale, noise) -> None:
        super().__init__()
        self.site, self.noise = site, noise
        dtype = site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=dtype))
        for name, values in (("eps", eps), ("scale", scale)):
            given = torch.as_tensor(values, dtype=dtype)
            self.register_buffer(name, given.expand(site.replicas).clone(), persistent=False)
        self.register_buffer("mean", torch.zeros(site.replicas, site.out_channels, dtype=dtype))
        self.register_buffer("square", torch.ones(site.replicas, site.out_channels, dtype=dtype))

    def wide(self, x: Tensor, u: Tensor) -> Tensor:
        return x.view(x.shape[0], 1, -1, *(1,) * (u.ndim - 3))

    def after(self, u: Tensor) -> Tensor:
        over = [d for d in range(1, u.ndim) if d != 2]
        mean, square = self.mean, self.square
        if self.training:
            mean = u.mean(dim=over)
            centred = u - self.wide(mean, u)
            square = centred.square().mean(dim=over)
            with torch.no_grad():
                self.mean.mul_(0.9).add_(0.1 * mean)
                self.square.mul_(0.9).add_(0.1 * square)
        root = (square + self.eps.unsqueeze(1)).sqrt()
        out = (u - self.wide(mean, u)) / self.wide(root, u) * self.wide(self.gamma, u)
        if self.noise and self.training:
            out = out + self.wide(self.site.streams.normal("own", self.site.layer, (u.shape[2],)), u)
        return out * self.wide(self.scale.unsqueeze(1).expand_as(self.gamma), u)
"""
)
LINE = "        over = [d for"
FAULTS = {
    "a statistic over replicas": (
        "mean = u.mean(dim=over)\n",
        "mean = u.mean(dim=over)\n            mean = mean.mean(dim=0, keepdim=True).expand_as(mean)\n",
        "of replica 0 is another one among three than alone .*nothing may be shared between replicas",
    ),
    "a buffer that is not saved": (
        '("mean", torch.zeros(site.replicas, site.out_channels, dtype=dtype))',
        '("mean", torch.zeros(site.replicas, site.out_channels, dtype=dtype), persistent=False)',
        "after step 1 it evaluates otherwise when it comes from a checkpoint",
    ),
    "state that is no buffer": (
        LINE,
        '        self.count = getattr(self, "count", 0) + self.training\n        u = u * (1 + 0.1 * self.count)\n'
        + LINE,
        "from a checkpoint|after a training that was interrupted",
    ),
    "a global random number": (
        "        root = (",
        "        u = u + 0.1 * torch.randn_like(u)\n        root = (",
        "it draws from the global generator of torch: draw from `site.streams`",
    ),
    "a wrong gradient": (
        "square = centred.square()",
        "square = centred.detach().square()",
        "the gradient of its input is wrong: along a random direction",
    ),
    "a tensor of the CPU": (
        "        root = (",
        "        u = u * torch.linspace(0.5, 1, u.shape[1]).view(-1, *(1,) * (u.ndim - 2))\n        root = (",
        "no tensor of another device, .*it raises RuntimeError in .*own.py:57",
    ),
    "an input changed in place": (LINE, "        u.mul_(2.0)\n" + LINE, "`after` changes in place what it is given"),
    "non-determinism": (
        LINE,
        "        import time\n\n        u = u * (1 + time.perf_counter() % 1)\n" + LINE,
        "is another one when the same training is repeated",
    ),
    "a wrong shape": ("return out * ", "return out[..., :1] * ", r"it must be \(R, B, C, \*S\) = \(1, 24, 32"),
    "a wrong penalty's shape": (
        'points=frozenset({"after"})',
        'points=frozenset({"after", "penalty"})',
        r"the penalty is \(\), it must be \(R,\) = \(1,\)",
    ),
    "an option that one replica decides": (
        '("scale", scale)):',
        '("scale", scale if isinstance(scale, float) else scale[0])):',
        "the option 'scale' packs, so each replica must have its own value of it",
    ),
    "an option that nobody reads": ('("scale", scale)', '("scale", 1.0)', "is not what the formula gives"),
    "a buffer without replicas": (
        '        self.register_buffer("square"',
        '        self.register_buffer("count", torch.zeros(1))\n        self.register_buffer("square"',
        r"count is \(1,\), it must lead with R = 3",
    ),
    "another formula": (
        "/ self.wide(root, u)",
        "/ (self.wide(root, u) + 0.01)",
        "`after` of replica 0 is not what the",
    ),
    "float32 alone": (
        "return out * ",
        "return out.float() * self.scale.float()[0] + 0 * ",
        "|".join(["is of torch", "formula"]),
    ),
    "parameters without replicas": (
        "torch.ones(site.replicas, site.out_channels, dtype=dtype))",
        "torch.ones(1, site.out_channels, dtype=dtype))",
        r"it raises RuntimeError in .*own\.py:\d+: The expanded size of the tensor \(1\) must match",
    ),
}
SPOILT = "self.mean.mul_(0.9 if torch.compiler.is_compiling() else 0.8)"
PENALTY = "\n    def penalty(self, u: Tensor) -> Tensor:\n        return u.square().mean()\n"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, tmp_path: Path) -> None:
    old, new, sentence = FAULTS[fault]
    text = RIGHT + PENALTY * (fault == "a wrong penalty's shape")
    if "penalty" in fault:
        text = text.replace("    formula=formula,\n", "")
    assert old in text
    found = "\n".join(faults(written(tmp_path, text.replace(old, new, 1), "own.py")))
    assert re.search(sentence, found), found


def test_an_undeclared_hook_is_refused(tmp_path: Path) -> None:
    text = RIGHT + "\n    def weight(self, w: Tensor) -> Tensor:\n        return 2 * w\n"
    with pytest.raises(UsageError, match="own overrides a hook of the point 'weight', which its `points` do not name"):
        faults(written(tmp_path, text, "own.py"))


def test_a_fault_in_two_processes_is_found(tmp_path: Path) -> None:
    """What a process counts for itself."""
    old, new = (
        "        if self.training:\n",
        "        if self.training:\n            u = u + 0.1 * rank() * u.detach()\n",
    )
    rank = (
        "\n\ndef rank() -> int:\n    import torch.distributed as dist\n\n"
        "    return dist.get_rank() if dist.is_initialized() else 0\n"
    )
    path = written(tmp_path, (RIGHT + rank).replace(old, new, 1), "own.py")
    found = [a for a in check_file(path) if a.faults]
    assert {a.question for a in found} == {"two processes as one"}
    assert "in two processes (relative error" in found[0].faults[0]


def test_what_is_raised_in_two_processes_is_one_line(tmp_path: Path) -> None:
    there = "        if torch.distributed.is_initialized():\n            raise ValueError('alone')\n"
    path = written(tmp_path, RIGHT.replace(LINE, there + LINE, 1), "own.py")
    plugin = read(path)
    use([plugin])
    (told,) = training.ranks(Subject(name="own"), "mlp", plugin, path)
    assert told == "in one of two processes it raises ValueError: alone"


def test_a_method_that_exits_is_a_fault(tmp_path: Path) -> None:
    text = RIGHT.replace("        super().__init__()\n", "        super().__init__()\n        raise SystemExit(3)\n", 1)
    found = faults(written(tmp_path, text, "own.py"))
    assert found
    assert all(re.search(r"it raises SystemExit in .*own\.py:\d+: 3", fault) for fault in found)


def test_nothing_is_found_in_a_right_one(tmp_path: Path) -> None:
    answers = list(check_file(written(tmp_path, RIGHT, "own.py")))
    assert not [a for a in answers if a.faults]
    assert {a.question for a in answers} >= {
        "two processes as one",
        "goes on from a checkpoint",
        "the formula of the file",
    }
    assert [a.note for a in answers if a.question == "compiled as plain"] == ["it says `compiles = False`"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own parts
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.oracle
def test_compiled_as_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert training.why_not_compiled(Subject(name="gn")) == ""
    written(tmp_path, RIGHT.replace("    compiles = False\n", "").replace("self.mean.mul_(0.9)", SPOILT), "own.py")
    plugin = read(tmp_path / "own.py")
    use([plugin])
    (told,) = training.compiled(Subject(name="own"), "mlp", plugin)
    assert "is another one through torch.compile (relative error" in told


@pytest.mark.oracle
@pytest.mark.parametrize("name", NORMALIZERS)
def test_nothing_is_found_in_what_the_package_ships(name: str) -> None:
    sizes: dict[str, dict[str, int]] = {"gbn": {"size": 4}, "evonorm-s0": {"groups": 8}}  # divisors of batch and width
    given = sizes.get(name, {})
    answers = list(check_method(Subject(name=name, given=given), quick=True))
    for option, spec in NORMALIZERS[name].options.items():
        for value in spec.words or ((True, False) if spec.kind == "bool" else ()):
            answers += check_layers(Subject(name=name, given={option: value}))
    assert not [a for a in answers if a.faults]
    refused = {(a.question, a.where) for a in answers if a.note}
    if name == "in":
        assert refused == {
            ("shapes, for one replica and for three", "fully connected"),
            ("goes on from a checkpoint", "mlp"),
        }
    elif name == "bn-noise":
        assert refused == {("options of each replica", "convolution")}
    else:
        assert not refused
