"""Drawing: arrays in, matplotlib figures out, without matplotlib's global state of open figures.

Every colour stands for a role; in a page's inline SVG the roles become CSS variables, so that one drawing serves
light, dark and print.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from analysis.statistics.scores import Floats, Key, short

# Okabe and Ito 2008, without black and yellow: told apart with every common colour vision, on white and on black.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f6bb3", "#8c6d46")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)), (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
INK, MUTED, RULE = "#1c1f24", "#5d6470", "#d9dce1"
ROLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule"} | {c: f"--series-{i}" for i, c in enumerate(PALETTE)}
SETTINGS: dict[Any, Any] = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Style:
    """How a method is drawn: colour by its normalizer, dash and marker by the rest of its name."""

    colour: str
    dash: Any
    marker: str


def styles(columns: Sequence[Key]) -> list[Style]:
    last = list(dict.fromkeys(c[-1] for c in columns))
    rest = list(dict.fromkeys(c[:-1] for c in columns))
    made: list[Style] = []
    for column in columns:
        turn, colour = divmod(last.index(column[-1]), len(PALETTE))
        line = rest.index(column[:-1]) + turn
        made.append(Style(PALETTE[colour], DASHES[line % len(DASHES)], MARKERS[line % len(MARKERS)]))
    return made


def settings(name: str) -> AbstractContextManager[None]:
    """The house's look; `name` seeds the ids within an SVG, so the same data gives the same bytes."""
    return mpl.rc_context({**SETTINGS, "svg.hashsalt": name})


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes `stem`.svg, .pdf and .png; the bytes depend on the drawing alone."""
    paths: list[Path] = []
    undated: dict[str, dict[str, Any]] = {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    with settings(stem.name):
        for kind, metadata in undated.items():
            path = stem.with_name(f"{stem.name}.{kind}")
            figure.savefig(path, format=kind, dpi=200, metadata=metadata, facecolor="white")
            paths.append(path)
    return paths


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element for a page: colours as CSS variables, ids that begin with `name`."""
    buffer = io.StringIO()
    with settings(name):
        FigureCanvasSVG(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda m: f"var({ROLES[m[0]]})" if m[0] in ROLES else m[0], text)
    text = re.sub(r"font: ([\d.]+px) 'DejaVu Sans'[^;\"]*", r"font-size: \1", text)
    safe = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    text = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"|<svg ', r"<svg \1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)


def new(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, **options)


