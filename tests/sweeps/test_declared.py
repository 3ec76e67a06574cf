"""Each setting is declared once: with a kind, a default that it may have itself, and a meaning; the docs show it."""

from __future__ import annotations

import pytest

from sweeps.file.document import plain
from sweeps.file.sections import ANALYSIS, RUN, AnalysisSection, RunSection, Selection
from sweeps.file.values import axis
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
    assert text.count("<!-- end -->") == {"sweep-file.md": 3, "slurm.md": 1}[page]
