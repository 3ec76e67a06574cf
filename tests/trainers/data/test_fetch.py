"""Downloads from a server on this machine, which breaks connections, changes files and says no."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainers.data.archives import cifar_members, snn_members, write_tar, write_zip
from tests.trainers.data.conftest import Server
from trainers import data
from trainers.data.bringing import fetch as fetching
from trainers.data.bringing.fetch import download, fetch
from trainers.data.listings.listing import Archive

CONTENT = np.random.default_rng(0).bytes(600_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def archive(server: Server, tmp_path: Path) -> Archive:
    server.files["some.bin"] = CONTENT
    return Archive(f"{server.url}/some.bin", MD5)


@pytest.fixture
def bundle(server: Server, home: Path, published: Path, tmp_path: Path) -> Server:
    """A server with an SNN bundle of two data sets."""
    members = snn_members(published, "car") | snn_members(published, "statlog-german-credit")
    server.files["data_py.zip"] = write_zip(tmp_path / "made" / "data_py.zip", members).read_bytes()
    return server


@pytest.fixture
def cifar(server: Server, home: Path, tmp_path: Path, small: Callable[..., None]) -> Server:
    """A server with a CIFAR-10 of 60 images."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (60, 3, 32, 32)).astype(np.uint8), np.arange(60) % 10
    content = write_tar(tmp_path / "made" / "cifar-10-python.tar.gz", cifar_members(x, y)).read_bytes()
    server.files["cifar-10-python.tar.gz"] = content
    archive = Archive("http://nowhere.invalid/cifar-10-python.tar.gz", hashlib.md5(content).hexdigest())
    small("cifar10", n=60, archives=(archive,))
    return server


