"""Archives that a user has, whole and damaged."""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from tests.trainers.data.archives import (
    cifar_members,
    collection_members,
    harmful,
    idx,
    jpeg,
    lines,
    pickled,
    real_table,
    snn_members,
    write_tar,
    write_zip,
)
from tests.trainers.folder import tree
from trainers import data
from trainers.data.bringing.importing import Imported, bring, bring_folder

CAR = "data/car/"
Small = Callable[..., None]


def refusal(result: Imported, name: str = "flowers") -> str:
    """Why the one set was refused, which must have left nothing behind."""
    assert (result.done, result.kept, list(result.refused)) == ([], [], [name])
    if name == "flowers":  # a name of the user's
        assert name not in data.names()
    else:
        assert list(data.missing([name])) == [name]
    return result.refused[name]


def nothing_left(home: Path) -> bool:
    return not [path for path in home.rglob("*") if path.is_file()]


# Tables


@pytest.mark.parametrize("name", ["car", "hill-valley", "statlog-german-credit"])
def test_the_snn_bundle_gives_the_published_content(name: str, home: Path, published: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "data_py.zip", {"data/": "", **snn_members(published, name)})
    assert bring(path) == Imported(done=[name])
    assert data.facts(name).digest == data.lookup(name).digest
    assert bring(path) == Imported(kept=[name])


def test_an_unpacked_bundle_does_as_well(home: Path, published: Path, tmp_path: Path) -> None:
    for name, content in snn_members(published, "car").items():
        (tmp_path / "unpacked" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "unpacked" / name).write_text(content)
    assert bring(tmp_path / "unpacked").done == ["car"]


def test_sets_that_no_sweep_knows_are_passed_over(home: Path, published: Path, tmp_path: Path) -> None:
    members = snn_members(published, "car")
    others = {name.replace("car", "zoo"): content for name, content in members.items()}
    assert bring(write_zip(tmp_path / "data_py.zip", others | members)).done == ["car"]


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("labels_py.dat", None, "data/car/labels_py.dat is missing in data_py.zip"),
        ("folds_py.dat", None, "data/car/folds_py.dat is missing"),
        ("car_py.dat", lambda text: lines(f"{row},1" for row in text.split()), "1728 rows of 6 features .* 1728 of 7"),
        ("car_py.dat", lambda text: text.replace("\n", ",1\n", 1), "car_py.dat is not a table of numbers"),
        ("car_py.dat", lambda text: text[text.index("\n") + 1 :], "folds in data/car must be 1727 rows"),
        ("car_py.dat", lambda text: "nan" + text[text.index(",") :], "nan in row 0, column f0"),
        ("car_py.dat", lambda text: "inf" + text[text.index(",") :], "inf in row 0, column f0"),
        ("car_py.dat", lambda text: "?" + text[text.index(",") :], "not a table of numbers"),
        ("car_py.dat", lambda text: "0.5" + text[text.index(",") :], "the content is not the published one"),
        ("car_py.dat", lambda _: "", "has no rows"),
        ("labels_py.dat", lambda text: "4" + text[1:], "labels 0 … 3 are expected, not 0, 1, 2, 3, 4"),
        ("labels_py.dat", lambda text: "-1" + text[1:], "labels 0 … 3 are expected, not -1, 0, 1, 2, 3"),
        ("folds_py.dat", lambda text: "2" + text[1:], "four columns of 0 and 1"),
        ("folds_py.dat", lambda text: ("1" if text[0] == "0" else "0") + text[1:], "is not the published one"),
        ("validation_folds_py.dat", lambda text: text[: len(text) // 2 + 1], "validation|not a table|rows of four"),
    ],
)
def test_a_damaged_member_is_refused_and_told(
    file: str, change: Callable[[str], str] | None, told: str, home: Path, published: Path, tmp_path: Path
) -> None:
    members = snn_members(published, "car")
    if change is None:
        del members[CAR + file]
    else:
        members[CAR + file] = change(members[CAR + file])
    reason = refusal(bring(write_zip(tmp_path / "data_py.zip", members)), "car")
    assert re.search(told, reason), reason
    assert nothing_left(home)


