"""The page in a real browser: sorting, filtering, time until it can be used."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from analysis.question import Question
from analysis.report import report
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


def test_a_screenshot_shows_something(tmp_path: Path):
    page = report(trials(), Question(select=("depth",)), tmp_path / "report.html", title="browser")
    visit(page, tmp_path, f"--screenshot={tmp_path / 'shot.png'}", "--window-size=1200,900")
    assert (tmp_path / "shot.png").stat().st_size > 20_000
