"""Each setting is declared once: with a kind, a default that it may have itself, and a meaning; the docs show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweeps.file.document import plain
from sweeps.file.sections import ANALYSIS, RUN, AnalysisSection, RunSection, Selection
from sweeps.file.values import axis, values
from sweeps.trial import Trial, field_names
from sweeps.words.declared import Option, options, table
from sweeps.words.settings import CHOICES, DECLARED, LR_REFERENCE_BATCH, SETTINGS, setting_names
from tests.sweeps.render_docs import DOCS, PAGES, rendered


def test_every_field_is_a_setting_but_those_that_follow() -> None:
    assert set(field_names()) - set(setting_names()) == {"digest", "revision"}
    assert setting_names() == (*(name for name in field_names() if name in DECLARED),)
    assert set(SETTINGS) | set(CHOICES) == set(DECLARED)
    for section, declared in ((RunSection, RUN), (AnalysisSection, ANALYSIS)):
        assert list(declared) == list(section.__dataclass_fields__)


def test_a_setting_has_no_default_of_its_own() -> None:
    with pytest.raises(TypeError, match="missing"):
        Trial()  # type: ignore[call-arg]


@pytest.mark.parametrize("declared", [DECLARED, RUN, ANALYSIS, options(Selection), {"reference": LR_REFERENCE_BATCH}])
def test_every_setting_says_what_it_means(declared: dict[str, Option]) -> None:
    for row in table(declared):
        assert row["values"], row
        assert len(row["meaning"]) > 10, row


NUMBERS = {
    f"{where} {name}": option
    for where, declared in (
        ("trial", DECLARED),
        ("run", RUN),
        *((f"{kind} {name}", entry.options) for kind, entries in CHOICES.items() for name, entry in entries.items()),
    )
    for name, option in declared.items()
    if option.kind.removesuffix("s") in ("int", "float")
}


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_both_bounds(name: str) -> None:
    option = replace(NUMBERS[name], kind="int" if NUMBERS[name].kind.startswith("int") else "float")
    low, high = option.bounds
    read = values(name, option, plain([low, high], "f"))
    assert read == (low, high)
    for beyond in (low - 1 if low >= 0 else 2 * low, 2 * high + 1, -(10**300), 10**300):
        with pytest.raises(ValueError, match=rf"'{name}' must be (at least|at most|{low:g} to) "):
            values(name, option, plain(beyond, "f"))


def test_a_seed_is_a_whole_number_of_64_bits() -> None:
    assert axis("seed", plain(2**63 - 1, "f")) == (2**63 - 1,)
    with pytest.raises(ValueError, match="'seed' must be at most 9223372036854775807, not 9223372036854775808"):
        axis("seed", plain(2**63, "f"))


def test_every_default_may_be_given() -> None:
    for name, option in DECLARED.items():
        if option.default is not None:
            assert len(axis(name, plain(option.default, "default"))) == 1


@pytest.mark.parametrize("page", PAGES)
def test_the_docs_show_what_is_declared(page: str) -> None:
    text = (DOCS / page).read_text()
    assert text == rendered(page=text), (
        f"docs/{page} is older than the declarations: python -m tests.sweeps.render_docs"
    )
    assert text.count("<!-- end -->") == {"sweep-file.md": 3, "slurm.md": 1, "presets.md": 1}[page]