def test_one_bad_set_does_not_keep_the_others_out(home: Path, published: Path, tmp_path: Path) -> None:
    members = snn_members(published, "car") | snn_members(published, "contrac")
    members["data/contrac/labels_py.dat"] = "x\n"
    result = bring(write_zip(tmp_path / "data_py.zip", members))
    assert result.done == ["car"]
    assert list(result.refused) == ["contrac"]


def test_a_cut_zip_is_told(home: Path, published: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "data_py.zip", snn_members(published, "car"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"data_py.zip is torn .*get it again"):
        bring(path)


def test_a_byte_changed_in_a_zip_is_told(home: Path, published: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "data_py.zip", snn_members(published, "car"))
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    assert "is torn" in refusal(bring(path), "car")


def test_the_original_collection_takes_the_folds_that_are_here(home: Path, published: Path, tmp_path: Path) -> None:
    members = collection_members(published, "car") | collection_members(published, "pendigits", train=7494)
    path = write_tar(tmp_path / "data.tar.gz", members)
    (home / "uci").mkdir(parents=True)
    shutil.copyfile(published / "uci" / "car.folds.json", home / "uci" / "car.folds.json")
    assert sorted(bring(path).done) == ["car", "pendigits"]
    assert data.facts("car").digest == data.lookup("car").digest
    assert data.facts("pendigits").digest == data.lookup("pendigits").unsplit  # seeded splits only
    assert len(data.facts("pendigits").splits) == 1


def test_the_bundle_adds_the_splits_that_the_collection_lacks(home: Path, published: Path, tmp_path: Path) -> None:
    bring(write_tar(tmp_path / "data.tar.gz", collection_members(published, "car")))
    assert bring(write_zip(tmp_path / "data_py.zip", snn_members(published, "car"))).done == ["car"]
    assert data.facts("car").digest == data.lookup("car").digest


def test_a_collection_without_the_test_part_is_told(home: Path, published: Path, tmp_path: Path) -> None:
    members = collection_members(published, "pendigits", train=7494)
    del members["pendigits/pendigits_test_R.dat"]
    reason = refusal(bring(write_tar(tmp_path / "data.tar.gz", members)), "pendigits")
    assert reason == "pendigits/pendigits_test_R.dat is missing in data.tar.gz"


def test_miniboone_from_uci_is_standardized_as_published(
    home: Path, published: Path, tmp_path: Path, small: Small
) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(published / "uci" / "miniboone-subset5044.parquet")
    x = np.stack([column.to_numpy() for column in table.columns[:-1]], axis=1).astype(np.float64)
    y = table.column("label").to_numpy()
    scale = np.arange(1, 51)
    raw = x * scale - 3 * scale  # other units, as the raw file has them
    signal = int((y == 0).sum())
    text = f" {signal} {len(y) - signal}\n" + lines("  ".join(f"{value: .9e}" for value in row) for row in raw)
    small("miniboone", n=5044)
    path = write_zip(tmp_path / "miniboone+particle+identification.zip", {"MiniBooNE_PID.txt": text})
    assert bring(path).done == ["miniboone"]
    ours = data.load("miniboone")
    wanted = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    assert ours.x == pytest.approx(wanted, rel=2e-5, abs=2e-5)
    assert np.array_equal(ours.y, y)
    assert ours.facts.seeded


@pytest.mark.parametrize("first", ["1371\n", "a b\n", "1371 3672\n"])
def test_miniboone_with_another_first_line_is_told(first: str, home: Path, tmp_path: Path, small: Small) -> None:
    small("miniboone", n=5044)
    path = write_zip(tmp_path / "m.zip", {"MiniBooNE_PID.txt": first + "1 2\n" * 5044})
    assert "MiniBooNE_PID.txt must" in refusal(bring(path), "miniboone")


# Images


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(2).integers(0, 256, (60, 3, 32, 32)).astype(np.uint8), np.arange(60) % 10


def test_cifar10_is_read_as_python_2_wrote_it(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small
) -> None:
    x, y = images
    small("cifar10", n=60)
    assert bring(write_tar(tmp_path / "cifar-10-python.tar.gz", cifar_members(x, y))).done == ["cifar10"]
    loaded = data.load("cifar10")
    assert np.array_equal(loaded.x, x)
    assert np.array_equal(loaded.y, y)
    whole, held = loaded.split(0), loaded.split(3)
    assert (len(whole.train), len(whole.validation), len(whole.test)) == (50, 0, 10)
    assert (len(held.train), len(held.validation), len(held.test)) == (45, 5, 10)
    assert np.array_equal(held.test, np.arange(50, 60))
    with pytest.raises(ValueError, match=r"splits 0\.\.4"):
        loaded.split(5)


def test_cifar100_has_its_fine_labels(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small
) -> None:
    x, y = images
    small("cifar100", n=60)
    assert bring(write_tar(tmp_path / "cifar-100-python.tar.gz", cifar_members(x, y, hundred=True))).done == [
        "cifar100"
    ]
    assert np.array_equal(data.load("cifar100").x, x)
    assert len(data.load("cifar100").split(0).test) == 20


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("data_batch_3", None, "data_batch_3 is missing in"),
        ("data_batch_3", harmful(), "asks for .*exec, which no CIFAR archive does"),
        ("data_batch_3", b"", "is not a batch of CIFAR"),
        ("data_batch_3", b"\x80\x02}(U\x04data", "is not a batch of CIFAR"),
        ("data_batch_3", pickled({"labels": [1]}), "is not a batch of CIFAR"),
        ("data_batch_3", pickled({"labels": [1], "data": np.zeros((1, 3072))}), "must hold bytes, not float64"),
        ("data_batch_3", pickled({"labels": [10], "data": np.zeros((1, 3072), np.uint8)}), "labels 0 … 9, not 10"),
        ("data_batch_3", pickled({"labels": [1], "data": np.zeros((1, 3073), np.uint8)}), "reshape"),
        ("data_batch_3", pickled({"labels": [1], "data": np.zeros((1, 3072), np.uint8)}), "60 samples, not 51"),
    ],
)
def test_a_damaged_cifar_is_refused(
    file: str,
    content: bytes | None,
    told: str,
    images: tuple[np.ndarray, np.ndarray],
    home: Path,
    tmp_path: Path,
    small: Small,
) -> None:
    small("cifar10", n=60)
    members = cifar_members(*images)
    if content is None:
        del members["cifar-10-batches-py/" + file]
    else:
        members["cifar-10-batches-py/" + file] = content
    reason = refusal(bring(write_tar(tmp_path / "cifar-10-python.tar.gz", members)), "cifar10")
    assert re.search(told, reason), reason
    assert nothing_left(home)