def means(
    columns: Sequence[Key], mean: Floats, low: Floats, high: Floats, axis: str, order: Sequence[int] | None = None
) -> Figure:
    """One dot a method with its interval (NaN: none), the smallest mean on top unless `order` is given."""
    order = list(np.argsort(mean)) if order is None else list(order)
    with settings("means"):
        figure, axes = new(6.6, 0.9 + 0.26 * len(columns))
        look = styles(columns)
        for y, j in enumerate(order):
            if np.isfinite(low[j]):
                axes.plot([low[j], high[j]], [y, y], color=look[j].colour, lw=2, alpha=0.55, solid_capstyle="round")
            axes.plot(mean[j], y, marker=look[j].marker, color=look[j].colour, ms=6, ls="")
        axes.set_yticks(range(len(order)), [short(columns[j]) for j in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_xlabel(axis)
        axes.grid(axis="y", visible=False)
        fit(figure, left=0.1 + 0.075 * max(len(short(c)) for c in columns), bottom=0.5)
    return figure


def fit(figure: Figure, *, left: float = 0.6, right: float = 0.15, top: float = 0.15, bottom: float = 0.5) -> None:
    """Margins in inches."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left=left / width, right=1 - right / width, top=1 - top / height, bottom=bottom / height)


def lines(
    axes: Axes, x: Floats, y: Floats, columns: Sequence[Key], *, markers: bool = False, step: bool = False
) -> list[Any]:
    """Draws `y` (x, columns), one line a method; the handles, for a legend."""
    handles: list[Any] = []
    for j, style in enumerate(styles(columns)):
        marker = style.marker if markers else None
        (line,) = axes.plot(
            x, y[:, j], color=style.colour, ls=style.dash, marker=marker, drawstyle="steps-post" if step else "default",
            label=short(columns[j]),
        )  # fmt: skip
        handles.append(line)
    return handles


def legend_beside(axes: Axes, handles: list[Any], order: Sequence[int] | None = None) -> None:
    chosen = handles if order is None else [handles[j] for j in order]
    axes.legend(handles=chosen, loc="upper left", bbox_to_anchor=(1.01, 1.02), handlelength=2.6, borderaxespad=0.0)


def profiles(
    columns: Sequence[Key],
    taus: Floats,
    shares: Floats,
    order: Sequence[int],
    rows_name: str,
    within: str,
    bands: Mapping[int, tuple[Floats, Floats]],
) -> Figure:
    """Performance profiles: `shares` is (taus, columns); `within`: what tau bounds; `bands`: some columns' ends."""
    with settings("profiles"):
        figure, axes = new(6.6, max(3.2, 0.6 + 0.19 * len(columns)))
        look = styles(columns)
        for j, (low, high) in bands.items():
            axes.fill_between(taus, low, high, color=look[j].colour, alpha=0.14, lw=0)
        handles = lines(axes, taus, shares, columns)
        axes.set_xlim(taus.max(), taus.min())
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(f"tau: {within}")
        axes.set_ylabel(f"share of {rows_name}")
        legend_beside(axes, handles, order)
        fit(figure, right=0.7 + 0.075 * max(len(short(c)) for c in columns))
    return figure


def curves(
    titles: Sequence[str], columns: Sequence[Key], epochs: Floats, values: Floats, axis: str, along: str = "epoch"
) -> Figure:
    """Small multiples of learning curves: `values` is (rows, columns, epochs), one panel a row."""
    across = min(3, len(titles))
    down = -(-len(titles) // across)
    with settings("curves"):
        figure, grid = new(7.2, 0.6 + 1.9 * down, down, across, squeeze=False, sharex=True)
        handles: list[Any] = []
        for panel, axes in enumerate(grid.flat):
            if panel >= len(titles):
                axes.set_axis_off()
                continue
            handles = lines(axes, epochs, values[panel].T, columns)
            axes.set_title(titles[panel])
            axes.tick_params(labelbottom=True)
            if panel % across == 0:
                axes.set_ylabel(axis)
            if panel + across >= len(titles):
                axes.set_xlabel(along)
        per_line = max(1, int(7.0 / (0.55 + 0.075 * max(len(short(c)) for c in columns))))
        lines_below = -(-len(columns) // per_line)
        figure.legend(handles=handles, loc="lower left", ncols=per_line, handlelength=2.4, columnspacing=1.2)
        fit(figure, top=0.3, bottom=0.55 + 0.19 * lines_below)
        figure.subplots_adjust(hspace=0.45, wspace=0.28)
    return figure


def critical_difference(
    columns: Sequence[Key], mean: Floats, difference: float, runs: Sequence[tuple[int, int]]
) -> Figure:
    """Demsar's diagram: methods on an axis of mean ranks; a bar joins those that do not differ significantly."""
    order = [int(j) for j in np.argsort(mean, kind="stable")]
    k = len(order)
    half = -(-k // 2)
    with settings("critical-difference"):
        figure, axes = new(7.2, 1.1 + 0.13 * len(runs) + 0.26 * half)
        look = styles(columns)
        below = 0.5 + 0.45 * len(runs)
        low, high = 1.0, float(max(k, 2))
        margin = 0.38 * (high - low)
        for place, j in enumerate(order):
            left = place < half
            y = below + (place if left else k - 1 - place) + 0.6
            edge = low - 0.03 * (high - low) if left else high + 0.03 * (high - low)
            axes.plot([mean[j], mean[j], edge], [0, y, y], color=look[j].colour, lw=1.1, ls=look[j].dash)
            axes.plot(mean[j], 0, marker=look[j].marker, color=look[j].colour, clip_on=False)
            words = f"{short(columns[j])}  {mean[j]:.2f}"
            axes.text(edge, y, f"{words} " if left else f" {words}", va="center", ha="right" if left else "left")
        ordered = mean[order]
        for i, (start, end) in enumerate(runs):
            axes.plot([ordered[start], ordered[end]], [0.5 + 0.45 * i] * 2, color=INK, lw=3, solid_capstyle="round")
        axes.plot([low, low + difference], [-1.5, -1.5], color=INK, lw=1.4, marker="|", ms=7)
        axes.text(low + difference / 2, -1.7, f"critical difference {difference:.2f}", ha="center", va="bottom")
        axes.set_xlim(low - margin, high + margin)
        axes.set_ylim(below + half + 0.4, -2.6)
        axes.xaxis.set_visible(False)
        axes.yaxis.set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.plot([low, high], [0, 0], color=MUTED, lw=1)
        for tick in range(1, k + 1):
            axes.plot([tick, tick], [0, -0.18], color=MUTED, lw=1)
            axes.text(tick, -0.3, str(tick), ha="center", va="bottom", color=MUTED, size=8)
        fit(figure, left=0.1, right=0.1, top=0.05, bottom=0.05)
    return figure


def robustness(
    columns: Sequence[Key],
    sizes: Sequence[int],
    mean: Floats,
    low: Floats,
    high: Floats,
    order: Sequence[int],
    axis: str,
) -> Figure:
    """Error against batch size, (sizes, columns), with intervals (NaN: none)."""
    with settings("robustness"):
        figure, axes = new(6.8, max(3.4, 0.6 + 0.19 * len(columns)))
        x = np.asarray(sizes, dtype=np.float64)
        for j, style in enumerate(styles(columns)):
            axes.vlines(x, low[:, j], high[:, j], color=style.colour, alpha=0.5, lw=1.6)
        handles = lines(axes, x, mean, columns, markers=True)
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [str(s) for s in sizes])
        axes.minorticks_off()
        axes.set_xlabel("batch size")
        axes.set_ylabel(axis)
        legend_beside(axes, handles, order)
        fit(figure, right=0.75 + 0.075 * max(len(short(c)) for c in columns))
    return figure


def beside(own: Floats, theirs: Floats, columns: Sequence[Key], member: Sequence[int], axis: str) -> Figure:
    """Own figures against published ones, a point a cell; `member` tells each point's column."""
    with settings("beside"):
        figure, axes = new(6.0, 4.2)
        top = float(max(own.max(), theirs.max())) * 1.05
        axes.plot([0, top], [0, top], color=MUTED, lw=1)
        handles: list[Any] = []
        which = np.asarray(member)
        for j, style in enumerate(styles(columns)):
            here = which == j
            if not here.any():
                continue
            points = axes.plot(
                theirs[here],
                own[here],
                ls="",
                marker=style.marker,
                color=style.colour,
                alpha=0.8,
                label=short(columns[j]),
            )
            handles += points
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_xlabel(f"published {axis}")
        axes.set_ylabel(f"own {axis}")
        legend_beside(axes, handles)
        fit(figure, right=0.6 + 0.075 * max(len(short(c)) for c in columns))
    return figure
