"""Bad plug-ins at the command line: exit code 2 and one sentence, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestrator.stage import Call
from tests.plugins.files import RMS, sweep_file, written

BAD = {
    "raises": ("raise ValueError('no licence')\n", "rms.py:1: it raises ValueError: no licence when it is imported"),
    "taken": (RMS.replace('"my-rms"', '"bn"'), "the name 'bn' is taken by a normalizer of normsweep: choose another"),
    "clash": (RMS.replace('{"eps": Option', '{"mu": Option'), "option 'mu' is none that RmsNorm takes"),
    "missing": ("", "there is no plug-in file "),
}


@pytest.mark.parametrize("verb", ["check", "plan", "run"])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_plugin_ends_with_2(
    case: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.chdir(tmp_path)
    text, sentence = BAD[case]
    if text:
        written(tmp_path, text)
    file = sweep_file(tmp_path, "  normalizer: my-rms\n")
    code, out, err = call(verb, str(file))
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith(f"normsweep: {file}:1:11: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "normsweep-out").exists()


def test_a_right_one_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path)
    file = sweep_file(tmp_path, "  normalizer: [ws+my-rms, {my-rms: {eps: [1e-5, 0.1]}}]\n")
    code, out, err = call("check", str(file))
    assert (code, err) == (0, "")
    assert "ws+my-rms(eps=1e-05), my-rms(eps=1e-05), my-rms(eps=0.1)" in out