def test_a_cut_tar_is_told(images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small) -> None:
    small("cifar10", n=60)
    path = write_tar(tmp_path / "cifar-10-python.tar.gz", cifar_members(*images))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="is torn"):
        bring(path)


def test_an_altered_array_is_noticed_and_replaced(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small
) -> None:
    small("cifar10", n=60)
    path = write_tar(tmp_path / "cifar-10-python.tar.gz", cifar_members(*images))
    bring(path)
    before = data.facts("cifar10")
    file = home / "arrays" / "cifar10" / "x.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 255
    file.write_bytes(content)
    with pytest.raises(ValueError, match="cifar10 was altered since it was imported; to replace it run"):
        data.facts("cifar10")
    file.write_bytes(content[:-500])
    with pytest.raises(ValueError, match="cifar10 cannot be read"):
        data.load("cifar10")
    assert bring(path).done == ["cifar10"]
    assert data.verify("cifar10") == before
    assert sorted(entry.name for entry in (home / "arrays").iterdir()) == ["cifar10"]


def test_loaded_images_can_be_written_to_without_changing_the_file(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small
) -> None:
    small("cifar10", n=60)
    bring(write_tar(tmp_path / "cifar-10-python.tar.gz", cifar_members(*images)))
    data.load("cifar10").x[0] = 0
    assert data.verify("cifar10").n == 60
    assert np.array_equal(data.load("cifar10").x, images[0])


