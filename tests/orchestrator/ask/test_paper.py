"""`paper`: a row a table or figure, with what is done of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.store.workspace import Workspace
from tests.orchestrator.stage import Call
from tests.orchestrator.training import train


def test_a_row_a_figure_and_what_is_done_of_it(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["depth=1", "width=4", "epochs=1", "steps_per_epoch=2", "seed=0", "dataset=waveform-generated"]
    train(Workspace.at("normsweep-out"), "vcl-modes", [*small, "schedule=constant"])
    code, out, _ = call("paper", "vcl", "--json")
    assert code == 0
    rows = {row["exhibit"]: row for row in json.loads(out)}
    assert list(rows)[:2] == ["table 1", "table 2"]
    figure = rows["figure 1"]
    assert (figure["preset"], figure["trials"], figure["done"]) == ("vcl-modes", 8, 2)
    assert figure["verdict"] in ("reproduced", "not reproduced")
    assert figure["sentence"].startswith("mean kurtosis after training: vcl ")
    assert (rows["table 1"]["verdict"], rows["table 1"]["sentence"]) == ("", "normsweep run speed")
    assert rows["figure 2"] == {
        "exhibit": "figure 2",
        "what": "a single unit on mixtures of two Gaussians",
        "preset": "",
        "trials": None,
        "done": None,
        "device_hours": None,
        "verdict": "not comparable",
        "sentence": "no preset holds it",
    }
    code, out, err = call("paper", "vlc")
    assert (code, out) == (2, "")
    assert "did you mean vcl?" in err
