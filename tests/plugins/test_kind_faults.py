"""`plugin check` of every kind: it finds each planted fault, and nothing in what is right or shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.plugins.loading import read
from sweeps.plugins.use import use
from sweeps.words.kinds import NAMES
from tests.plugins.files import written
from tests.plugins.kinds import (
    ACTIVATION,
    AUGMENTATION,
    HEAD,
    METRIC,
    MINE,
    MODEL,
    OPTIMIZER,
    PROBE,
    RECORDED,
    SCHEDULE,
)
from trainers import faults
from trainers.checking.check import Answer, check_layers
from trainers.checking.subject import Subject


def answers(folder: Path, text: str) -> list[Answer]:
    """To all that is asked without a training."""
    plugin = read(written(folder, HEAD + text, "mine.py"))
    use([plugin])
    return [a for field, name in plugin.entries for a in check_layers(Subject(name=name, field=field))]


@pytest.mark.parametrize("text", [MINE, RECORDED], ids=["what trains", "what records"])
def test_nothing_is_found_in_right_ones(text: str, tmp_path: Path) -> None:
    assert faults(written(tmp_path, text, "mine.py")) == []


MODELS = {
    "replicas": (
        "self.dropout(self.first(x.flatten(2)))",
        "self.dropout(self.first(x.flatten(2)) + x.mean())",
        "of replica 0 is another one among three than alone",
    ),
    "gradient": ("self.first(x.flatten(2))", "self.first(x.flatten(2)).detach()", "the gradient of its input is wrong"),
    "no blocks": ("self.blocks = builder.blocks", "self.blocks = []", "`blocks` are not the blocks that it holds"),
    "global number": ("super().__init__()", "super().__init__()\n        torch.rand(1)", "global generator of torch"),
    "shape": ("return self.classifier(", "return self.first(", "it raises RuntimeError in"),
    "one for all": (
        "self.blocks = ",
        "self.shift = torch.nn.Parameter(torch.zeros(units))\n        self.blocks = ",
        "shift is (8,), it must lead with R = 1",
    ),
    "device": (
        "self.first(x.flatten(2))",
        "self.first(x.flatten(2)) + torch.ones(1, 1, 8)",
        "it raises RuntimeError in",
    ),
    "no method": (
        "self.first(x.flatten(2))",
        "self.first.activation(self.first.operation(x.flatten(2), self.first.weight, self.first.bias))",
        "bn, which acts after the layers, changes nothing: make layers with the builder",
    ),
}
ACTIVATIONS = {
    "in place": ("elu(u, alpha)", "elu(u, alpha, inplace=True)", "it changes in place what it is given"),
    "beside": ("elu(u, alpha)", "elu(u - u.mean(), alpha)", "a value depends on others beside it"),
    "gradient": ("elu(u, alpha)", "elu(u.detach(), alpha)", "it raises RuntimeError"),
    "half a gradient": (
        "torch.nn.functional.elu(u, alpha)",
        "torch.nn.functional.elu(u, alpha) + u.detach()",
        "the gradient of its input is wrong",
    ),
    "learned": ("part * u)", "part.detach() * u)", "the gradient of part is wrong"),
    "shape": ("elu(u, alpha)", "elu(u, alpha).mean(dim=1)", "its output is (1, 5), it must be that of its input"),
    "precision": ("elu(u, alpha)", "elu(u.float(), alpha)", "its output is of torch.float32"),
    "device": ("elu(u, alpha)", "elu(u + torch.zeros(5), alpha)", "it raises RuntimeError"),
    "global number": ("elu(u, alpha)", "elu(u, alpha + 0 * float(torch.rand(1)))", "global generator of torch"),
}
OPTIMIZERS = {
    "shared": ("self.rates * self._scale, p)", "self.rates * self._scale.mean(), p)", "moves otherwise among three"),
    "rate": (
        "beside(self.rates * self._scale, p)",
        "beside(self.rates[:1], p)",
        "moves otherwise among three than alone",
    ),
    "not saved": (
        'v = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)',
        "self.mine = getattr(self, 'mine', {})\n        v = self.mine[name] = self.mine.get(name, 0) * 0.9 + g",
        "is another one after a checkpoint: what a step reads again belongs in `state_dict`",
    ),
    "no rate": ("p.addcmul_(v, beside(self.rates * self._scale, p), value=-1.0)", "p.sub_(v)", "with lr = 0 it moves"),
    "0/0": (".add_(g)\n", ".add_(g)\n        v = v / v.abs()\n", "is not finite where all gradients are 0"),
    "device": ("p.addcmul_(v,", "p.addcmul_(v * torch.ones(v.shape),", "it raises"),
    "global number": ("p.addcmul_(v,", "p.addcmul_(v + torch.rand(1),", "global generator of torch"),
}
SCHEDULES = {
    "negative": ("/ 2.0", "- 1.5", ", no number from 0 on"),
    "a tensor": ("return (1.0 +", "return torch.tensor(1.0 +", "is tensor("),
    "the last step": (
        "position.epoch / position.epochs",
        "1 / (position.steps - position.step - 1)",
        "ZeroDivisionError",
    ),
}
AUGMENTATIONS = {
    "shape": ("return x", "x = x[..., :2]\n        return x", "`training` makes (3, 5, 2), `shape` says (3, 5, 6)"),
    "in place": ("return x + self.sigma", "return x.add_(1) + self.sigma", "it changes in place what it is given"),
    "one for all": ("return x + self.sigma", "return x + x.mean() + self.sigma", "among three than alone"),
    "global number": (
        "return x + self.sigma",
        "return x + torch.rand(x.shape) + self.sigma",
        "its training batch is another one when the same step is repeated",
    ),
    "chance": (
        "    def training",
        "    def evaluation(self, x: Tensor) -> Tensor:\n"
        "        return x + self.streams.normal('a', 0, (1,) * (x.ndim - 1))\n"
        "\n"
        "    def training",
        "`evaluation` differs from step to step: it is without chance",
    ),
}


METRICS = {
    "shape": (".mean(dim=1)", ".mean()", "it is (), it must be (R,) = (1,): one number a replica"),
    "no tensor": (".mean(dim=1) ** power", ".mean().item()", "it returns float, it must be a tensor (R,)"),
    "one for all": (".mean(dim=1)", ".mean().expand(len(logits))", "it of replica 0 is another one among three than"),
    "order": ("!= labels)", "!= labels).cumsum(dim=1)", "it is another one when the samples come in another order"),
    "in place": ("(logits.argmax", "(logits.neg_().argmax", "it changes in place what it is given"),
    "device": ("** power", "+ torch.zeros(len(logits))", "it raises RuntimeError in"),
    "of the CPU": (
        "return (logits.argmax(dim=2) != labels).double().mean(dim=1)",
        "return 0 * torch.ones(len(logits))",
        "it is on the CPU, whatever the device: make tensors on the device of what it is given",
    ),
    "not finite": ("** power", "/ 0.0", "it is not finite"),
    "half": (
        "(logits.argmax(dim=2) != labels).double().mean(dim=1)",
        "logits.half().exp().double().mean(dim=(1, 2)) * (logits.dtype == torch.float32)",
        "of logits in float32 it is another one than of the same in float64",
    ),
    "global number": ("** power", "** power + torch.rand(1)", "it draws from the global generator of torch"),
    "raises": ("** power", "** powers", "it raises NameError in"),
}
PROBES = {
    "shape": ("norms.max(dim=1).values", "norms.max()", "its reading 'largest' is (), it must be (R,) = (1,)"),
    "places": ("at=range(norms.shape[1])", "at=(1, 2)", "it must be (R, K), K the length of `at`, = (1, 2)"),
    "twice": ('"each"', '"largest"', "it gives the reading largest twice"),
    "nothing": ("yield Reading", "if False:\n            yield Reading", "it gives no reading that is finite"),
    "a parameter": (
        "        norms = ",
        "        subject.parameters[0].data.add_(1)\n        norms = ",
        "it changes the parameter hidden.0.weight: put back what you move",
    ),
    "a gradient": (
        "gradients = torch.autograd.grad(loss, subject.parameters)",
        "loss.backward()\n            gradients = [p.grad for p in subject.parameters]",
        "it changes the gradient of hidden.0.weight: use `torch.autograd.grad`",
    ),
    "a hook": (
        "        norms = ",
        "        subject.network.register_forward_hook(lambda *_: None)\n        norms = ",
        "it leaves a hook in the network",
    ),
    "one for all": ("norms.max(dim=1).values", "norms.max().expand(len(norms))", "largest of replica 0 is another one"),
    "global number": ("norms.max(dim=1).values", "norms[:, 0] + torch.rand(1)", "global generator of torch"),
    "memory": (
        "        norms = ",
        "        type(self).times = times = getattr(self, 'times', 0) + 1\n"
        "        gradients = [g * times for g in gradients]\n"
        "        norms = ",
        "is another one the second time",
    ),
    "raises": ("(1, self.size)", "(1, self.sizes)", "it raises AttributeError in"),
}


@pytest.mark.parametrize(
    ("text", "old", "new", "sentence"),
    [
        pytest.param(text, *case, id=f"{kind}: {name}")
        for kind, text, cases in (
            ("model", MODEL, MODELS),
            ("activation", ACTIVATION, ACTIVATIONS),
            ("optimizer", OPTIMIZER, OPTIMIZERS),
            ("schedule", SCHEDULE, SCHEDULES),
            ("augmentation", AUGMENTATION, AUGMENTATIONS),
            ("metric", METRIC, METRICS),
            ("probe", PROBE, PROBES),
        )
        for name, case in cases.items()
    ],
)
def test_a_planted_fault_is_found(text: str, old: str, new: str, sentence: str, tmp_path: Path) -> None:
    assert old in text
    found = [fault for answer in answers(tmp_path, text.replace(old, new)) for fault in answer.faults]
    assert [fault for fault in found if sentence in fault], found


@pytest.mark.oracle
@pytest.mark.parametrize("field", ["activation", "optimizer", "schedule", "augment"])
def test_nothing_is_found_in_what_the_package_ships(field: str) -> None:
    given = {"crop-flip": {"size": 16}, "resized-crop": {"size": 16}, "mlp": {}}
    for name in NAMES[field]:
        found = list(check_layers(Subject(name=name, field=field, given=given.get(name, {}))))
        assert not [a for a in found if a.faults], name


@pytest.mark.oracle
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES["record"])
def test_nothing_is_found_in_probes_that_the_package_ships(name: str) -> None:
    assert not [a for a in check_layers(Subject(name=name, field="record")) if a.faults]
