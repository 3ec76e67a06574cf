import pytest
import torch
import torch.nn.functional as F

from sweeps.words.choice import Choice
from trainers.layers.activations import Activation, function

RELU, SELU, TANH = Choice("relu"), Choice("selu"), Choice("tanh")
ELU, ELU_2 = Choice.of("elu", {"alpha": 1.0}), Choice.of("elu", {"alpha": 2.0})
LRELU = Choice.of("lrelu", {"slope": 0.2})
PRELU, PRELU_0 = Choice.of("prelu", {"init": 0.25}), Choice.of("prelu", {"init": 0.0})

FORMULAS = {
    RELU: lambda u: (u + u.abs()) / 2,
    LRELU: lambda u: 0.6 * u + 0.4 * u.abs(),
    ELU: lambda u: torch.where(u > 0, u, u.exp() - 1),
    ELU_2: lambda u: torch.where(u > 0, u, 2 * (u.exp() - 1)),
    SELU: lambda u: 1.0507009873554805 * torch.where(u > 0, u, 1.6732632423543772 * (u.exp() - 1)),
    TANH: lambda u: 1 - 2 / ((2 * u).exp() + 1),
    Choice("sigmoid"): lambda u: 1 / (1 + (-u).exp()),
    Choice("abs"): lambda u: (u * u).sqrt(),
}


def activation(*choices: Choice) -> Activation:
    return Activation(choices, device=torch.device("cpu"), dtype=torch.float64)


def inputs(replicas: int) -> torch.Tensor:
    return torch.randn(replicas, 5, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("choice", FORMULAS, ids=str)
def test_function_matches_its_formula(choice: Choice) -> None:
    u = inputs(1)
    torch.testing.assert_close(function(choice)(u), FORMULAS[choice](u))


@pytest.mark.parametrize("order", [(RELU, RELU, ELU, ELU_2, PRELU, PRELU_0), (PRELU, ELU, RELU, ELU_2, PRELU_0, RELU)])
def test_each_replica_has_its_own_activation_in_any_order(order: tuple[Choice, ...]) -> None:
    packed, u = activation(*order), inputs(6).requires_grad_()
    out = packed(u)
    out.square().sum().backward()
    for r, choice in enumerate(order):
        alone, v = activation(choice), u[r : r + 1].detach().requires_grad_()
        expected = alone(v)
        expected.square().sum().backward()
        torch.testing.assert_close(out[r], expected[0])
        torch.testing.assert_close(u.grad[r], v.grad[0])
        if choice.name == "prelu":
            torch.testing.assert_close(packed.slope.grad[r], alone.slope.grad[0])
        else:
            assert packed.slope.grad[r] == 0


def test_prelu_is_the_leaky_relu_of_its_slope() -> None:
    u, prelu = inputs(1), activation(PRELU)
    torch.testing.assert_close(prelu(u), F.prelu(u, torch.tensor([0.25], dtype=torch.float64)))
    assert dict(activation(RELU).named_parameters()) == {}


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match="'gelu'"):
        activation(Choice("gelu"))
