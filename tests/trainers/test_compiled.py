"""Trainings through `torch.compile` and with channels last: those without to rounding, themselves bit for bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.trial import Trial
from tests.trainers.distributed.cases import case, close, data_of, state
from trainers.compiling.compiler import needs_compiler
from trainers.pack import PackTrainer

COMPILED = {
    "cwo": case("cwo"),  # draws as many numbers as a batch has samples
    "vcl": case("vcl"),
    "bn on images": case("bn", model="resnet20"),
    "ln in a transformer": replace(case("ln", model="transformer"), depth=1),
}
OTHERS = {name: case(name) for name in ("brn", "ws+brn", "bn-noise")}


def compiles(test: Any) -> Any:
    ignored = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own parts
    return pytest.mark.oracle(pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")(ignored(test)))


@pytest.fixture(autouse=True)
def _cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def trained(one: Trial, pieces: int = 1, **how: Any) -> PackTrainer:
    """In so many pieces, each by a trainer of its own."""
    data = data_of(one.model.name)
    trainer = PackTrainer([one], data, **how)
    for _ in range(pieces - 1):
        trainer.advance(60.0, 2)
        before = trainer.state_dict()
        trainer = PackTrainer([one], data, **how)
        trainer.load_state_dict(before)
    trainer.advance(1e9)
    assert trainer.finished
    return trainer


@compiles
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_trainings_agree_to_rounding_and_go_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    one = replace(COMPILED[name], shards=1)
    whole = trained(one, compile=True, channels_last=True)
    cache = tmp_path / "cache" / "normsweep" / "compiled"
    assert any(cache.iterdir())
    assert cache.stat().st_mode & 0o777 == 0o700
    close(state(whole), state(trained(one)))
    close(state(trained(one, pieces=2, compile=True, channels_last=True)), state(whole), tolerance=0.0)


@compiles
def test_compiled_shards_draw_their_own_numbers() -> None:
    one = case("cwo", noise_per="sample")
    close(state(trained(one, compile=True)), state(trained(one)))


@pytest.mark.parametrize("name", OTHERS)
def test_what_torch_would_get_wrong_is_trained_uncompiled(name: str, tmp_path: Path) -> None:
    close(state(trained(OTHERS[name], compile=True)), state(trained(OTHERS[name])), tolerance=0.0)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("normalizer", ["bn", "popnorm", "cwo", "gn"])
def test_channels_last_changes_the_rounding_alone(normalizer: str) -> None:
    options = {"groups": 2} if normalizer == "gn" else {}
    trials = [case(normalizer, model="resnet20", **options)]
    trials.append(replace(trials[0], seed=1))
    data = data_of("resnet20")
    usual, other = (PackTrainer(trials, data, channels_last=last) for last in (False, True))
    for trainer in (usual, other):
        trainer.advance(1e9)
    close(state(other), state(usual))


def test_images_stay_pixel_by_pixel_through_the_network() -> None:
    one = case("bn", model="resnet20")
    trainer = PackTrainer([one], data_of("resnet20"), channels_last=True)
    strides: list[tuple[int, ...]] = []
    for block in trainer.network.blocks:
        block.register_forward_hook(lambda _, __, u: strides.append(u.stride()))
    trainer.advance(0.0)
    assert len(strides) > len(trainer.network.blocks)
    assert all(stride[2] == 1 for stride in strides)  # (R, B, C, H, W): channels next to each other


def test_without_a_compiler_it_says_so_or_trains_uncompiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ValueError, match="compiler no-such-compiler, which is not here"):
        needs_compiler()
    close(state(trained(case("bn"), compile=True)), state(trained(case("bn"))), tolerance=0.0)
    assert not (tmp_path / "cache").exists()
