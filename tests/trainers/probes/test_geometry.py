"""Partitions, distances and condition numbers: by definition, and by exact geometry in the plane."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.trainers.factory import blobs, trial
from tests.trainers.probes.looking import probe, read, subject_of
from tests.trainers.trials import activation, method
from trainers.probes.subject import Subject

Floats = NDArray[np.float64]
PLANE = blobs(n=120, features=2)


def planar(**settings: object) -> Subject:
    given = {"depth": 2, "width": 5, "precision": "float64", "activation": activation("relu"), "bias_init": "random"}
    return subject_of([trial(PLANE, seed=3, **(given | settings))], PLANE)


def crossed(w1: Floats, b1: Floats, w2: Floats, b2: Floats, center: Floats, radius: float) -> tuple[int, int]:
    """How many of a planar network's units in its first and second layer are 0 somewhere in the disk, exactly.

    A line crosses where its distance is below the radius. A unit of the second layer is affine between the lines of the
    first: over the disk it is extreme where two lines meet, where a line meets the circle, or where the circle runs
    across its gradient within one region.
    """
    first = int((np.abs(w1 @ center + b1) < radius * np.linalg.norm(w1, axis=1)).sum())
    angles: list[float] = []
    points: list[Any] = [center]
    for w, b in zip(w1, b1, strict=True):
        norm = np.linalg.norm(w)
        distance = (w @ center + b) / norm
        if abs(distance) < radius:
            toward, spread = np.arctan2(-w[1], -w[0]), np.arccos(distance / radius)
            angles += [toward - spread, toward + spread]
    for i, j in combinations(range(len(w1)), 2):
        pair = w1[[i, j]]
        if abs(np.linalg.det(pair)) > 1e-12:
            point = np.linalg.solve(pair, -b1[[i, j]])
            if np.linalg.norm(point - center) < radius:
                points.append(point)
    ends = sorted(a % (2 * np.pi) for a in angles) or [0.0]
    points += [center + radius * np.array([np.cos(a), np.sin(a)]) for a in ends]
    for a, b in zip(ends, [*ends[1:], ends[0] + 2 * np.pi], strict=True):
        middle = center + radius * np.array([np.cos((a + b) / 2), np.sin((a + b) / 2)])
        slopes = w2 @ (w1 * (w1 @ middle + b1 > 0)[:, None])
        for slope in slopes:
            for sign in (0.0, np.pi):
                angle = np.arctan2(slope[1], slope[0]) + sign
                if (angle - a) % (2 * np.pi) <= b - a:
                    points.append(center + radius * np.array([np.cos(angle), np.sin(angle)]))
    h = np.maximum(np.stack(points) @ w1.T + b1, 0) @ w2.T + b2
    return first, int(((h.min(0) < 0) & (h.max(0) > 0)).sum())


def test_the_partition_s_density_is_that_of_exact_geometry() -> None:
    subject = planar()
    (w1, b1), (w2, b2) = (
        (block.weight[0].detach().numpy(), block.bias[0].detach().numpy())
        for block in subject.network.blocks
        if block.bias is not None
    )
    radii, inputs = (0.3, 1.0), 20
    found = read(probe("partition-density", radius=radii, samples=inputs, points=4000), subject)
    centers = torch.cat([x for x, _ in subject.batches("train", inputs)], dim=1)[0].numpy()
    for place, radius in enumerate(radii):
        most, least = (
            np.array([crossed(w1, b1, w2, b2, center, r) for center in centers]).mean(0)
            for r in (radius, 0.93 * radius)
        )
        got = np.array([found["data", layer][0, place].item() for layer in (1, 2)])
        assert (got <= most + 1e-9).all(), "a lower bound"
        assert (got >= least - 1e-9).all(), "which 4000 points nearly reach"
        assert got.sum() == pytest.approx(found["data", 0][0, place].item())
    assert (found["data", 0][0, 1] > found["data", 0][0, 0]).item()
    assert found["random", 0].shape == (1, 2)


@pytest.mark.parametrize("name", ["none", "bn"])
def test_tls_is_the_mean_squared_distance_of_its_definition(name: str) -> None:
    subject = planar(normalizer=method(name) if name == "none" else method("bn", statistics="population"))
    x = torch.cat([x for x, _ in subject.batches("train")], dim=1)
    if name == "bn":
        with torch.no_grad():
            for block in subject.network.blocks:
                block.method.get_parameter("gamma").uniform_(0.5, 2.0, generator=torch.Generator().manual_seed(1))
        subject.network.calibrate(lambda: [x], before="evaluation")
    found = read(probe("tls-distance", samples=0), subject)
    z = x[0].numpy()
    for layer, block in enumerate(subject.network.blocks, 1):
        w = block.weight[0].detach().numpy()
        bias = np.zeros(len(w)) if block.bias is None else block.bias[0].detach().numpy()
        u = z @ w.T + bias
        center = u.mean(0) if name == "bn" else np.zeros(len(w))
        distance = ((u - center) ** 2).mean(0) / (w**2).sum(1)
        assert found["distance", layer].item() == pytest.approx(distance.sum(), rel=1e-9)
        assert found["least", layer].item() == pytest.approx((u.var(0) / (w**2).sum(1)).sum(), rel=1e-9)
        if name == "bn":  # Theorem 1
            assert found["distance", layer].item() == pytest.approx(found["least", layer].item(), rel=1e-9)
        with torch.no_grad():
            x = block.activate(block.normalize(block.operate(x)))
        z = x[0].numpy()


def test_the_condition_number_is_numpy_s() -> None:
    data = blobs(n=200, features=5)
    trials = [trial(data, seed=s, depth=2, width=4, precision="float64") for s in range(2)]
    subject = subject_of(trials, data)
    found = read(probe("condition", samples=0), subject)
    x = torch.cat([x for x, _ in subject.batches("train")], dim=1)
    block = subject.network.blocks[0]
    with torch.no_grad():
        inputs = [x, block.activate(block.normalize(block.operate(x)))]
    for layer, given in enumerate(inputs, 1):
        for r in range(2):
            columns = given[r].numpy().T
            values = np.linalg.svd(columns, compute_uv=False) ** 2
            assert found["condition", layer][r] == pytest.approx(values[0] / values[-1], rel=1e-8)
            assert found["rank", layer][r] == 1
            assert found["largest", layer][r] == pytest.approx(values[0] / columns.shape[1], rel=1e-9)


def test_directions_that_no_input_has_are_left_out_of_the_condition() -> None:
    subject = planar()
    with torch.no_grad():
        subject.network.blocks[0].weight[:, 0] = 0.0
        block = subject.network.blocks[0]
        assert block.bias is not None
        block.bias[:, 0] = -1.0
    found = read(probe("condition", samples=0), subject)
    assert found["rank", 2].item() <= 0.8
    assert found["condition", 2].isfinite().all()
