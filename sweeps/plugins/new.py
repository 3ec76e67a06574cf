"""The files that a method of one's own begins with."""

from __future__ import annotations

from pathlib import Path

from sweeps.errors import UsageError
from sweeps.plugins.loading import name_problem

_METHOD = '''\
"""A normalizer of my own: {name}."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps import Normalizer, Option
from trainers import Method, Site, plugin


def formula(u: Tensor, *, gamma: Tensor, eps: float) -> Tensor:
    """For one replica, as plainly as it can be: u (B, C, *S), gamma (C,). `normsweep plugin check` compares."""
    samples = [sample / (sample.square().mean() + eps).sqrt() for sample in u]
    return (torch.stack(samples).transpose(1, -1) * gamma).transpose(1, -1)


@plugin(
    "{name}",
    Normalizer(
        summary="each sample is divided by the root mean square of its values",
        source="",
        points=frozenset({{"after"}}),
        options={{"eps": Option("float", 1e-5, low=0.0, packs=True, help="added to the mean square")}},
    ),
    formula=formula,
)
class {class_}(Method):
    """û = γ u/√(mean(u²) + ε), the mean over a sample's channels and space. Learned: γ (R, C), 1 at the start."""

    eps: Tensor

    def __init__(self, site: Site, *, eps: float | Sequence[float]) -> None:
        super().__init__()
        dtype = site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=dtype))
        values = torch.as_tensor(eps, dtype=dtype).expand(site.replicas)
        self.register_buffer("eps", values.clone(), persistent=False)

    def after(self, u: Tensor) -> Tensor:
        """On the pre-activation (R, B, C, *S)."""
        space = (1,) * (u.ndim - 3)
        square = u.square().flatten(2).mean(dim=2) + self.eps.unsqueeze(1)
        return self.gamma.unsqueeze(1).unflatten(2, (-1, *space)) * u / square.sqrt().view(*u.shape[:2], 1, *space)
'''

_TEST = '''\
"""The questions of `normsweep plugin check --quick {file}.py`."""

from __future__ import annotations

from pathlib import Path

from trainers import faults


def test_no_fault_is_found() -> None:
    assert faults(Path(__file__).with_name("{file}.py")) == []
'''


def written(name: str, folder: Path) -> tuple[Path, Path]:
    """Writes a normalizer of that name and its test. UsageError for a name that cannot be, and for files that exist."""
    if wrong := name_problem(name):
        raise UsageError(wrong)
    file = name.replace("-", "_")
    class_ = "".join(word.capitalize() for word in name.split("-")) + "Norm"
    method, test = folder / f"{file}.py", folder / f"test_{file}.py"
    for path in (method, test):
        if path.exists():
            raise UsageError(f"{path} exists already: move it away or choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    method.write_text(_METHOD.format(name=name, class_=class_), encoding="utf-8")
    test.write_text(_TEST.format(file=file), encoding="utf-8")
    return method, test
