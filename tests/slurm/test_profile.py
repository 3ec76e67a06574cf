"""Site files: what is read, what is refused and how."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from slurm.profile import load

LEAST = 'partition = "gpu"\nminutes = 60\ncpus = 8\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text)
    return path


def test_what_is_given_is_kept_and_the_rest_has_defaults(tmp_path: Path) -> None:
    profile = load(written(tmp_path, LEAST + 'memory_gb = 16\nsetup = ["module load cuda", "ulimit -n 4096"]\n'))
    assert (profile.partition, profile.minutes, profile.cpus, profile.memory_gb) == ("gpu", 60, 8, 16)
    assert profile.setup == ("module load cuda", "ulimit -n 4096")
    assert (profile.gpus, profile.account, profile.signal_seconds) == (0, "", 120)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (LEAST + 'acount = "x"\n', "unknown key 'acount': did you mean 'account'?"),
        ("minutes = 60\ncpus = 8\n", "the key 'partition' is missing"),
        (LEAST.replace("60", '"1:00:00"'), "minutes = '1:00:00' is not a whole number"),
        (LEAST.replace("60", "true"), "minutes = True is not a whole number"),
        (LEAST + 'spread = "yes"\n', "spread = 'yes' is not true or false"),
        (LEAST + 'setup = "module load cuda"\n', "setup = 'module load cuda' is not a list of strings"),
        (LEAST.replace("cpus = 8", "cpus = 0"), "cpus = 0 must be at least 1"),
        (LEAST + "signal_seconds = 3600\n", "minutes = 60 leaves nothing before the signal"),
        (LEAST + 'scratch = "tmp"\n', "scratch = 'tmp' must be an absolute path"),
        (LEAST + 'scratch = "/a/very/long/path/to/scratch"\n', "at most 20 characters"),
        ("partition = \n", "cannot be read as a site file"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        load(written(tmp_path, text))
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "site.toml"))


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        load(written(tmp_path, "cpus = 'x'\nnodez = 3\nmax_jobs = 0\nsignal_seconds = -1\n"))
    assert len(str(refused.value).splitlines()) == 6


def test_a_file_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read as a site file"):
        load(written(tmp_path, "setup = " + "[" * 3000 + "]" * 3000))


def test_a_file_that_is_not_there_comes_with_the_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="normsweep init --site"):
        load(tmp_path / "none.toml")


def test_a_job_that_was_queued_before_a_key_was_added_has_its_default(tmp_path: Path) -> None:
    profile = load(written(tmp_path, LEAST))
    del vars(profile)["spread"]  # as in its pickle
    assert pickle.loads(pickle.dumps(profile)) == load(written(tmp_path, LEAST))
