"""Prints docs/catalogue.md from the registry and the scenarios: ``make catalogue``."""

from pathlib import Path

from trueup.model.catalog import catalog
from trueup.version import FIRST_CATALOGUE

_HEAD = """# Catalogue of requirements

Generated from the code by `make catalogue`. The scenarios that prove a requirement on real hosts are in a folder with
its id, below `tests/scenarios`, `tests/cluster/scenarios` or `tests/edge/scenarios`.
"""
_TESTS = Path(__file__).parents[1] / "tests"
_SCENARIOS = [_TESTS / part for part in ("scenarios", "cluster/scenarios", "edge/scenarios")]


def render() -> str:
    """Return the page: one entry a requirement, by subject."""
    catalog.load("trueup.checks", "trueup.remediations")
    lines, subject = [_HEAD], ""
    for requirement in sorted(catalog.requirements.values(), key=lambda requirement: requirement.subject):
        id, remedy = requirement.id, catalog.remedies.get(requirement.id)
        if requirement.subject != subject:
            subject = requirement.subject
            lines.append(f"## {subject}\n")
        scenarios = sorted(path.stem for part in _SCENARIOS for path in (part / id).glob("*.sh"))
        allowed = " Destructive: needs `--fix-allow=destructive`." if remedy and remedy.destructive else ""
        kept = " Cannot be undone." if remedy and not remedy.can_undo else ""
        cost = f"{remedy.sentence} Disruption: {remedy.disruption}.{allowed}{kept}" if remedy else ""
        roles = ", ".join(sorted(requirement.roles)) or "every host"
        rows = {
            "since": requirement.since if requirement.since > FIRST_CATALOGUE else "",
            "layers": ", ".join(requirement.layers),
            "severity": requirement.severity,
            "roles": f"{roles}, all together" if requirement.across else roles,
            "active": "it pulls, runs or connects, and cleans up after itself" if requirement.active else "",
            "profile key": f"`{requirement.key}`",
            "needs": ", ".join(requirement.needs),
            "controls": ", ".join(requirement.controls),
            "remedy": cost or "none; the failure names the cause",
            "tested": f"broken on a lab host: {', '.join(scenarios)}" if scenarios else "unit tests only",
        }  # fmt: skip
        lines.append(f"### `{id}`\n\n{requirement.sentence}\n")
        lines += [f"{requirement.why}\n"] if requirement.why else []
        lines += [f"- {name}: {text}" for name, text in rows.items() if text]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(render(), end="")
