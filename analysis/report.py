"""One self-contained HTML page, and the same tables and figures as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis import comparisons, drawings, tables
from analysis.beside import beside
from analysis.drawings import Drawing
from analysis.figures import inline_svg, save
from analysis.findings import Findings
from analysis.latex import latex
from analysis.question import Question
from analysis.shown import heads, lines
from analysis.summary import summary
from analysis.tables import Table


def report(
    frame: pd.DataFrame,
    question: Question,
    path: str | Path,
    *,
    title: str,
    commands: Sequence[str] = (),
    environment: Mapping[str, object] | None = None,
    interim: bool = False,
) -> Path:
    """Writes the report of a table of trials to `path`; nothing in it needs a network.

    `commands` are shown as they were typed. `interim` marks the page of a running sweep. Raises ValueError, one
    sentence, for what cannot be compared (see `Question.resolved` and `tally`).
    """
    findings = Findings(frame, question)
    pages = Environment(
        loader=PackageLoader("analysis", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = pages.get_template("report.html").render(
        svg=inline,
        lines=lines,
        heads=heads,
        title=title,
        interim=interim,
        summary=summary(findings),
        exhibits=exhibits(findings),
        commands=list(commands),
        environment={k: str(v) for k, v in (environment or {}).items()},
        question=question_words(findings.question),
        style=Markup((Path(__file__).parent / "report.css").read_text("utf-8")),  # noqa: S704
        script=Markup((Path(__file__).parent / "report.js").read_text("utf-8")),  # noqa: S704
    )
    path = Path(path)
    path.write_text(text, "utf-8")
    return path


def inline(drawing: Drawing) -> Markup:
    return Markup(inline_svg(drawing.figure, drawing.name, drawing.description))  # noqa: S704


def exhibits(findings: Findings, panels: int = drawings.PANELS) -> list[Table | Drawing]:
    """Everything there is to show, in the order of a page."""
    found = [
        tables.methods(findings),
        drawings.means(findings),
        drawings.robustness(findings),
        comparisons.small_batches(findings),
        comparisons.by_batch_size(findings),
        drawings.profiles(findings),
        drawings.ranks(findings),
        comparisons.ranking(findings),
        comparisons.aggregates(findings),
        tables.by_row(findings),
        *beside(findings),
        drawings.learning_curves(findings, panels),
        tables.completeness(findings),
        comparisons.sensitivity(findings),
        tables.cost(findings),
    ]
    return [item for item in found if item is not None]


def analyze(frame: pd.DataFrame, question: Question, folder: str | Path) -> list[Path]:
    """Writes tables as Parquet, CSV and LaTeX, figures as SVG, PDF and PNG with their data, the summary as JSON."""
    findings = Findings(frame, question)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for item in [*exhibits(findings, 2 * drawings.PANELS), tables.cells(findings)]:
        stem = folder / item.name
        if isinstance(item, Drawing):
            paths += save(item.figure, stem)
            stem = folder / f"{item.name}-data"
        else:
            paths.append(stem.with_suffix(".tex"))
            paths[-1].write_text(latex(item), "utf-8")
        data = item.data if isinstance(item, Drawing) else item.frame
        data.to_parquet(stem.with_suffix(".parquet"), index=False)
        data.to_csv(stem.with_suffix(".csv"), index=False)
        paths += [stem.with_suffix(".parquet"), stem.with_suffix(".csv")]
    words = summary(findings)
    note = folder / "summary.json"
    note.write_text(
        json.dumps(words.__dict__ | {"question": question_words(findings.question)}, indent=1) + "\n", "utf-8"
    )
    return [*paths, note]


def question_words(question: Question) -> dict[str, str]:
    """The question as the sweep file's words, for the page's foot."""
    shown = {k: getattr(question, k) for k in question.__dataclass_fields__}
    return {
        k.replace("_", " "): ", ".join(v) if isinstance(v, tuple) else str(v)
        for k, v in shown.items()
        if v not in ((), "")
    }
