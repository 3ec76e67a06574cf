"""What Ray keeps on a node: a folder of this job and this node alone, gone when its step ends."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from slurm.profile import LONGEST_RAY_FOLDER, LONGEST_SCRATCH
from slurm.ray_cluster import STEP, forget, node_folder

SLEEPER = ("sh", "-c", 'mkdir "$1" && touch "$1/socket" && exec sleep 60', "sh")


def test_the_folder_carries_the_nodes_name_and_two_nodes_never_share_one() -> None:
    assert node_folder("/tmp", 7, "n1") == "/tmp/ns7-n1"
    assert node_folder("/tmp", 7, "n1") != node_folder("/tmp", 7, "n2") != node_folder("/tmp", 71, "n2")


@pytest.mark.parametrize("scratch", ["/tmp", "/" + "s" * (LONGEST_SCRATCH - 1)])
@pytest.mark.parametrize("node", ["n1", "gpu-a100-0123", "ip-10-0-11-123.eu-central-1.compute.internal"])
def test_rays_sockets_find_room_below_it_however_long_the_names_are(scratch: str, node: str) -> None:
    folders = {node_folder(scratch, job, name) for job in (7, 4_294_967_295) for name in (node, node + "b")}
    assert len(folders) == 4
    assert max(len(f"{folder}/999-99") for folder in folders) <= LONGEST_RAY_FOLDER


def step(node: Path, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", STEP, "sh", str(node), str(node / "0-1"), *command])


def eventually(there: Path) -> None:
    until = time.monotonic() + 30
    while not there.exists():
        assert time.monotonic() < until, there
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_step_that_is_told_to_end_takes_its_folder_along_and_no_other(tmp_path: Path, number: int) -> None:
    node, others = tmp_path / "scratch" / "ns7-n1", [tmp_path / "scratch" / name for name in ("ns7-n2", "ns71-n1")]
    for folder in (node / "0-0", *others):
        folder.mkdir(parents=True)
    process = step(node, *SLEEPER, str(node / "0-1"))
    eventually(node / "0-1" / "socket")
    assert not (node / "0-0").exists(), "what an earlier incarnation left"
    assert node.stat().st_mode & 0o777 == 0o700
    process.send_signal(signal.SIGUSR2)
    process.send_signal(number)
    assert process.wait(30) > 128
    assert sorted(node.parent.iterdir()) == sorted(others)


def test_a_step_leaves_what_a_later_incarnation_has_put_beside_its_folder(tmp_path: Path) -> None:
    node = tmp_path / "ns7-n1"
    process = step(node, *SLEEPER, str(node / "0-1"))
    eventually(node / "0-1" / "socket")
    (node / "1-1").mkdir()
    process.terminate()
    process.wait(30)
    assert list(node.iterdir()) == [node / "1-1"]


def test_a_step_takes_the_nodes_folder_along_where_another_node_removed_its_own(tmp_path: Path) -> None:
    node = tmp_path / "ns7-n1"
    assert step(node, "sh", "-c", 'mkdir "$1" && rm -r "$1"', "sh", str(node / "0-1")).wait(30) == 0
    assert not node.exists()


def test_a_job_that_begins_again_forgets_what_it_left_on_any_node_and_no_other_job(tmp_path: Path) -> None:
    for name in ("ns7-n1", "ns7-n2", "ns71-n1"):
        (tmp_path / name / "0-1").mkdir(parents=True)
    forget(str(tmp_path), 7)
    assert [path.name for path in tmp_path.iterdir()] == ["ns71-n1"]


def test_a_step_ends_as_its_command_does_and_begins_nothing_in_a_folder_that_it_could_not_make(tmp_path: Path) -> None:
    assert step(tmp_path / "ns7-n1", "sh", "-c", "exit 3").wait(30) == 3
    (tmp_path / "file").touch()
    begun = tmp_path / "begun"
    assert step(tmp_path / "file" / "ns7-n1", "touch", str(begun)).wait(30) != 0
    assert not begun.exists()