def svhn_files(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for part, cut in (("train", slice(0, 30)), ("extra", slice(30, 50)), ("test", slice(50, 60))):
        labels = np.where(y[cut] == 0, 10, y[cut]).astype(np.uint8)[:, None]
        content = {"X": x[cut].transpose(2, 3, 1, 0), "y": labels}
        scipy.io.savemat(folder / f"{part}_32x32.mat", content, do_compression=True)
    return folder


def test_svhn_with_and_without_extra(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = images
    small("svhn", n=40)
    small("svhn-extra", n=60)
    monkeypatch.setattr("trainers.data.arrays.SVHN_HELD_OUT", (2, 1))
    folder = svhn_files(tmp_path / "svhn", x, y)
    assert bring(folder / "train_32x32.mat").done == ["svhn", "svhn-extra"]
    assert np.array_equal(data.load("svhn").x, np.concatenate([x[:30], x[50:]]))
    extra = data.load("svhn-extra")
    assert np.array_equal(extra.y, y)
    held = extra.split(1)
    assert [int((held.validation < 30).sum()), int((held.validation >= 30).sum())] == [20, 10]
    assert np.bincount(y[held.validation]).tolist() == [3] * 10


def test_a_missing_or_torn_mat_is_told(
    images: tuple[np.ndarray, np.ndarray], home: Path, tmp_path: Path, small: Small
) -> None:
    small("svhn", n=40)
    folder = svhn_files(tmp_path / "svhn", *images)
    (folder / "extra_32x32.mat").unlink()
    content = (folder / "test_32x32.mat").read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"not a mat file" * 100, content[:200] + b"x" * 300):
        (folder / "test_32x32.mat").write_bytes(damaged)
        assert "test_32x32.mat is not a file of SVHN, or damaged" in refusal(bring(folder), "svhn")
    (folder / "test_32x32.mat").unlink()
    assert refusal(bring(folder), "svhn") == f"test_32x32.mat must lie in {folder} too"


def test_mnist(home: Path, tmp_path: Path, small: Small) -> None:
    x, y = np.random.default_rng(3).integers(0, 256, (30, 28, 28)), np.arange(30) % 10
    small("mnist", n=30)
    for part, cut in (("train", slice(0, 20)), ("t10k", slice(20, 30))):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(x[cut]))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(y[cut]))
    good = (tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(good[:-9])
    assert "is not a file of MNIST, or damaged" in refusal(bring(tmp_path / "train-images-idx3-ubyte.gz"), "mnist")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(good)
    assert bring(tmp_path / "train-images-idx3-ubyte.gz").done == ["mnist"]
    loaded = data.load("mnist")
    assert np.array_equal(loaded.x[:, 0], x)
    assert np.array_equal(loaded.y, y)


def tiny_members() -> dict[str, str | bytes]:
    members: dict[str, str | bytes] = {"tiny-imagenet-200/wnids.txt": "n2\nn1\n"}
    for wnid, shade in (("n1", 40), ("n2", 200)):
        for i in range(3):
            members[f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{i}.JPEG"] = jpeg(shade, 64, 64, "L" if i else "RGB")
    members["tiny-imagenet-200/val/val_annotations.txt"] = "val_0.JPEG\tn1\t0\t0\t9\t9\nval_1.JPEG\tn2\t0\t0\t9\t9\n"
    members["tiny-imagenet-200/val/images/val_0.JPEG"] = jpeg(40, 64, 64)
    members["tiny-imagenet-200/val/images/val_1.JPEG"] = jpeg(200, 64, 64)
    members["tiny-imagenet-200/test/images/test_0.JPEG"] = jpeg(0, 64, 64)
    return members


def test_tiny_imagenet(home: Path, tmp_path: Path, small: Small) -> None:
    small("tiny-imagenet", n=8, classes=2)
    assert bring(write_zip(tmp_path / "tiny-imagenet-200.zip", tiny_members())).done == ["tiny-imagenet"]
    loaded = data.load("tiny-imagenet")
    assert loaded.y.tolist() == [1, 1, 1, 0, 0, 0, 1, 0]
    assert np.abs(loaded.x[[0, 6], 0].astype(int) - 40).max() < 3
    assert np.abs(loaded.x[1].astype(int) - 40).max() < 3  # grey becomes RGB
    assert loaded.split(0).test.tolist() == [6, 7]


@pytest.mark.parametrize(
    ("member", "content", "told"),
    [
        ("val/val_annotations.txt", None, "val_annotations.txt is missing"),
        ("val/images/val_1.JPEG", None, "val_1.JPEG is missing"),
        ("val/images/val_1.JPEG", jpeg(1, 64, 64)[:300], "val_1.JPEG: the image cannot be decoded"),
        ("val/images/val_1.JPEG", jpeg(1, 64, 63), "must have samples of shape|same shape"),
        ("train/n1/images/n1_0.JPEG", None, "must have 8 samples, not 7"),
        ("wnids.txt", b"n1\nn3\n", "must have the labels 0 … 1, not -1"),
    ],
)
def test_a_damaged_tiny_imagenet_is_refused(
    member: str, content: bytes | None, told: str, home: Path, tmp_path: Path, small: Small
) -> None:
    small("tiny-imagenet", n=8, classes=2)
    members = tiny_members()
    if content is None:
        del members["tiny-imagenet-200/" + member]
    else:
        members["tiny-imagenet-200/" + member] = content
    reason = refusal(bring(write_zip(tmp_path / "tiny-imagenet-200.zip", members)), "tiny-imagenet")
    assert re.search(told, reason), reason
    assert nothing_left(home)


def test_imagenette_is_cropped_to_its_middle(home: Path, tmp_path: Path, small: Small) -> None:
    small("imagenette", n=4, classes=2)
    members = {
        f"imagenette2-160/{part}/{wnid}/ILSVRC2012_{wnid}.JPEG": jpeg(shade, *size)
        for part in ("val", "train")
        for wnid, shade, size in (("n01440764", 30, (213, 160)), ("n02102040", 220, (160, 240)))
    }
    assert bring(write_tar(tmp_path / "imagenette2-160.tgz", members)).done == ["imagenette"]
    loaded = data.load("imagenette")
    assert loaded.x.shape == (4, 3, 160, 160)
    assert loaded.y.tolist() == [0, 1, 0, 1]
    assert loaded.split(0).test.tolist() == [2, 3]


def test_modelnet40(home: Path, tmp_path: Path, small: Small) -> None:
    h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'normsweep[modelnet]'")
    points = np.random.default_rng(4).normal(size=(6, 2048, 3)).astype(np.float32)
    small("modelnet40", n=6)
    members: dict[str, bytes] = {}
    for file, cut in (("test0", slice(4, 6)), ("train0", slice(0, 3)), ("train1", slice(3, 4))):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as written:
            written["data"] = points[cut]
            written["label"] = np.arange(6, dtype=np.uint8)[cut, None]
        members[f"modelnet40_ply_hdf5_2048/ply_data_{file}.h5"] = stream.getvalue()
    assert bring(write_zip(tmp_path / "modelnet40_ply_hdf5_2048.zip", members)).done == ["modelnet40"]
    loaded = data.load("modelnet40")
    assert np.array_equal(loaded.x, points[:, :1024].transpose(0, 2, 1))
    assert loaded.x.dtype == np.float32
    assert loaded.split(0).test.tolist() == [4, 5]


def test_modelnet40_without_h5py_says_how_to_get_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = write_zip(tmp_path / "modelnet40_ply_hdf5_2048.zip", {"m/ply_data_train0.h5": b""})
    assert "pip install 'normsweep[modelnet]'" in refusal(bring(path), "modelnet40")


def imagenet_folder(root: Path) -> Path:
    for part, count in (("train", 10), ("val", 2)):
        for wnid in ("n2", "n1"):
            (root / part / wnid).mkdir(parents=True)
            for i in range(count):
                (root / part / wnid / f"{wnid}_{i}.JPEG").write_bytes(jpeg(20 * i, 30, 20))
    return root


def test_imagenet_stays_in_its_folder(home: Path, tmp_path: Path, small: Small) -> None:
    small("imagenet", n=24, classes=2)
    root = imagenet_folder(tmp_path / "imagenet")
    assert bring(root).done == ["imagenet"]
    found = data.load_folder("imagenet")
    assert found.facts == data.facts("imagenet")
    assert found.conversion is None
    assert found.facts.shape == (3, 224, 224)
    assert [(s.train, s.validation, s.test) for s in found.facts.splits] == [(20, 0, 4)] + 4 * [(18, 2, 4)]
    assert found.path(0) == root / "train" / "n1" / "n1_0.JPEG"
    assert found.y[[0, 10, 20, 23]].tolist() == [0, 1, 0, 1]
    image = data.decode(found.path(3))
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    assert abs(int(image[0, 0, 0]) - 60) < 4
    with pytest.raises(ValueError, match="use `load_folder`"):
        data.load("imagenet")
    with pytest.raises(ValueError, match="use `load`"):
        data.load_folder("wine")


def test_a_changed_imagenet_folder_is_noticed(home: Path, tmp_path: Path, small: Small) -> None:
    small("imagenet", n=24, classes=2)
    root = imagenet_folder(tmp_path / "imagenet")
    bring(root)
    first = data.facts("imagenet")
    file = root / "val" / "n2" / "n2_1.JPEG"
    content = file.read_bytes()
    file.write_bytes(content + b"!")
    with pytest.raises(ValueError, match=r"n2_1.JPEG has \d+ bytes, not \d+"):
        data.verify("imagenet")
    file.unlink()
    with pytest.raises(ValueError, match=r"n2_1.JPEG cannot be read"):
        data.verify("imagenet")
    file.write_bytes(content)
    assert data.verify("imagenet") == first
    shutil.move(root, tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"is gone; run `normsweep data import FOLDER`"):
        data.load_folder("imagenet")


def test_an_incomplete_imagenet_folder_is_refused(home: Path, tmp_path: Path, small: Small) -> None:
    root = imagenet_folder(tmp_path / "imagenet")
    assert "must have 1000 folders, one a class, not 2" in refusal(bring(root), "imagenet")
    small("imagenet", n=25, classes=2)
    assert "must have 25 images in train and val, not 24" in refusal(bring(root), "imagenet")
    shutil.rmtree(root / "val" / "n1")
    assert "must have 25 images in train and val, not 22" in refusal(bring(root), "imagenet")


def test_any_folder_of_images_comes_under_a_name(home: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "flowers")
    assert bring_folder(root, "flowers").done == ["flowers"]
    found = data.read("flowers")
    assert isinstance(found, data.FolderDataset)
    assert found.facts == data.facts("flowers")
    assert (found.facts.n, found.facts.classes, found.facts.shape) == (36, 3, (3, 224, 224))
    assert [(s.train, s.validation, s.test) for s in found.facts.splits] == [(24, 0, 12)] + 4 * [(22, 2, 12)]
    assert found.path(0) == root / "train" / "c0" / "0.jpeg"
    assert "flowers" in data.names()
    assert data.verify("flowers") == found.facts


def test_a_folder_of_classes_alone_gets_seeded_splits(home: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "flowers") / "train"
    assert bring_folder(root, "flowers").done == ["flowers"]
    found = data.load_folder("flowers")
    assert [(s.train, s.validation, s.test) for s in found.facts.splits] == 5 * [(15, 3, 6)]
    assert len({found.split(k).train.tobytes() for k in range(5)}) == 5
    assert found.path(8) == root / "c1" / "0.jpeg"
    assert np.bincount(found.y[found.split(0).test]).tolist() == [2, 2, 2]


def test_importing_again_replaces_what_had_the_name(home: Path, tmp_path: Path) -> None:
    bring_folder(tree(tmp_path / "one"), "flowers")
    first = data.facts("flowers")
    bring_folder(tree(tmp_path / "two", train=9), "flowers")
    assert data.facts("flowers").n == 39
    assert data.facts("flowers").digest != first.digest


def test_a_torn_image_is_named_at_import_and_by_verify(home: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "flowers")
    file = root / "val" / "c1" / "2.jpeg"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert f"{file} cannot be decoded" in refusal(bring_folder(root, "flowers"))
    assert "flowers" not in data.names()
    file.write_bytes(content)
    bring_folder(root, "flowers")
    broken = bytearray(content)
    broken[:2] = b"??"
    file.write_bytes(broken)
    with pytest.raises(ValueError, match=rf"^{file} was altered since it was imported: restore it"):
        data.verify("flowers")


def test_many_images_are_read_by_several_processes(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.data.reading.FEW", 10)
    root = tree(tmp_path / "flowers")
    for i in range(4):
        (root / "train" / "c1" / f"{i}.jpeg").write_bytes(b"")
    reason = refusal(bring_folder(root, "flowers"))
    assert [f"c1/{i}.jpeg cannot be decoded" in reason for i in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("val", "has a folder train, so it must have val or test too"),
        ("train/c2", "the class c2 (FOLDER/val/c2/0.jpeg) has no image in FOLDER/train"),
        ("train/c1 train/c2", "must have folders, one a class, not 1 of them"),
    ],
)
def test_a_folder_that_is_no_set_of_images_is_refused(damage: str, sentence: str, home: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "flowers")
    for folder in damage.split():
        shutil.rmtree(root / folder)
    assert sentence in refusal(bring_folder(root, "flowers")).replace(str(root), "FOLDER")


def test_a_name_that_is_taken_or_none_is_refused(home: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "flowers")
    for name, sentence in (
        ("imagenet", "another data set: take another$"),
        ("../x", "is not a valid name"),
        ("Big", "is not a valid name"),
    ):
        with pytest.raises(ValueError, match=sentence):
            bring_folder(root, name)
    with pytest.raises(ValueError, match="is not a folder"):
        bring_folder(tmp_path / "none", "flowers")
    assert "needs a name: --name NAME" in refusal(bring(root), "imagenet")


def test_cifar_samples_are_data_sets(real: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if data.missing(["cifar10-sample"]):
        pytest.skip("needs cifar/cifar10_sample.npz in the folder of data sets")
    sample = data.load("cifar100-sample")
    assert sample.x.shape == (3000, 3, 32, 32)
    assert sample.x.dtype == np.uint8
    assert np.bincount(sample.y).tolist() == [30] * 100
    parts = sample.split(1)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (1800, 200, 1000)
    assert np.bincount(sample.y[parts.validation], minlength=100).tolist() == [2] * 100
    (tmp_path / "torn" / "cifar").mkdir(parents=True)
    (tmp_path / "torn" / "cifar" / "cifar10_sample.npz").write_bytes(b"PK\x03\x04")
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "torn"))
    with pytest.raises(ValueError, match=r"cifar10_sample.npz cannot be read"):
        data.load("cifar10-sample")


# What is none of it


def test_what_is_not_known_is_told(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        bring(tmp_path / "nothing.zip")
    (tmp_path / "some.txt").write_text("text")
    with pytest.raises(ValueError, match=r"not a known archive: .* \(archives are the SNN bundle"):
        bring(tmp_path / "some.txt")
    with pytest.raises(ValueError, match="not a known archive"):
        bring(write_zip(tmp_path / "other.zip", {"a/b.txt": "x"}))


def test_only_what_is_asked_for_comes(home: Path, published: Path, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "data_py.zip", snn_members(published, "car") | snn_members(published, "contrac"))
    assert bring(path, ["contrac", "letter"]) == Imported(
        done=["contrac"], refused={"letter": "letter is not in data_py.zip"}
    )
    assert list(data.missing(["car", "contrac"])) == ["car"]


def test_a_full_disk_leaves_nothing(
    home: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    path = write_zip(tmp_path / "data_py.zip", snn_members(published, "car"))
    monkeypatch.setattr("trainers.data.bringing.placing.synced", full)
    assert "the disk of" in refusal(bring(path), "car")
    assert nothing_left(home)


def test_real_tables_are_what_the_archives_are_made_of(published: Path) -> None:
    x, y, codes = real_table(published, "car")
    assert (x.shape, y.shape, codes.shape) == ((1728, 6), (1728,), (4, 1728))
    assert replace(data.lookup("car"), n=1).n == 1
