"""The page in a real browser: sorting, filtering, time until it can be used."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from analysis.question import Question
from analysis.showing.page import report
from tests.analysis.trials import trials

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"),
]
PROBE = """<script>addEventListener("load", () => {
  const table = document.getElementById("table-completeness");
  const column = (k) => [...table.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[k].textContent);
  const { domInteractive, navigationStart } = performance.timing;
  const seen = { errors: window.failed, interactive: domInteractive - navigationStart };
  const heading = table.tHead.rows[0].cells[1];
  heading.querySelector("button").click();
  seen.rising = column(1); seen.sort = heading.getAttribute("aria-sort");
  heading.querySelector("button").click();
  seen.falling = column(1);
  table.tHead.rows[0].cells[0].querySelector("button").click();
  seen.words = column(0);
  const filter = document.querySelector('input[data-filter="table-completeness"]');
  filter.value = "wine"; filter.dispatchEvent(new Event("input"));
  seen.filtered = column(0);
  seen.count = document.querySelector('[data-count="table-completeness"]').textContent;
  seen.wide = document.documentElement.scrollWidth <= window.innerWidth;
  document.body.insertAdjacentHTML("beforeend", "<output id=probe></output>");
  document.getElementById("probe").textContent = JSON.stringify(seen);
});</script>"""
WATCH = "<script>window.failed = []; addEventListener('error', (e) => failed.push(e.message));</script>"

pytestmark = [pytest.mark.mlflow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]


def visit(page: Path, folder: Path, *flags: str) -> str:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_a_reader_sorts_and_filters(tmp_path: Path):
    frame = trials(seeds=[0, 1, 2, 10, 11], epochs=30)
    page = report(frame, Question(select=("depth",)), tmp_path / "report.html", title="browser")
    text = page.read_text("utf-8")
    page.write_text(text.replace("<head>", f"<head>{WATCH}").replace("</body>", f"{PROBE}</body>"), "utf-8")
    found = re.search(
        r'<output id="probe">(.*?)</output>', visit(page, tmp_path, "--dump-dom", "--window-size=400,800")
    )
    assert found
    seen = json.loads(unescape(found[1]))
    assert seen["errors"] == []
    assert seen["interactive"] < 2000
    assert seen["rising"] == sorted(seen["rising"], key=int)
    assert seen["falling"] == sorted(seen["falling"], key=int, reverse=True)
    assert seen["sort"] == "ascending"
    assert seen["words"] == sorted(seen["words"])
    assert seen["filtered"] == ["wine"] * 5
    assert seen["count"] == "5 of 15 rows"
    assert seen["wide"]  # on a phone only tables and figures scroll sideways, never the page


def colours(picture: Path) -> set[tuple[int, ...]]:
    with Image.open(picture) as image:
        found = image.convert("RGB").getcolors(1 << 24)
    assert found
    return {colour for _, colour in found}  # type: ignore[misc]


def test_a_large_page_is_small_enough_and_is_sorted_and_filtered_in_pictures(tmp_path: Path):
    datasets = [f"set-{i:03d}" for i in range(60)]
    frame = trials(datasets=datasets, activations=["relu", "elu"], depths=[4], seeds=range(8), epochs=20)
    page = report(frame, Question(), tmp_path / "report.html", title="large")
    # Of 50,000 trials 5 MB; what does not grow with them, the style, the script and the figures, is less than 0.5.
    assert page.stat().st_size < 5e6 * len(frame) / 50_000 + 5e5
    text = page.read_text("utf-8")
    sort = 'document.querySelectorAll("#table-completeness th button")[1].click();'
    filter_ = (
        "const i = document.querySelector('input[data-filter=\"table-completeness\"]');"
        'i.value = "set-007"; i.dispatchEvent(new Event("input"));'
    )
    ahead = 'document.body.prepend(document.getElementById("completeness").parentElement);'
    pictures: list[bytes] = []
    for name, script in (("plain", ""), ("sorted", sort), ("filtered", sort + filter_)):
        act = f'<script>addEventListener("load", () => {{ {script} {ahead} }})</script>'
        page.write_text(text.replace("</body>", f"{act}</body>"), "utf-8")
        visit(page, tmp_path, f"--screenshot={tmp_path / name}.png", "--window-size=1200,900")
        pictures.append((tmp_path / f"{name}.png").read_bytes())
        assert len(colours(tmp_path / f"{name}.png")) > 20
    assert len(set(pictures)) == 3


@pytest.mark.parametrize(("scheme", "paper"), [("1", (255, 255, 255)), ("0", (20, 23, 27))])
def test_the_page_follows_the_readers_light_or_dark(tmp_path: Path, scheme: str, paper: tuple[int, ...]):
    page = report(trials(), Question(select=("depth",)), tmp_path / "report.html", title="browser")
    shot = tmp_path / "shot.png"
    visit(
        page,
        tmp_path,
        f"--screenshot={shot}",
        "--window-size=1200,900",
        f"--blink-settings=preferredColorScheme={scheme}",
    )
    with Image.open(shot) as image:
        assert image.convert("RGB").getpixel((5, 5)) == paper
    assert len(colours(shot)) > 20


def test_the_page_prints(tmp_path: Path):
    page = report(trials(epochs=5), Question(select=("depth",)), tmp_path / "report.html", title="browser")
    visit(page, tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert 50_000 < (tmp_path / "page.pdf").stat().st_size < 2_000_000
