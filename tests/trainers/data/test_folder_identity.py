"""What identifies a folder of images: its bytes; what an index that was made before bytes counted goes on to mean."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageColor

from sweeps.identity import digest
from tests.trainers.data.messy_images import classes, half_transparent, pixels, turned
from trainers import data
from trainers.data.bringing.importing import bring_folder
from trainers.data.bringing.own_images import Wishes
from trainers.data.home import folder_files
from trainers.data.images import index
from trainers.data.images.conversion import Conversion
from trainers.data.images.index import content_digest
from trainers.data.images.report import FolderReport


def bring(root: Path) -> FolderReport:
    result = bring_folder(root, "mine")
    assert result.refused == {}
    return result.reports["mine"]


def blacken(root: Path, *, times: bool = False) -> None:
    """Black pictures of as many bytes; with `times`, of the same times too."""
    for path in root.rglob("*.bmp"):
        before = path.stat()
        with Image.open(path) as image:
            Image.new("RGB", image.size).save(path)
        assert path.stat().st_size == before.st_size
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + (0 if times else 1_000_000)))


def of_names_and_sizes(root: Path) -> str:
    """Writes the index that version 0.1.0 wrote of a folder of classes, and gives its digest."""
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
    labels = sorted({file.partition("/")[0] for file in files})
    columns = {
        "file": files,
        "bytes": [(root / file).stat().st_size for file in files],
        "label": [labels.index(file.partition("/")[0]) for file in files],
    }
    about = {
        "name": "mine",
        "root": str(root.resolve()),
        "parts": {"train": len(files), "extra": 0, "test": 0},
        "classes": len(labels),
        "digest": digest({**columns, "rule": 1}),
    }
    about_file, index_file = folder_files("mine")
    about_file.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), index_file)
    about_file.write_text(json.dumps(about))
    return str(about["digest"])


def test_black_pictures_of_equal_size_are_another_data_set(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", suffix="bmp")
    first = bring(root)
    assert data.facts("mine").digest == first.digest
    blacken(root, times=True)
    second = bring(root)
    assert second.digest != first.digest
    assert second.replaced == first.digest
    assert any(note.startswith("mine has another digest than after its last import") for note in second.notes)
    assert data.facts("mine").digest == second.digest
    assert bring(root).digest == second.digest
    assert bring(root).replaced == ""


def test_files_that_were_altered_are_noticed_before_a_use(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", suffix="bmp")
    bring(root)
    data.facts("mine")  # kept in the cache from here on
    blacken(root)
    for look in (data.facts, data.read, data.verify):
        with pytest.raises(ValueError, match=rf"^8 files were altered since .*\({root}/cat/0.bmp; "):
            look("mine")


def test_verify_finds_what_sizes_and_times_do_not_tell(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", suffix="bmp")
    bring(root)
    blacken(root / "dog", times=True)
    data.facts("mine")
    with pytest.raises(ValueError, match=rf"^4 files were altered .*\({root}/dog/0.bmp; .*/dog/3.bmp\)$"):
        data.verify("mine")


def test_a_copy_of_other_times_is_the_same_data_set(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = classes(tmp_path / "in")
    first = bring(root).digest
    for path in root.rglob("*.png"):
        os.utime(path, (1, 1))
    assert data.facts("mine").digest == first
    monkeypatch.setattr("trainers.data.images.index.compare", None)  # the files are not read once more
    assert data.facts("mine").digest == first
    assert data.read("mine").facts.digest == first
    (root / "cat" / "1.png").unlink()
    with pytest.raises(ValueError, match=r"cat/1.png cannot be read \(No such file"):
        data.facts("mine")


def test_of_very_many_files_some_are_looked_at(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = classes(tmp_path / "in")
    bring(root)
    monkeypatch.setattr("trainers.data.images.index.LOOKED_AT", 4)
    (root / "cat" / "1.png").unlink()
    data.facts("mine")  # 0, 2, 4 and 6 are there
    with pytest.raises(ValueError, match=r"1\.png cannot be read"):
        data.verify("mine")
    (root / "cat" / "2.png").unlink()
    with pytest.raises(ValueError, match=r"2\.png cannot be read"):
        data.facts("mine")


def test_names_labels_and_parts_count_too(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    seen = {bring(root).digest}
    (root / "cat" / "0.png").rename(root / "cat" / "00.png")
    seen.add(bring(root).digest)
    (root / "dog").rename(root / "ant")  # the labels change places
    seen.add(bring(root).digest)
    assert len(seen) == 3
    for path in root.rglob("*.png"):
        os.utime(path, (1, 1))
    assert bring(root).digest in seen


def test_an_index_without_bytes_goes_on_to_work(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", count=8)
    turned(root / "cat" / "turned.png", 6)
    before = of_names_and_sizes(root)
    folder = data.load_folder("mine")
    assert folder.facts == data.facts("mine")
    assert folder.facts.digest == before
    assert len(folder.facts.splits) == 5
    row = folder.files.index("cat/turned.png")
    assert data.decode(folder.path(row), folder.conversion).shape == (12, 8, 3)  # as its trials saw it
    facts, note = data.verified("mine")
    assert facts == folder.facts
    assert note.startswith("names and sizes alone were compared")
    assert "`normsweep data import FOLDER --name mine` again" in note
    (root / "cat" / "0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"cat/0.png has 0 bytes, not \d+"):
        data.verify("mine")


def test_imported_again_unchanged_it_keeps_its_digest_and_knows_its_bytes(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", count=8, suffix="bmp")
    (root / "cat" / "0.bmp").rename(root / "cat" / "a.png")
    for path in root.rglob("*.bmp"):
        path.rename(path.with_suffix(".png"))  # an ending that 0.1.0 read
    before = of_names_and_sizes(root)
    codes = data.load_folder("mine").codes
    report = bring(root)
    assert (report.digest, report.replaced) == (before, "")
    assert data.facts("mine").digest == before
    assert bring(root).digest == before
    assert (data.load_folder("mine").codes == codes).all()
    with (root / "cat" / "a.png").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\0")
    with pytest.raises(ValueError, match=r"a\.png was altered"):
        data.verify("mine")
    assert bring(root).digest != before


@pytest.mark.parametrize("change", ["touched", "turned", "transparent"])
def test_imported_again_it_is_a_new_set_where_its_pixels_may_be_others(change: str, home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", count=8)
    if change == "turned":
        turned(root / "cat" / "turned.png", 3)
    if change == "transparent":
        half_transparent(root / "cat" / "logo.png")
    before = of_names_and_sizes(root)
    if change == "touched":
        path = root / "cat" / "0.png"
        path.write_bytes(path.read_bytes())
    report = bring(root)
    assert (report.digest != before, report.replaced) == (True, before)
    if change == "turned":
        folder = data.load_folder("mine")
        shown = data.decode(folder.path(folder.files.index("cat/turned.png")), folder.conversion)
        assert (shown == pixels(0)).all()
        assert not (np.asarray(Image.open(root / "cat" / "turned.png")) == pixels(0)).all()


def test_every_spelling_of_a_background_is_the_same_data_set(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    half_transparent(root / "cat" / "logo.png")

    def digest_on(background: str) -> str:
        assert bring_folder(root, "mine", Wishes(background=background)).refused == {}
        folder = data.load_folder("mine")
        (row,) = (i for i, file in enumerate(folder.files) if file == "cat/logo.png")
        assert (data.decode(folder.path(row), folder.conversion)[0, 0] == ImageColor.getrgb(background)[:3]).all()
        return folder.facts.digest

    for same in (("white", "WHITE", "#fff", "#ffffff", "#FFFFFF80"), ("grey", "gray", "#808080"), ("#123", "#112233")):
        folder_files("mine")[0].unlink(missing_ok=True)
        first = digest_on(same[0])
        for background in same[1:]:
            folder_files("mine")[0].unlink()
            assert digest_on(background) == first


def test_a_background_as_it_was_typed_goes_on_to_work(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    half_transparent(root / "cat" / "logo.png")
    bring(root)
    about_file, index_file = folder_files("mine")
    about = json.loads(about_file.read_bytes())
    about["conversion"]["background"] = "#FFFFFF"
    about["digest"] = about["content"] = content_digest(pq.read_table(index_file).to_pydict(), about["conversion"])
    about_file.write_text(json.dumps(about))
    assert data.facts("mine").digest == about["digest"]
    assert data.load_folder("mine").conversion == Conversion(background="#FFFFFF")
    report = bring(root)
    assert (report.digest, report.replaced) == (about["digest"], "")
    assert data.facts("mine").digest == about["digest"]


@pytest.mark.parametrize("file", ["report.json", "index-", "about.json"])
def test_an_import_that_is_killed_leaves_the_old_folder(
    file: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = classes(tmp_path / "in")
    first = bring(root).digest
    (root / "cat" / "0.png").rename(root / "cat" / "00.png")

    def killed(path: Path) -> None:
        if path.name.startswith(file):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("trainers.data.images.index.synced", killed)
        with pytest.raises(KeyboardInterrupt):
            bring(root)
    paths = folder_files("mine")
    assert index.read("mine", paths, "").digest == first
    second = bring(root).digest
    assert index.read("mine", folder_files("mine"), "").digest == second != first
    assert len(list(paths[0].parent.glob("*.parquet"))) == 1


def test_an_import_while_it_is_read_is_followed(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    bring(root)
    before = folder_files("mine")
    (root / "cat" / "0.png").rename(root / "cat" / "00.png")
    second = bring(root).digest
    assert before[0].exists()
    assert not before[1].exists()
    assert index.read("mine", before, "").digest == second


def test_an_index_without_a_digest_is_refused(home: Path, tmp_path: Path) -> None:
    bring(classes(tmp_path / "in"))
    about_file = folder_files("mine")[0]
    about = json.loads(about_file.read_bytes())
    del about["digest"]
    about_file.write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"^the index of mine cannot be read \('digest'\): run `normsweep data import"):
        data.facts("mine")


def test_an_index_that_was_altered_or_is_newer_is_refused(home: Path, tmp_path: Path) -> None:
    bring(classes(tmp_path / "in"))
    about_file, index_file = folder_files("mine")
    about = json.loads(about_file.read_bytes())
    about_file.write_text(json.dumps(about | {"schema": 3}))
    with pytest.raises(ValueError, match="it has schema 3, this normsweep reads up to 2"):
        data.facts("mine")
    about_file.write_text(json.dumps(about))
    table = pq.read_table(index_file)
    pq.write_table(table.set_column(0, "file", table["file"].take(list(range(table.num_rows))[::-1])), index_file)
    with pytest.raises(ValueError, match="it was altered"):
        data.facts("mine")
