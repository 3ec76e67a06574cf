import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis.question import Question
from analysis.showing.page import Provenance, analyze, report
from analysis.showing.shown import decimal
from tests.analysis.trials import diverge, trials

SELECT = Question(select=("depth",))


class Page(HTMLParser):
    """Ids, texts and references of a page; unclosed elements."""

    VOID = frozenset({"meta", "input", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"href", "src", "xlink:href", "action"} and value:
                self.references.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(frame: pd.DataFrame, folder: Path, question: Question = SELECT, **options: object) -> Page:
    path = report(frame, question, folder / "report.html", title="three methods", **options)  # type: ignore[arg-type]
    return Page(path.read_text("utf-8"))


def test_a_page_is_well_formed_and_needs_no_network(tmp_path: Path):
    found = page(trials(epochs=12), tmp_path)
    assert found.open == []
    assert [i for i, n in Counter(found.ids).items() if n > 1] == []
    assert all(r.startswith("#") for r in found.references)
    assert {r[1:] for r in found.references} <= set(found.ids)
    style = re.search(r"<style>(.*?)</style>", (tmp_path / "report.html").read_text("utf-8"), re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_summary_says_what_was_compared_the_answer_and_how_sure(tmp_path: Path):
    words = page(trials(noise=0.0005, seeds=range(5)), tmp_path).words
    assert "Networks trained with 6 methods on 3 data sets (digits, titanic, wine), from 5 random seeds each" in words
    assert "test error, the share of wrong answers on data kept back; lower is better" in words
    assert re.search(r"(relu|elu)/vcl wins most often|win equally often", words)
    assert "95% interval" in words


def test_a_clear_difference_is_called_clear_and_noise_is_called_chance(tmp_path: Path):
    clear = page(trials(activations=["relu"], noise=0.0001, seeds=range(5)), tmp_path).words
    assert "relu" not in clear.split("What was compared")[0]
    assert "vcl wins most often: on 3 of 3 data sets" in clear
    assert "over 5 seeds, 95% sure of all of it together: vcl is better than bn; none is worse than bn." in clear
    noisy = page(trials(activations=["relu"], normalizers=["bn", "bn2"], noise=0.1), tmp_path).words
    assert "bn2 may be better or worse than bn." in noisy


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path):
    words = page(trials(seeds=[3]), tmp_path).words
    assert "There is one seed only" in words
    assert "no interval is given" in words
    assert "±" not in words


def test_all_rows_constant(tmp_path: Path):
    words = page(trials().assign(test_error=0.25), tmp_path).words
    assert "No method wins: on every one of the 3 data sets all methods are equal." in words


def test_one_data_set(tmp_path: Path):
    one = trials(seeds=range(5), datasets=["wine"])
    words = page(one, tmp_path).words
    assert "6 methods on 1 data set (wine)" in words
    assert "on 1 of 1 data set." in words
    assert "These are only 1 data set: read this as a first look." in words
    equal = page(one.assign(test_error=0.25), tmp_path).words
    assert "No method wins: on the one row all methods are equal." in equal


def test_what_is_incomplete_is_left_out_and_said(tmp_path: Path):
    frame = trials()
    gone = (frame["dataset"] == "wine") & (frame["seed"] == 1) & (frame["normalizer"] == "bn")
    words = page(frame[~gone], tmp_path).words
    assert "2 of 54 results are missing, left out of their own means alone." in words


def test_nothing_complete_is_refused(tmp_path: Path):
    frame = trials()
    frame.loc[frame["normalizer"] == "bn", "state"] = "failed"
    with pytest.raises(ValueError, match="no row has a result for each of the 6 columns"):
        page(frame, tmp_path)


def test_interim_is_marked(tmp_path: Path):
    assert "still running" in page(trials(), tmp_path, interim=True).words
    assert "still running" not in page(trials(), tmp_path).words


def test_text_of_users_is_escaped(tmp_path: Path):
    made = Provenance(commands=["a && b <c>"])
    report(trials(), SELECT, tmp_path / "r.html", title="<script>alert(1)</script>", provenance=made)
    text = (tmp_path / "r.html").read_text("utf-8")
    assert "<script>alert" not in text
    assert "a &amp;&amp; b &lt;c&gt;" in text


def test_the_same_table_makes_the_same_bytes(tmp_path: Path):
    pages = [report(trials(epochs=5), SELECT, tmp_path / f"{i}.html", title="t").read_bytes() for i in range(2)]
    assert pages[0] == pages[1]


def test_diverged_trials_are_told(tmp_path: Path):
    frame = trials(activations=["relu"])
    frame = diverge(frame, (frame["normalizer"] == "none") & (frame["dataset"] == "wine"))
    words = page(frame, tmp_path).words
    assert "6 trials diverged" in words
    assert "0.6000" in words  # the majority-class error stands in the table of means


def test_analyze_writes_every_table_and_figure_twice_alike(tmp_path: Path):
    frame = trials(epochs=5)
    first, second = (analyze(frame, SELECT, tmp_path / name) for name in "ab")
    names = {p.name for p in first}
    assert {
        "methods.csv",
        "methods.parquet",
        "by_row.csv",
        "cells.parquet",
        "completeness.csv",
        "summary.json",
    } <= names
    for figure in ("means", "profiles", "curves"):
        assert {f"{figure}.svg", f"{figure}.pdf", f"{figure}.png", f"{figure}-data.csv"} <= names
    for a, b in zip(first, second, strict=True):
        assert a.stat().st_size > 0
        assert a.read_bytes() == b.read_bytes(), a.name
    cells = pd.read_parquet(tmp_path / "a" / "cells.parquet")
    assert len(cells) == 3 * 6
    assert cells["test_error_low"].notna().all()


def test_only_one_table_or_figure(tmp_path: Path):
    names = [p.name for p in analyze(trials(), SELECT, tmp_path / "a", only=["methods"])]
    assert sorted(names) == ["methods.csv", "methods.parquet", "methods.tex"]
    with pytest.raises(ValueError, match="unknown table or figure of this sweep 'method': did you mean methods"):
        analyze(trials(), SELECT, tmp_path / "b", only=["method"])
    assert not (tmp_path / "b").exists()


def test_every_item_shows_the_command_that_makes_it(tmp_path: Path):
    made = Provenance(commands=["normsweep run x"], remake="normsweep analyze x -o d", sweep_file='{"name": "x"}')
    words = page(trials(epochs=5), tmp_path, provenance=made).words
    shown = re.findall(r"normsweep analyze x -o d --only (\S+)", words)
    assert len(shown) == len(set(shown)) > 8
    stems = {path.stem for path in analyze(trials(epochs=5), SELECT, tmp_path / "files", only=shown)}
    assert set(shown) <= stems
    assert '{"name": "x"}' in words


def test_decimals():
    assert [decimal(v) for v in (0.12345, -0.5, 0.0, -0.0, 12345.6)] == [
        "0.1235",
        "−0.5000",
        "0.0000",
        "0.0000",
        "12,345.6",
    ]
