"""Messy image folders: each is read as a person would read it, or refused in a sentence that names the file."""

from __future__ import annotations

import os
import struct
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeps.errors import UsageError
from tests.trainers.data.messy_images import (
    SIZE,
    animated,
    classes,
    cut,
    draw,
    half_transparent,
    parts,
    pixels,
    sixteen,
    turned,
)
from trainers import data
from trainers.data.bringing.importing import Imported, bring_folder
from trainers.data.bringing.own_images import Wishes
from trainers.data.decoding import centre, view
from trainers.data.images.conversion import Conversion
from trainers.data.images.report import FolderReport


def bring(root: Path, **wishes: Any) -> Imported:
    return bring_folder(root, "mine", Wishes(**wishes))


def report_of(root: Path, **wishes: Any) -> FolderReport:
    result = bring(root, **wishes)
    assert result.refused == {}
    return result.reports["mine"]


def refusal(root: Path, **wishes: Any) -> str:
    result = bring(root, **wishes)
    assert result.done == []
    assert "mine" not in data.names()
    return result.refused["mine"].replace(str(root), "ROOT")


def shown(file: str) -> np.ndarray[Any, Any]:
    """The pixels of one image of the set, as they are trained on."""
    folder = data.load_folder("mine")
    (row,) = (i for i, name in enumerate(folder.files) if name == file)
    return data.decode(folder.path(row), folder.conversion)


def skipped(report: FolderReport) -> dict[str, str]:
    return {entry.path: entry.why for entry in report.skipped}


# Folders that are read


def test_three_parts_are_what_they_are_called(home: Path, tmp_path: Path) -> None:
    report = report_of(parts(tmp_path / "in"))
    assert report.counts == {"train": [4, 4], "validation": [2, 2], "test": [2, 2]}
    assert report.parts == {"train": "train", "validation": "val", "test": "test"}
    folder = data.load_folder("mine")
    (sizes,) = folder.facts.splits
    assert (sizes.train, sizes.validation, sizes.test) == (8, 4, 4)
    split = folder.split(0)
    for rows, name in ((split.train, "train"), (split.validation, "val"), (split.test, "test")):
        assert {folder.files[i].split("/")[0] for i in rows} == {name}
    with pytest.raises(ValueError, match=r"splits 0\.\.0"):
        folder.split(1)


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (("Training", "Validation", "Testing"), {"train": "Training", "validation": "Validation", "test": "Testing"}),
        (("TRAIN", "dev", "TEST"), {"train": "TRAIN", "validation": "dev", "test": "TEST"}),
        (("train", "test"), {"train": "train", "test": "test"}),
        (("train", "valid"), {"train": "train", "test": "valid"}),
    ],
)
def test_parts_under_other_names(names: tuple[str, ...], used: dict[str, str], home: Path, tmp_path: Path) -> None:
    report = report_of(parts(tmp_path / "in", *names))
    assert report.parts == used
    assert [note for note in report.notes if "serves" in note] == (
        ["valid serves as the test part, since there is no test part"] if "valid" in names else []
    )


def test_a_train_among_vehicles_is_a_class(home: Path, tmp_path: Path) -> None:
    report = report_of(classes(tmp_path / "in", "car", "train", "plane"))
    assert report.classes == ["car", "plane", "train"]
    assert report.notes[0].startswith("splits 0 to 4 are drawn by chance")


def test_every_format_is_read_or_named(home: Path, tmp_path: Path) -> None:
    root = tmp_path / "in"
    suffixes = ["jpg", "JPEG", "jpe", "jfif", "png", "bmp", "webp", "tif", "TIFF", "gif", "ppm"]
    for i, suffix in enumerate(suffixes):
        kind = {"format": "JPEG"} if suffix in ("jpe", "jfif") else {}
        draw(root / "cat" / f"{i}.{suffix}", i, **kind)
    classes(root, "dog")
    for name in ("a.heic", "b.svg", "c.txt", "noending"):
        (root / "cat" / name).write_bytes(b"?")
    report = report_of(root)
    assert report.counts["train"] == [11, 4]
    assert skipped(report) == {
        f"cat/{n}": "not a format that is read" for n in ("a.heic", "b.svg", "c.txt", "noending")
    }


