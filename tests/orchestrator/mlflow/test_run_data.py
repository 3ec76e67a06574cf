from __future__ import annotations

import pytest

from orchestrator.mirror.run_data import curve, probed
from orchestrator.mirror.sync import ui_command
from orchestrator.mirror.uri import knock, masked, tracking_uri
from orchestrator.store.workspace import Workspace
from sweeps.errors import UnavailableError

HERE = Workspace.at("/data/out")


@pytest.mark.parametrize("epochs", [1, 50, 100, 101, 500, 2000])
def test_a_curve_is_thinned_to_a_hundred_points_with_both_ends(epochs: int) -> None:
    points = curve("curve_val_error", [e / epochs for e in range(epochs)], end_ms=10_000, seconds=5.0)
    steps = [step for _, _, _, step in points]
    assert len(points) == min(epochs, 100)
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, epochs - 1)
    assert {key for key, *_ in points} == {"curve/val_error"}
    assert all(value == step / epochs for _, value, _, step in points)
    assert points[-1][2] == 10_000
    assert points[0][2] == 10_000 - int(5000 / epochs * (epochs - 1))


def test_where_mlflow_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri(HERE) == "sqlite:////data/out/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:5000")
    assert tracking_uri(HERE) == "http://there:5000"
    assert tracking_uri(HERE, "postgresql://db/mlflow") == "postgresql://db/mlflow"
    assert tracking_uri(HERE, "none") == "none"
    assert ui_command(HERE, "none") == ""
    with pytest.raises(ValueError, match=r"a tracking URI begins with sqlite:///, .* but got './mlruns'"):
        tracking_uri(HERE, "./mlruns")


def test_no_password_is_shown() -> None:
    assert masked("http://me:a:b@there") == "http://me:***@there"
    assert masked("postgresql://there/db") == "postgresql://there/db"
    assert ui_command(HERE, "https://me:secret@there") == "open https://me:***@there"
    assert ui_command(HERE) == "normsweep mlflow up --workspace /data/out"
    with pytest.raises(UnavailableError) as caught:
        knock("http://me:secret@127.0.0.1:9")
    assert "secret" not in str(caught.value)


def test_what_probes_saw_is_thinned_in_layers_and_epochs_and_curves_are_left_out() -> None:
    def reading(layer: int, epoch: int, at: float | None = None) -> dict[str, object]:
        value = 100.0 * layer + epoch
        return {"probe": "k", "quantity": "mean", "layer": layer, "epoch": epoch, "at": at, "value": value}

    rows = [reading(layer, epoch) for epoch in range(300) for layer in range(1, 31)]
    (whole,) = probed([reading(1, 5, at=0.5), reading(0, 7)], end_ms=9)
    assert whole == ("probe/k/mean", 7.0, 9, 7)
    points = probed(rows, end_ms=9)
    keys = list(dict.fromkeys(key for key, *_ in points))
    assert (keys[0], keys[-1]) == ("probe/k/mean/layer 1", "probe/k/mean/layer 30")
    assert len(keys) == 12
    for layer in (1, 30):
        steps = [step for key, _, _, step in points if key == f"probe/k/mean/layer {layer}"]
        assert (len(steps), steps[0], steps[-1]) == (100, 0, 299)
        assert all(v == 100.0 * layer + s for key, v, _, s in points if key == f"probe/k/mean/layer {layer}")
