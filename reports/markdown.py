"""The run as Markdown: a summary for a merge request or a ticket."""

from trueup.results.result import Outcome
from trueup.results.run import Run


def render(run: Run) -> str:
    """Return a table of requirements by host, and the failures."""
    lines = [f"# trueup: {run.profile}, {run.mode}", ""]
    lines += [", ".join(f"{count} {outcome}" for outcome, count in sorted(run.counts.items())) + ".", ""]
    lines += [line for note in run.unfinished() for line in (f"{note}.", "")]
    lines += [f"| requirement | {' | '.join(map(_cell, run.columns))} |", "|---" * (len(run.columns) + 1) + "|"]
    for id, results in run.by_requirement().items():
        cells = (str(results[host].outcome) if host in results else "" for host in run.columns)
        lines.append(f"| {id} | {' | '.join(cells)} |")
    for result in run.results:
        said = result.outcome.holds or result.outcome is Outcome.NOT_ATTEMPTED  # printed once, above
        if not said and (text := result.text()):
            fence = "`" * (3 + max((len(run) for run in text.split() if set(run) == {"`"}), default=0))
            lines += ["", f"## {result.requirement} on {_cell(result.host)}: {result.outcome}", "", fence, text, fence]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
