"""docs/add-a-normalizer.md, done as it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import trainers.normalizers
from sweeps.words import vocabulary
from sweeps.words.choice import Choice
from sweeps.words.rules import problems
from tests.sweeps.sets import facts, trials
from tests.trainers.factory import blobs, trial
from tests.trainers.normalizers.oracle import Plain, agree, block, site
from trainers.layers.block import Block
from trainers.pack import PackTrainer

PAGE = Path(__file__).parents[3] / "docs" / "add-a-normalizer.md"


@pytest.fixture(autouse=True)
def _rms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    file, entry = (part.split("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```python\n")[1:])
    (tmp_path / "rms.py").write_text(file, encoding="utf-8")
    monkeypatch.setattr(trainers.normalizers, "__path__", [*trainers.normalizers.__path__, str(tmp_path)])
    ((name, normalizer),) = eval(f"{{{entry}}}", vars(vocabulary)).items()
    monkeypatch.setitem(vocabulary.NORMALIZERS, name, normalizer)
    yield
    sys.modules.pop("trainers.normalizers.rms", None)


class Rms(Plain):
    def __init__(self, packed: Block, r: int, eps: float) -> None:
        super().__init__(packed, r)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        samples = [u / (u.square().sum() / u.numel() + self.eps).sqrt() for u in self.operate(x)]
        return (torch.stack(samples).transpose(1, -1) * self.gamma).transpose(1, -1)


@pytest.mark.parametrize("convolution", [False, True])
@pytest.mark.parametrize("eps", [[1e-5], [1e-5, 0.1, 1.0]])
def test_the_example_is_its_formula(eps: list[float], convolution: bool) -> None:
    packed = block("rms", site(5, 4, replicas=len(eps), convolution=convolution), eps=eps)
    agree(packed, [Rms(packed, r, e) for r, e in enumerate(eps)])


def test_the_example_is_in_sweeps() -> None:
    (t,) = trials(normalizer="rms")
    assert t.normalizer == Choice.of("rms", {"eps": 1e-5})
    assert problems([t], facts) == []
    with pytest.raises(ValueError, match="eps"):
        trials(normalizer={"rms": {"eps": -1.0}})


@pytest.mark.parametrize("name", ["rms", "ws+rms"])
def test_the_example_trains_packed_as_alone(name: str) -> None:
    data = blobs()
    pack = [
        trial(data, normalizer=Choice.of(name, {"eps": eps}), precision="float64", seed=seed)
        for seed, eps in enumerate((1e-5, 0.1))
    ]
    pack.append(replace(pack[0], seed=7))
    together = PackTrainer(pack, data)
    together.advance(60.0)
    assert together.finished
    for t, row in zip(pack, together.rows(), strict=True):
        alone = PackTrainer([t], data)
        alone.advance(60.0)
        (expected,) = alone.rows()
        assert row["curve_train_loss"] == pytest.approx(expected["curve_train_loss"], rel=1e-10)
        losses = row["curve_train_loss"]
        assert isinstance(losses, list)
        assert losses[-1] < losses[0]
