"""The run as JSON, for programs; docs/result.schema.json is its schema."""

import json

from trueup.results.run import Run


def render(run: Run) -> str:
    """Return the whole run."""
    return json.dumps(run.document(), indent=2) + "\n"
