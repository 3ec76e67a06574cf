"""One self-contained HTML page, and the same tables and figures as files."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing import comparisons, drawings, robustness, tables
from analysis.showing.beside import beside
from analysis.showing.drawings import Drawing
from analysis.showing.family import family
from analysis.showing.figures import inline_svg, save
from analysis.showing.latex import latex
from analysis.showing.limits import limits_of
from analysis.showing.probed import probed
from analysis.showing.shown import heads, lines
from analysis.showing.summary import summary
from analysis.showing.tables import Table
from analysis.verdicts import verdicts
from sweeps.errors import UsageError
from sweeps.records import READINGS
from sweeps.words.near import unknown


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a page came about: shown as it is typed.

    `commands` made the results and the page; `remake --only NAME` writes one table or figure of it as files;
    `sweep_file` is what was run; `environment` what a reader needs in order to get the same numbers.
    """

    commands: Sequence[str] = ()
    remake: str = ""
    sweep_file: str = ""
    environment: Mapping[str, object] = field(default_factory=dict[str, object])


def report(
    frame: pd.DataFrame,
    question: Question,
    path: str | Path,
    *,
    title: str,
    provenance: Provenance | None = None,
    interim: bool = False,
    readings: pd.DataFrame | None = None,
) -> Path:
    """Writes the report of a table of trials to `path`; nothing in it needs a network.

    `interim` marks the page of a running sweep; `readings` are what its probes saw, as `orchestrator.readings` has
    them. Raises UsageError, one sentence, for what cannot be compared (see `Question.resolved` and `tally`).
    """
    findings = Findings(frame, question)
    pages = Environment(
        loader=PackageLoader("analysis.showing", "."),
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
        exhibits=exhibits(findings, readings=readings),
        made=provenance or Provenance(),
        question=question_words(findings.question),
        style=Markup((Path(__file__).parent / "report.css").read_text("utf-8")),  # noqa: S704
        script=Markup((Path(__file__).parent / "report.js").read_text("utf-8")),  # noqa: S704
    )
    path = Path(path)
    path.write_text(text, "utf-8")
    return path


def inline(drawing: Drawing) -> Markup:
    return Markup(inline_svg(drawing.figure, drawing.name, drawing.description))  # noqa: S704


def exhibits(
    findings: Findings, panels: int = drawings.PANELS, readings: pd.DataFrame | None = None
) -> list[Table | Drawing]:
    """Everything there is to show, in the order of a page."""
    found = [
        tables.methods(findings),
        family(findings),
        tables.candidates(findings),
        drawings.means(findings),
        drawings.robustness(findings),
        robustness.small_batches(findings),
        robustness.by_batch_size(findings),
        robustness.diverged_by_batch_size(findings),
        limits_of(findings),
        drawings.profiles(findings),
        drawings.ranks(findings),
        comparisons.ranking(findings),
        comparisons.aggregates(findings),
        tables.by_row(findings),
        *beside(findings),
        drawings.learning_curves(findings, panels),
        *([] if readings is None else probed(findings, readings)),
        verdicts(findings, pd.DataFrame(columns=list(READINGS)) if readings is None else readings),
        tables.completeness(findings),
        comparisons.sensitivity(findings),
        tables.cost(findings),
    ]
    return [item for item in found if item is not None]


def analyze(
    frame: pd.DataFrame,
    question: Question,
    folder: str | Path,
    *,
    only: Collection[str] = (),
    readings: pd.DataFrame | None = None,
) -> list[Path]:
    """Writes tables as Parquet, CSV and LaTeX, figures as SVG, PDF and PNG with their data, the summary as JSON.

    `only` these tables and figures, by name. UsageError for a name that is not there; nothing is written then.
    """
    findings = Findings(frame, question)
    items = [*exhibits(findings, 2 * drawings.PANELS, readings), tables.cells(findings)]
    names = [item.name for item in items]
    for name in only:
        if name not in names:
            raise UsageError(unknown("table or figure of this sweep", name, names))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path for item in items if not only or item.name in only for path in write(item, folder)]
    if only:
        return paths
    note = folder / "summary.json"
    words = asdict(summary(findings)) | {"question": question_words(findings.question)}
    note.write_text(json.dumps(words, indent=1) + "\n", "utf-8")
    return [*paths, note]


def write(item: Table | Drawing, folder: Path) -> list[Path]:
    """An item's files."""
    stem = folder / item.name
    if isinstance(item, Drawing):
        paths = save(item.figure, stem)
        stem = folder / f"{item.name}-data"
    else:
        paths = [stem.with_suffix(".tex")]
        paths[0].write_text(latex(item), "utf-8")
    data = item.data if isinstance(item, Drawing) else item.frame
    data.to_parquet(stem.with_suffix(".parquet"), index=False)
    data.to_csv(stem.with_suffix(".csv"), index=False)
    return [*paths, stem.with_suffix(".parquet"), stem.with_suffix(".csv")]


def question_words(question: Question) -> dict[str, str]:
    """The question as the sweep file's words, for the page's foot."""
    shown = {k: getattr(question, k) for k in question.__dataclass_fields__}
    return {
        k.replace("_", " "): ", ".join(v) if isinstance(v, tuple) else str(v)
        for k, v in shown.items()
        if v not in ((), "")
    }
