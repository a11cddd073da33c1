"""The run as JSON, for programs. The schema number changes when a field changes its meaning or goes."""

import json

from trueup.model.run import Run

SCHEMA = 1


def render(run: Run) -> str:
    """Return the whole run."""
    document = {
        "schema": SCHEMA,
        **run.environment,
        "hosts": run.hosts,
        "stopped": run.stopped,
        "left": run.left,
        "resume": run.resume,
        "counts": {str(outcome): count for outcome, count in sorted(run.counts.items())},
        "results": [result.to_dict() for result in run.results],
    }
    return json.dumps(document, indent=2) + "\n"
