"""Every optimizer on R replicas against `torch.optim`, or an oracle from its paper, on each alone, in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.optimizers import OPTIMIZERS
from tests.trainers.optim import oracles
from tests.trainers.optim.oracles import DECAYING
from tests.trainers.trials import trial
from trainers.optim.build import build
from trainers.optim.muon import orthogonal
from trainers.optim.optimizer import Optimizer

SHAPES = {
    "stem.weight": (5, 3),
    "layer.weight": (4, 3),
    "conv.weight": (4, 2, 3, 3),
    "layer.bias": (4,),
    "norm.weight": (4,),
    "vcl.beta": (4, 2),
    "activation.slope": (),
    "head.weight": (2, 6),
}
STEPS = 20
Step = Callable[[float, dict[str, Tensor]], None]

# Of each of three replicas: weight decay, momentum, nesterov, options. Values that all replicas share are said once.
VALUES: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"weight_decay": 0.1, "momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.0, "momentum": 0.5, "nesterov": True},
        {"weight_decay": 0.01, "momentum": 0.8, "nesterov": False},
    ],
    "adam": [
        {"weight_decay": 0.1, "betas": (0.9, 0.999), "eps": 1e-8},
        {"weight_decay": 0.0, "betas": (0.5, 0.9), "eps": 1e-3},
        {"weight_decay": 0.01, "betas": (0.0, 0.99), "eps": 1e-6},
    ],
    "adamw": [
        {"weight_decay": 0.1, "betas": (0.9, 0.999), "eps": 1e-8},
        {"weight_decay": 0.0, "betas": (0.5, 0.9), "eps": 1e-3},
        {"weight_decay": 0.3, "betas": (0.95, 0.99), "eps": 1e-6},
    ],
    "rmsprop": [
        {"weight_decay": 0.1, "momentum": 0.9, "rho": 0.99, "eps": 1e-8},
        {"weight_decay": 0.0, "momentum": 0.0, "rho": 0.9, "eps": 1e-3},
        {"weight_decay": 0.01, "momentum": 0.5, "rho": 0.5, "eps": 1e-6},
    ],
    "lion": [
        {"weight_decay": 0.1, "betas": (0.9, 0.99)},
        {"weight_decay": 0.0, "betas": (0.95, 0.98)},
        {"weight_decay": 1.0, "betas": (0.5, 0.5)},
    ],
    "lars": [
        {"weight_decay": 0.1, "momentum": 0.9, "trust": 0.001},
        {"weight_decay": 0.0, "momentum": 0.0, "trust": 0.1},
        {"weight_decay": 0.01, "momentum": 0.5, "trust": 1.0},
    ],
    "muon": [
        {"weight_decay": 0.1, "momentum": 0.95, "nesterov": True, "rest": 0.1, "betas": (0.9, 0.95), "eps": 1e-8},
        {"weight_decay": 0.0, "momentum": 0.0, "nesterov": False, "rest": 1.0, "betas": (0.8, 0.9), "eps": 1e-6},
        {"weight_decay": 0.01, "momentum": 0.5, "nesterov": False, "rest": 0.0, "betas": (0.9, 0.999), "eps": 1e-8},
    ],
}
RATES = [0.1, 0.02, 0.3]


def made(name: str, values: dict[str, Any]) -> Trial:
    own = {setting: values[setting] for setting in ("weight_decay", "momentum", "nesterov") if setting in values}
    options = {option: values[option] for option in OPTIMIZERS[name].options}
    return trial(**({"momentum": 0.0} | own), optimizer=Choice.of(name, options))


def oracle(name: str, parameters: dict[str, Tensor], values: dict[str, Any]) -> Step:
    """What one step of one replica does, of its learning rate and its gradients."""
    if name == "lion":
        return oracles.Lion(parameters, **values).step
    if name == "lars":
        return oracles.LARS(parameters, **values).step
    if name == "muon":
        return oracles.Muon(parameters, hidden=("layer.weight", "conv.weight"), **values).step
    classes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    own = {key: value for key, value in values.items() if key not in ("weight_decay", "rho")}
    if name == "rmsprop":
        own["alpha"] = values["rho"]
    decay: float = values["weight_decay"]
    groups = [{"params": [p], "weight_decay": decay if n in DECAYING else 0.0} for n, p in parameters.items()]
    theirs: Any = classes.get(name, torch.optim.RMSprop)(groups, lr=0.1, **own)

    def step(lr: float, gradients: dict[str, Tensor]) -> None:
        for n, p in parameters.items():
            p.grad = gradients[n]
        for group in theirs.param_groups:
            group["lr"] = lr
        theirs.step()

    return step


def drawn(replicas: int, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(replicas, *shape, dtype=torch.float64, generator=generator).to(dtype).requires_grad_()
        for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("replicas", [[0], [1], [2], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_agrees_with_its_oracle(name: str, replicas: list[int]) -> None:
    values = [VALUES[name][r] for r in replicas]
    ours = drawn(len(replicas))
    alone = [{n: p[r].detach().clone().requires_grad_() for n, p in ours.items()} for r in range(len(replicas))]
    optimizer = build([made(name, v) for v in values], ours.items())
    steps = [oracle(name, mine, v) for mine, v in zip(alone, values, strict=True)]
    generator = torch.Generator().manual_seed(2)
    for i in range(STEPS):
        rates = [RATES[r] / (1 + i // 3) for r in replicas]
        gradients = {n: torch.randn(p.shape, dtype=p.dtype, generator=generator) for n, p in ours.items()}
        for n, p in ours.items():
            p.grad = gradients[n].clone()
        optimizer.set_rates(rates)
        optimizer.step()
        optimizer.clear()
        for r, step in enumerate(steps):
            step(rates[r], {n: g[r].clone() for n, g in gradients.items()})
            for n, p in ours.items():
                torch.testing.assert_close(p[r], alone[r][n], rtol=1e-12, atol=1e-12)
    assert all(p.grad is None for p in ours.values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_goes_on_bit_for_bit(name: str) -> None:
    """In float32, from the state alone."""

    def fresh() -> tuple[dict[str, Tensor], Optimizer]:
        parameters = drawn(3, torch.float32)
        return parameters, build([made(name, v) for v in VALUES[name]], parameters.items())

    def go(parameters: dict[str, Tensor], optimizer: Optimizer, steps: range) -> None:
        for i in steps:
            generator = torch.Generator().manual_seed(i)
            for p in parameters.values():
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.set_rates(RATES)
            optimizer.step()

    ours, optimizer = fresh()
    go(ours, optimizer, range(5))
    resumed, other = fresh()
    for n, p in resumed.items():
        p.data.copy_(ours[n].data)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    go(ours, optimizer, range(5, 10))
    go(resumed, other, range(5, 10))
    for n, p in ours.items():
        assert torch.equal(p, resumed[n])
    assert all(torch.equal(t, other.state_dict()[n]) for n, t in optimizer.state_dict().items())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_replica_does_not_depend_on_its_neighbours(name: str) -> None:
    """Bit for bit, one that diverges among them."""

    def trained(scale: float) -> list[Tensor]:
        parameters = drawn(3)
        optimizer = build([made(name, v) for v in VALUES[name]], parameters.items())
        for i in range(4):
            generator = torch.Generator().manual_seed(i)
            for p in parameters.values():
                p.grad = torch.randn(p.shape, dtype=p.dtype, generator=generator)
                p.grad[1] *= scale
            optimizer.set_rates(RATES)
            optimizer.step()
        return [p.detach()[[0, 2]] for p in parameters.values()]

    for one, other in zip(trained(1.0), trained(float("inf")), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in ("lars", "muon")])
def test_a_step_allocates_nothing_of_a_parameters_size(name: str) -> None:
    parameter = torch.randn(3, 200, 300).requires_grad_()
    optimizer = build([made(name, v) for v in VALUES[name]], [("layer.weight", parameter)])
    optimizer.set_rates(RATES)
    parameter.grad = torch.randn(parameter.shape)
    with torch.profiler.profile(profile_memory=True) as profile:
        optimizer.step()
    assert max(event.cpu_memory_usage for event in profile.events() or ()) < parameter.numel()  # bytes


def test_a_parameter_without_a_gradient_stays() -> None:
    for name in OPTIMIZERS:
        parameters = drawn(3)
        optimizer = build([made(name, v) for v in VALUES[name]], parameters.items())
        optimizer.set_rates(RATES)
        optimizer.step()
        for n, p in drawn(3).items():
            assert torch.equal(p, parameters[n])


def test_weights_of_0_move_in_lars() -> None:
    parameter = torch.zeros(2, 3, 3, dtype=torch.float64, requires_grad=True)
    values = {"weight_decay": 0.1, "momentum": 0.0, "trust": 0.001}
    optimizer = build([made("lars", values)] * 2, [("layer.weight", parameter)])
    optimizer.set_rates([0.5, 0.5])
    parameter.grad = torch.stack([torch.ones(3, 3), torch.zeros(3, 3)]).double()
    optimizer.step()
    assert torch.equal(parameter[0], torch.full((3, 3), -0.5, dtype=torch.float64))
    assert torch.equal(parameter[1], torch.zeros(3, 3, dtype=torch.float64))


def test_muon_makes_singular_values_about_1() -> None:
    matrix = torch.randn(2, 20, 7, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert 0.6 < values.min() < values.max() < 1.3
    assert torch.equal(orthogonal(torch.zeros(1, 2, 3)), torch.zeros(1, 2, 3))


def test_a_pack_has_one_optimizer() -> None:
    with pytest.raises(ValueError, match=r"one `optimizer`, these have \['adam', 'sgd'\]: plan them apart"):
        build([made("sgd", VALUES["sgd"][0]), made("adam", VALUES["adam"][0])], drawn(2).items())