def left(home: Path) -> list[str]:
    """Everything in the folder of data sets, locks aside."""
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_file_comes_whole_with_progress(archive: Archive, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = download(archive, tmp_path, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("some.bin", 600_000, 600_000)
    assert [here for _, here, _ in seen] == sorted(here for _, here, _ in seen)
    assert len(seen) > 1
    assert [file.name for file in tmp_path.iterdir()] == ["some.bin"]


def test_a_cut_connection_is_gone_on_with(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.cut = 2
    assert download(archive, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["", "bytes=300000-", "bytes=450000-"]


def test_after_a_broken_run_the_next_one_goes_on(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.cut = 1000
    server.ranges = False
    with pytest.raises(ValueError, match=r"some.bin cannot be read \(it broke off\); 300000 bytes are kept: try again"):
        download(archive, tmp_path)
    assert not (tmp_path / "some.bin").exists()
    server.cut, server.ranges = 0, True
    assert download(archive, tmp_path).read_bytes() == CONTENT
    assert server.requests[-1] == ("some.bin", "bytes=300000-")


def test_a_file_that_changed_meanwhile_comes_anew(archive: Archive, server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.bin.part").write_bytes(b"another file")
    (tmp_path / "some.bin.etag").write_text('"0"')
    assert download(archive, tmp_path).read_bytes() == CONTENT


def test_without_etags_it_begins_again(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.etag = None
    server.cut = 1
    assert download(archive, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["", ""]


def test_a_part_as_long_as_the_file_is_not_trusted(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "some.bin.part").write_bytes(bytes(600_000))
    (tmp_path / "some.bin.part").with_suffix(".etag").write_text('"1"')
    assert download(archive, tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.files["some.bin"] = CONTENT[:-1] + b"!"
    with pytest.raises(ValueError, match=rf"has the checksum [0-9a-f]{{32}}, not {MD5}: .*--mirror"):
        download(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_here_is_used_if_it_is_right(archive: Archive, server: Server, tmp_path: Path) -> None:
    (tmp_path / "some.bin").write_bytes(CONTENT)
    download(archive, tmp_path)
    assert server.requests == []
    (tmp_path / "some.bin").write_bytes(b"torn")
    assert download(archive, tmp_path).read_bytes() == CONTENT


def test_server_errors_are_tried_again_and_refusals_told(archive: Archive, server: Server, tmp_path: Path) -> None:
    server.errors = 3
    assert download(archive, tmp_path).read_bytes() == CONTENT
    with pytest.raises(ValueError, match=r"none.bin answers 404 Not Found: try --mirror"):
        download(Archive(f"{server.url}/none.bin"), tmp_path)
    with pytest.raises(ValueError, match="begins with http:// or https://"):
        download(archive, tmp_path, mirror="file:///etc")


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read \(.*refused.*\); 0 bytes are kept"):
        download(Archive("http://127.0.0.1:1/some.bin"), tmp_path)


def test_a_proxy_is_used(archive: Archive, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/mirror"))
    monkeypatch.delenv("no_proxy", raising=False)
    assert download(Archive("http://nowhere.invalid/folder/some.bin", MD5), tmp_path).read_bytes() == CONTENT


def test_too_small_a_disk_is_told_before(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"is full \(1 MB needed, 0 MB free\): free some, or .* NORMSWEEP_DATA"):
        download(archive, tmp_path)
    assert not (tmp_path / "some.bin").exists()


def test_a_disk_that_fills_up_keeps_the_part_for_later(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching.os, "fsync", full)
        with pytest.raises(ValueError, match="is full"):
            download(archive, tmp_path)
    assert not (tmp_path / "some.bin").exists()
    assert download(archive, tmp_path).read_bytes() == CONTENT


def test_fetch_brings_what_is_published_from_a_mirror(bundle: Server, home: Path) -> None:
    result = fetch(["car"], mirror=bundle.url)
    assert (result.done, result.kept, result.refused) == (["car"], [], {})
    assert data.facts("car").digest == data.lookup("car").digest
    assert left(home) == ["uci/car.folds.json", "uci/car.parquet"]
    again = fetch(["car"], mirror=bundle.url)
    assert (again.done, again.kept) == ([], ["car"])
    assert len(bundle.requests) == 1


def test_a_group_tells_what_the_bundle_lacks(bundle: Server, home: Path) -> None:
    result = fetch(["uci44"], mirror=bundle.url + "/")
    assert result.done == ["car", "statlog-german-credit"]
    assert len(result.refused) == 42
    assert result.refused["letter"] == "letter is not in data_py.zip"


def test_an_altered_set_is_replaced(bundle: Server, home: Path) -> None:
    fetch(["car"], mirror=bundle.url)
    table = home / "uci" / "car.parquet"
    table.write_bytes(table.read_bytes()[:999])
    assert fetch(["car"], mirror=bundle.url).done == ["car"]
    assert data.facts("car").n == 1728


def test_what_cannot_be_fetched_says_how_to_get_it(home: Path) -> None:
    result = fetch(["imagenet", "wine", "cifar10-sample"])
    assert result.kept == ["wine"]
    assert "data import FOLDER" in result.refused["imagenet"]
    assert "cifar/cifar10_sample.npz" in result.refused["cifar10-sample"]
    with pytest.raises(ValueError, match="unknown data set 'cifar11'"):
        fetch(["cifar11"])


def test_images_come_as_arrays_and_the_archive_goes(cifar: Server, home: Path) -> None:
    cifar.cut = 1
    assert fetch(["cifar10"], mirror=cifar.url, keep=True).done == ["cifar10"]
    assert left(home) == [
        "arrays/cifar10/about.json",
        "arrays/cifar10/x.npy",
        "arrays/cifar10/y.npy",
        "downloads/cifar-10-python.tar.gz",
    ]
    assert data.load("cifar10").x.shape == (60, 3, 32, 32)


@pytest.mark.parametrize("fault", ["checksum", "cut", "disk"])
def test_nothing_half_made_is_visible(fault: str, cifar: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "checksum":
        cifar.files["cifar-10-python.tar.gz"] += b"!"
    elif fault == "cut":
        cifar.cut, cifar.etag = 1000, None
    else:
        monkeypatch.setattr("trainers.data.bringing.placing.synced", full_disk)
    result = fetch(["cifar10"], mirror=cifar.url)
    assert list(result.refused) == ["cifar10"]
    assert list(data.missing(["cifar10"])) == ["cifar10"]
    assert not [path for path in left(home) if not path.startswith("downloads/")]


def full_disk(_: Path) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("labels_py.dat", None, "data/car/labels_py.dat is missing in data_py.zip"),
        ("car_py.dat", lambda text: text.replace("\n", ",1\n"), "1728 rows of 6 features are expected, not 1728 of 7"),
        ("car_py.dat", lambda text: "nan" + text[text.index(",") :], "there is nan in row 0, column f0"),
        ("labels_py.dat", lambda text: "4" + text[1:], "the labels 0 … 3 are expected, not 0, 1, 2, 3, 4"),
    ],
    ids=["missing member", "extra column", "nan", "label out of range"],
)
def test_a_faulty_archive_brings_the_sound_set_and_nothing_of_the_other(
    file: str,
    change: Callable[[str], str] | None,
    told: str,
    bundle: Server,
    published: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    members: dict[str, Any] = snn_members(published, "car")
    text = members.pop(f"data/car/{file}")
    if change is not None:
        members[f"data/car/{file}"] = change(text)
    members |= snn_members(published, "statlog-german-credit")
    bundle.files["data_py.zip"] = write_zip(tmp_path / "faulty" / "data_py.zip", members).read_bytes()
    result = fetch(["car", "statlog-german-credit"], mirror=bundle.url)
    assert result.done == ["statlog-german-credit"]
    assert told in result.refused["car"]
    assert list(data.missing(["car"])) == ["car"]
    assert not [path for path in left(home) if "/car." in path or ".building" in path]


def test_two_processes_fetch_once(bundle: Server, home: Path) -> None:
    bundle.seconds = 0.5
    code = (
        "from trainers.data.bringing.fetch import fetch; "
        f"r = fetch(['car'], mirror={bundle.url!r}); print(r.done, r.kept)"
    )
    both: list[Any] = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in range(2)
    ]
    assert sorted(process.communicate(timeout=60)[0].strip() for process in both) == ["['car'] []", "[] ['car']"]
    assert len(bundle.requests) == 1
    assert left(home) == ["uci/car.folds.json", "uci/car.parquet"]


def test_a_process_killed_while_it_places_leaves_nothing_visible(bundle: Server, home: Path) -> None:
    code = (
        "import os, signal\nfrom trainers.data.bringing import placing\n"
        "placing.synced = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"from trainers.data.bringing.fetch import fetch\nfetch(['car'], mirror={bundle.url!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert list(data.missing(["car"])) == ["car"]
    assert fetch(["car"], mirror=bundle.url).done == ["car"]
    assert len(bundle.requests) == 1  # the archive was complete
