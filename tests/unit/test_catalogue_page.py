"""The page of all requirements is what the code says."""

import runpy
from pathlib import Path

from trueup.model.catalog import catalog

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "catalogue.py"))["render"]()
    assert (DOCS / "catalogue.md").read_text() == page, "run `make catalogue`"


def test_every_requirement_has_a_sentence_and_a_reason() -> None:
    catalog.load("trueup.checks", "trueup.remediations")
    ours = {r.id: r for r in catalog.requirements.values() if "/checks/" in r.source}
    assert len(ours) > 100
    assert [r.id for r in ours.values() if not r.sentence.endswith(".") or not r.why.endswith(".")] == []