def test_hidden_files_and_those_of_systems_are_named(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    for folder in ("__MACOSX", "@eaDir", ".ipynb_checkpoints", ".hidden"):
        draw(root / folder / "x.png")
        draw(root / "cat" / folder / "x.png")
    for name in ("Thumbs.db", ".DS_Store", "._0.png", "desktop.ini"):
        (root / "cat" / name).write_bytes(b"?")
    report = report_of(root)
    assert report.classes == ["cat", "dog"]
    system, hidden = "made by a system or a program", "hidden"
    assert skipped(report) == {
        **{f"{below}{name}": system for below in ("", "cat/") for name in ("__MACOSX", "@eaDir", ".ipynb_checkpoints")},
        **{f"cat/{name}": system for name in ("Thumbs.db", ".DS_Store", "desktop.ini")},
        **{".hidden": hidden, "cat/.hidden": hidden, "cat/._0.png": hidden},
    }


def test_nested_folders_and_what_lies_beside_are_named(home: Path, tmp_path: Path) -> None:
    root = parts(tmp_path / "in", "train", "test")
    draw(root / "train" / "cat" / "more" / "deep" / "x.png")
    draw(root / "train" / "stray.png")
    draw(root / "stray.png")
    (root / "README.md").write_text("text")
    draw(root / "docs" / "figures" / "a.png")
    report = report_of(root)
    assert report.counts["train"] == [4, 4]
    assert [(e.path, e.images) for e in report.skipped if e.why == "a folder inside a class"] == [("train/cat/more", 1)]
    assert skipped(report) == {
        "train/cat/more": "a folder inside a class",
        "train/stray.png": "beside the classes",
        **dict.fromkeys(("docs", "stray.png", "README.md"), "beside the parts"),
    }
    assert "skipped: 3 × beside the parts, with 2 images: docs, README.md, stray.png" in report.lines()


def test_an_empty_folder_is_no_class(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    (root / "nothing").mkdir()
    report = report_of(root)
    assert report.classes == ["cat", "dog"]
    assert skipped(report) == {"nothing": "a class without images"}


def test_a_class_of_one_part_alone_is_named(home: Path, tmp_path: Path) -> None:
    root = parts(tmp_path / "in")
    classes(root / "train", "emu")
    report = report_of(root)
    assert report.counts == {"train": [4, 4, 4], "validation": [2, 2, 0], "test": [2, 2, 0]}
    assert [f"emu (4 images) has no {part} image in any split" for part in ("validation", "test")] == report.notes


def test_a_class_too_small_for_every_split_is_named(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in", count=30)
    classes(root, "rare", count=3)
    notes = [note for note in report_of(root).notes if note.startswith("rare")]
    folder = data.load_folder("mine")
    expected: list[str] = []
    for part in ("validation", "test"):
        lacking = [str(k) for k in range(5) if 2 not in folder.y[getattr(folder.split(k), part)]]
        where = "any split" if len(lacking) == 5 else f"split {', '.join(lacking)}"
        expected += [f"rare (3 images) has no {part} image in {where}"] * bool(lacking)
    assert notes == expected
    assert notes
    assert all(2 in folder.y[folder.split(k).train] for k in range(5))


def test_names_beyond_ascii_are_kept(home: Path, tmp_path: Path) -> None:
    root = parts(tmp_path / "in", "train", "test")
    for part, form in (("train", "NFC"), ("test", "NFD")):  # as Linux and a Mac write it
        draw(root / part / unicodedata.normalize(form, "hünd ß 犬") / "ä 1.png", 5 + (part == "test"))
    report = report_of(root)
    assert report.classes == ["cat", "dog", "hünd ß 犬"]
    assert report.counts == {"train": [4, 4, 1], "test": [2, 2, 1]}
    assert report.skipped == []
    assert data.verify("mine").classes == 3


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_orientation_is_obeyed(orientation: int, suffix: str, home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    path = turned(root / "cat" / f"turned.{suffix}", orientation)
    report = report_of(root)
    assert report.converted == {"EXIF orientation": 1}
    image = shown(f"cat/turned.{suffix}")
    assert image.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(image.astype(int) - pixels(0)).max() <= (0 if suffix in ("png", "tif") else 60)
    assert np.abs(image.mean(axis=(0, 2)).astype(int) - pixels(0).mean(axis=(0, 2))).max() < 20
    conversion = data.load_folder("mine").conversion
    boxes: list[tuple[int, int]] = []

    def frame(height: int, width: int) -> tuple[float, float, float, float]:
        boxes.append((height, width))
        return 0, 0, width, height

    seen = view(path, 2, frame, conversion)
    assert boxes == [(SIZE[1], SIZE[0])]
    assert (seen[:, 0].max(), seen[:, 1].min()) < (100, 150)


def test_a_large_turned_photograph_is_seen_as_it_is_shown(home: Path, tmp_path: Path) -> None:
    """Through the decoder's own halves and quarters, too."""
    image = np.zeros((400, 640, 3), np.uint8)
    image[:, 320:] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "in" / "cat" / "big.jpg"
    path.parent.mkdir(parents=True)
    Image.fromarray(image).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif.tobytes(), quality=95)
    classes(tmp_path / "in")
    report_of(tmp_path / "in")
    seen = view(path, 16, centre, data.load_folder("mine").conversion)
    assert (seen[:, :7].max() < 20, seen[:, 9:].min() > 180) == (True, True)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_the_same_picture(suffix: str, home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    sixteen(root / "cat" / f"deep.{suffix}")
    assert report_of(root).converted == {"16 bits": 1, "grey": 1}
    assert (shown(f"cat/deep.{suffix}") == pixels(0)[..., :1]).all()


def test_sixteen_bits_with_white_as_zero(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    path = sixteen(root / "cat" / "film.tif")
    black_is_zero, white_is_zero = (struct.pack("<HHIHH", 262, 3, 1, value, 0) for value in (1, 0))
    content = path.read_bytes()
    assert content.count(black_is_zero) == 1
    path.write_bytes(content.replace(black_is_zero, white_is_zero))
    report_of(root)
    assert (shown("cat/film.tif") == 255 - pixels(0)[..., :1]).all()


def test_twelve_bits_are_refused(home: Path, tmp_path: Path) -> None:
    """Pillow reads them as 16, of which the upper 8 are nearly black. An import that has them stays as it was."""
    root = classes(tmp_path / "in")
    path = sixteen(root / "cat" / "microscope.tif")
    report_of(root)
    before = shown("cat/microscope.tif")
    bits, whole = (struct.pack("<HHIHH", 258, 3, 1, value, 0) for value in (12, 16))
    content = path.read_bytes()
    assert content.count(whole) == 1
    path.write_bytes(content.replace(whole, bits))
    assert (
        "microscope.tif cannot be decoded (pixels of 12 bits have no rule: save it as RGB"
        in bring(root).refused["mine"]
    )
    assert data.decode(path, Conversion()).shape == before.shape


@pytest.mark.parametrize(("background", "value"), [("white", 255), ("black", 0), ("#808080", 128)])
def test_transparency_is_put_on_the_background(background: str, value: int, home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    half_transparent(root / "cat" / "logo.png")
    report = report_of(root, background=background)
    assert f"converted to RGB: 1 × alpha (put on {background})" in report.lines()
    image = shown("cat/logo.png")
    assert (image[: SIZE[1] // 2] == value).all()
    assert (image[SIZE[1] // 2 :] == pixels(0)[SIZE[1] // 2 :]).all()


def test_the_background_counts_where_something_is_transparent(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    assert report_of(root).digest == report_of(root, background="black").digest
    half_transparent(root / "cat" / "logo.png")
    assert report_of(root).digest != report_of(root, background="black").digest


def test_palettes_cmyk_and_grey_are_converted_and_counted(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    draw(root / "cat" / "p.png", mode="P")
    draw(root / "cat" / "clear.gif", mode="P", transparency=0)
    draw(root / "cat" / "c.jpg", mode="CMYK", quality=100)
    draw(root / "cat" / "c.tif", mode="CMYK")
    draw(root / "cat" / "g.png", mode="LA")
    draw(root / "cat" / "b.bmp", mode="1")
    assert report_of(root).converted == {"palette": 2, "alpha": 2, "CMYK": 2, "grey": 2}
    assert np.abs(shown("cat/c.tif").astype(int) - pixels(0)).max() <= 1


def test_what_pillow_converts_alike_is_left_to_it(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    made = [
        draw(root / "cat" / "p.png", mode="P"),
        draw(root / "cat" / "c.jpg", mode="CMYK"),
        draw(root / "cat" / "g.png", mode="L"),
        draw(root / "cat" / "b.bmp", mode="1"),
    ]
    report_of(root)
    assert data.load_folder("mine").conversion is None
    for path in made:
        assert (data.decode(path) == data.decode(path, Conversion())).all()


def test_an_image_under_another_ending_is_read(home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    draw(root / "cat" / "png.jpg", format="PNG")
    assert report_of(root).counts["train"] == [5, 4]


def test_the_same_bytes_in_two_parts_are_named(home: Path, tmp_path: Path) -> None:
    root = parts(tmp_path / "in", "train", "test")
    draw(root / "train" / "cat" / "same.png", 77)
    draw(root / "test" / "dog" / "twin.png", 77)
    notes = report_of(root).notes
    pair = "train/cat/same.png = test/dog/twin.png"
    assert f"1 image in two parts with the same bytes: {pair}" in notes
    assert f"1 image in two classes with the same bytes: {pair}" in notes


# Folders that are refused until somebody decides


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif", "png"])
def test_several_frames_are_refused_or_the_first_is_taken(suffix: str, home: Path, tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    animated(root / "cat" / f"a.{suffix}")
    assert refusal(root) == f"ROOT/cat/a.{suffix} has 3 frames: --first-frame takes the first of each"
    assert report_of(root, first_frame=True).converted["first frame"] == 1
    assert np.abs(shown(f"cat/a.{suffix}").astype(int) - pixels(0)).mean() < 12


def broken_link(path: Path) -> None:
    path.symlink_to("/nonexistent/a.jpg")


def cut_short(path: Path) -> None:
    cut(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("<html>404 Not Found</html>")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def floats(path: Path) -> None:
    Image.fromarray(pixels(0)[..., 0].astype(np.float32)).save(path, format="TIFF")


def page_without_width(path: Path) -> None:
    animated(path.with_suffix(".tif"), 2).rename(path)
    width = struct.pack("<HH", 256, 4)
    before, after = path.read_bytes().rsplit(width, 1)
    path.write_bytes(before + struct.pack("<HH", 255, 4) + after)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (broken_link, "cannot be read (No such file or directory, a link to /nonexistent/a.jpg)"),
        (cut_short, "cannot be decoded ("),
        (empty, "cannot be decoded (it is empty)"),
        (text, "cannot be decoded (its content is no image of a format that is read)"),
        (pipe, "cannot be read (it is not a file)"),
        (floats, "cannot be decoded (pixels of the kind F have no rule: save it as RGB"),
        (page_without_width, "cannot be decoded (Missing dimensions)"),
    ],
)
def test_unreadable_files_are_listed_and_left_out_on_request(
    spoil: Callable[[Path], None], reason: str, home: Path, tmp_path: Path
) -> None:
    root = classes(tmp_path / "in")
    spoil(root / "cat" / "bad.png")
    sentence = refusal(root)
    assert sentence.startswith(f"ROOT/cat/bad.png {reason}")
    assert sentence.endswith("--skip-unreadable leaves it out")
    assert list(bring(root).unusable["mine"]) == ["cat/bad.png"]
    report = report_of(root, skip_unreadable=True)
    assert report.counts["train"] == [4, 4]
    assert list(report.unreadable) == ["cat/bad.png"]
    assert report.as_json()["unreadable"]["cat/bad.png"].startswith(f"{root}/cat/bad.png {reason}")


def test_one_file_does_not_end_an_import(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def frames(_: Image.Image) -> int:
        raise AttributeError("no such tag")

    root = classes(tmp_path / "in")
    monkeypatch.setattr("trainers.data.decoding.frames", frames)
    assert refusal(root).startswith("ROOT/cat/0.png cannot be decoded (AttributeError: no such tag); ROOT/cat/1.png")


def test_no_other_format_is_read_without_a_conversion_either(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    draw(path, format="EPS")
    with pytest.raises(UsageError, match="its content is no image of a format that is read"):
        data.decode(path)


def test_what_is_left_must_do(home: Path, tmp_path: Path) -> None:
    root = parts(tmp_path / "in")
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"")
    assert "ROOT/test holds no image that can be used" in refusal(root, skip_unreadable=True)
    for path in (root / "train" / "cat").rglob("*.png"):
        path.write_bytes(b"")
    assert "not 1 of them with images" in refusal(root, skip_unreadable=True)


def only_train(root: Path) -> None:
    parts(root, "train")


def flat_test(root: Path) -> None:
    parts(root, "train", "val")
    draw(root / "test" / "1.png")


def two_val(root: Path) -> None:
    parts(root, "train", "val", "valid")


def class_beside_parts(root: Path) -> None:
    parts(root, "train", "val")
    classes(root, "cat")


def class_never_trained(root: Path) -> None:
    parts(root, "train", "val")
    classes(root / "val", "dgo")


def no_train(root: Path) -> None:
    parts(root, "val", "test")


def flat(root: Path) -> None:
    draw(root / "a.png")
    draw(root / "b.png")


def flat_train(root: Path) -> None:
    draw(root / "train" / "a.png")
    draw(root / "test" / "b.png")


def rare(root: Path) -> None:
    classes(root, count=30)
    draw(root / "rare" / "a.png")


def too_deep(root: Path) -> None:
    classes(root / "inner")


def two_spellings(root: Path) -> None:
    for form in ("NFC", "NFD"):
        classes(root, unicodedata.normalize(form, "ü"))


def lost_class(root: Path) -> None:
    classes(root)
    (root / "emu").symlink_to("/nonexistent/emu")


def latin_1(root: Path) -> None:
    classes(root)
    draw(root / "cat" / "x.png").rename(os.fsdecode(os.fsencode(root / "cat") + b"/\xe4.png"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (only_train, "ROOT has a folder train, so it must have val or test too"),
        (flat_test, "ROOT/test holds 1 image but no folder a class, so their classes are unknown"),
        (two_val, "ROOT/val and ROOT/valid both name the part validation"),
        (class_beside_parts, "ROOT/cat holds 4 images as a class would, but ROOT/train holds folders"),
        (class_never_trained, "the class dgo (ROOT/val/dgo/0.png) has no image in ROOT/train"),
        (no_train, "but no folder train"),
        (flat, "ROOT must have folders, one a class, not 0 of them with images; 2 images lie in it directly"),
        (flat_train, "must have folders, one a class, not 0 of them"),
        (rare, "ROOT/rare has 1 image: a class needs 3 at least"),
        (too_deep, "ROOT must have folders, one a class, not 0 of them with images; import ROOT/inner"),
        (two_spellings, "name the same class: merge them"),
        (lost_class, "ROOT/emu is a link to /nonexistent/emu, which is missing"),
        (latin_1, "ROOT/cat/\\udce4.png has a name that is not UTF-8: rename it"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(
    make: Callable[[Path], None], sentence: str, home: Path, tmp_path: Path
) -> None:
    make(tmp_path / "in")
    assert sentence in refusal(tmp_path / "in")


def test_a_background_is_a_colour() -> None:
    with pytest.raises(UsageError, match="--background snowwhite is not a colour: use a name"):
        Wishes(background="snowwhite")
