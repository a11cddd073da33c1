"""The page of all requirements is what the code says."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "catalogue.py"))["render"]()
    assert (DOCS / "catalogue.md").read_text() == page, "run `make catalogue`"
