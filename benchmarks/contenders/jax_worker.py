"""A process that trains with JAX: `jit(vmap(scan))`. It needs JAX and NumPy alone."""

# ruff: noqa: ARG001
from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from math import pi, sqrt
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.contenders.serving import STEPS, Contender, serve

EPS, MOMENTUM = 1e-5, 0.1
N, GAMMA, LEAST_BETA = 10, 0.01, 1e-3  # of vcl
KAPPA = 4.0  # of popnorm
RADIUS = sqrt(2)  # of cwo
MEAN, DEVIATION = 1 / sqrt(2 * pi), sqrt((1 - 1 / pi) / 2)  # of relu(z), for normprop
BATCH = 20
SCANNED = STEPS + 1  # steps of one call

Learned = dict[str, Any]


def none(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    return jax.nn.relu(x @ p["weight"] + p["bias"]), state, 0.0


def bn(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    u = x @ p["weight"]
    mean, var = u.mean(axis=0), u.var(axis=0)
    a = jax.nn.relu((u - mean) * (p["gamma"] * lax.rsqrt(var + EPS)) + p["beta"])
    return a, followed(state, mean, var * (len(u) / (len(u) - 1))), 0.0


def ln(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    u = x @ p["weight"]
    u = (u - u.mean(axis=1, keepdims=True)) * lax.rsqrt(u.var(axis=1, keepdims=True) + EPS)
    return jax.nn.relu(u * p["gamma"] + p["beta"]), state, 0.0


def vcl(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    u = x @ p["weight"] + p["bias"]
    ratio = u[:N].var(axis=0, ddof=1) / (u[N : 2 * N].var(axis=0, ddof=1) + p["beta"])
    return jax.nn.relu(u), state, GAMMA * ((1 - ratio) ** 2).mean()


def popnorm(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    mean = x.mean(axis=0)
    shifted = x - mean + p["beta"]
    square = (shifted**2).mean(axis=0)
    x = shifted * (p["gamma"] * lax.rsqrt(square + EPS) / KAPPA)
    state = followed(state, mean, (square - p["beta"] ** 2) * (len(x) / (len(x) - 1)))
    return jax.nn.relu(x @ p["weight"] + p["bias"]), state, 0.0


def cwo(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    return jax.nn.relu((x @ p["weight"]) * (p["gamma"] * (1 + noise)) + p["beta"]), state, 0.0


def normprop(p: Learned, state: Learned, x: Any, noise: Any) -> tuple[Any, Learned, Any]:
    w = p["weight"] / jnp.linalg.norm(p["weight"], axis=0)
    return (jax.nn.relu((x @ w) * p["gamma"] + p["beta"]) - MEAN) / DEVIATION, state, 0.0


def followed(state: Learned, mean: Any, var: Any) -> Learned:
    new = {"mean": mean, "var": var}
    return {name: state[name] + MOMENTUM * (lax.stop_gradient(new[name]) - state[name]) for name in new}


def edited(method: str, gradient: Learned) -> Learned:
    if method == "vcl":
        norm = jnp.sqrt(sum(jnp.sum(g**2) for g in gradient.values()))
        return {name: g * jnp.minimum(1 / norm, 1.0) for name, g in gradient.items()}
    if method == "cwo":
        return gradient | {"weight": gradient["weight"] - gradient["weight"].mean(axis=0)}
    return gradient


def projected(method: str, p: Learned) -> Learned:
    if method == "vcl":
        return p | {"beta": jnp.maximum(p["beta"], LEAST_BETA)}
    w = p["weight"]
    if method == "cwo":
        w = w - w.mean(axis=0)
        return p | {"weight": w * (RADIUS / jnp.linalg.norm(w, axis=0))}
    if method == "normprop":
        return p | {"weight": w / jnp.linalg.norm(w, axis=0)}
    return p


LAYERS: dict[str, Callable[..., tuple[Any, Learned, Any]]] = {
    "none": none,
    "bn": bn,
    "ln": ln,
    "vcl": vcl,
    "popnorm": popnorm,
    "cwo": cwo,
    "normprop": normprop,
}


def loss(method: str, layers: list[Learned], states: list[Learned], x: Any, y: Any, noise: Any) -> Any:
    penalties, new = 0.0, []
    for i, (p, state) in enumerate(zip(layers[:-1], states, strict=True)):
        x, state, penalty = LAYERS[method](p, state, x, None if noise is None else noise[i])
        penalties = penalties + penalty
        new.append(state)
    logits = x @ layers[-1]["weight"] + layers[-1]["bias"]
    told = -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()
    return told + penalties, (told, new)


def trained(
    method: str,
    rate: float,
    layers: list[Learned],
    states: list[Learned],
    x: Any,
    y: Any,
    order: Any,
    noise: Any,
    key: Any,
) -> Any:
    """SCANNED steps of one replica, which takes the noise (SCANNED, depth, width) or draws it by the key."""
    depth, width = len(layers) - 1, layers[0]["weight"].shape[1]
    sigma = (jnp.arange(depth) + 1)[:, None] / depth

    def step(carry: Any, these: Any) -> Any:
        layers, states, key = carry
        batch, given = these
        if given is not None:
            given = sigma * given
        elif key is not None:
            key, now = jax.random.split(key)
            given = sigma * jax.random.normal(now, (depth, width))
        found = jax.grad(partial(loss, method), has_aux=True)(layers, states, x[batch], y[batch], given)
        gradients, (told, states) = found
        gradients = [edited(method, g) for g in gradients[:-1]] + gradients[-1:]
        layers = jax.tree.map(lambda p, g: p - rate * g, layers, gradients)
        layers = [projected(method, p) for p in layers[:-1]] + layers[-1:]
        return (layers, states, key), told

    (layers, states, key), told = lax.scan(step, (layers, states, key), (order, noise))
    return layers, states, key, told


class Jitted:
    """`jit(vmap(scan))` over replicas; what is trained is given away to each call and comes back."""

    def __init__(self, method: str, arrays: dict[str, Any], replicas: int) -> None:
        self.replicas = replicas
        self.compared = len(arrays["order"])
        which = np.arange(replicas) % self.compared
        self.x, self.y = jnp.asarray(arrays["x"]), jnp.asarray(arrays["y"].astype(np.int32))
        steps = arrays["order"].shape[1] // (SCANNED * BATCH) * SCANNED
        order = arrays["order"][which, : steps * BATCH].astype(np.int32)
        self.orders = [
            jnp.asarray(part) for part in np.split(order.reshape(replicas, steps, BATCH), steps // SCANNED, 1)
        ]
        depth = max(int(name.partition(".")[0]) for name in arrays if "." in name)
        self.layers = [
            {
                name.partition(".")[2]: jnp.asarray(figure(name, arrays)[which])
                for name in arrays
                if name.startswith(f"{i}.")
            }
            for i in range(depth + 1)
        ]
        tracked = {"bn": 2, "popnorm": 1}.get(method)  # the axis of the weights that has running averages
        self.states: list[Learned] = [
            {}
            if tracked is None
            else {"mean": jnp.zeros(shape := (replicas, p["weight"].shape[tracked])), "var": jnp.ones(shape)}
            for p in self.layers[:-1]
        ]
        self.noise = jnp.asarray(arrays["noise"][:, which].swapaxes(0, 1)) if "noise" in arrays else None
        self.key = None if self.noise is None else jax.random.split(jax.random.key(0), replicas)
        axes = (0, 0, None, None, 0, 0, 0)
        self.call = jax.jit(jax.vmap(partial(trained, method, float(arrays["rate"])), axes), donate_argnums=(0, 1))
        self.calls = 0

    def loss(self) -> list[float]:
        return self._call(self.noise)[: self.compared, STEPS].tolist()

    def train(self, steps: int) -> int:
        calls = max(1, round(steps / SCANNED))
        for _ in range(calls):
            told = self._call(None)
        told.block_until_ready()
        return calls * SCANNED

    def _call(self, noise: Any) -> Any:
        order = self.orders[self.calls % len(self.orders)]
        self.calls += 1
        self.layers, self.states, self.key, told = self.call(
            self.layers, self.states, self.x, self.y, order, noise, self.key
        )
        return told


def figure(name: str, arrays: dict[str, Any]) -> Any:
    """Weights as (R, in, out), which is what JAX programs have."""
    return arrays[name].swapaxes(1, 2) if name.endswith(".weight") else arrays[name]


def build(number: int, threads: int, request: dict[str, Any]) -> dict[str, Contender]:
    arrays = dict(np.load(request["start"]))
    return {name: Jitted(request["method"], arrays, replicas) for name, (_, replicas) in request["contenders"].items()}


if __name__ == "__main__":
    serve(build)
