"""Checks before the first change that the Kubernetes API allows the writes of the remedies."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.engine.audit import Audit
from trueup.engine.needs import Subject
from trueup.errors import UsageError
from trueup.hosts.cluster import Cluster
from trueup.kubeapi.client import ApiError
from trueup.model.catalog import Disruption, Requirement


def check_rights(
    cluster: Cluster, before: Audit, fixable: Iterable[tuple[Requirement, Subject]], most: Disruption
) -> None:
    """Stop the run if the API would refuse a write of a remedy.

    Args:
        before: judges a requirement before the first change; one that holds needs no rights.
        most: the highest disruption that is allowed; remedies above it need no rights.

    Raises:
        UsageError: rights are missing; names them and the requirements that need them.
    """
    if cluster.facts.snapshot.problem or not cluster.connected:
        return  # there is no cluster yet
    api, refused = cluster.api(), dict[str, str]()
    wrong = [each for each, on in fixable if not before.result(each, on).outcome.holds]
    for id in dict.fromkeys(requirement.id for requirement in wrong):
        remedy = before.catalog.remedies.get(id)
        for right in remedy.writes if remedy and not remedy.exceeds(most) else ():
            verb, _, kind = right.partition(" ")
            resource, _, group = kind.partition(".")
            try:
                if right not in refused and not api.allowed(verb, group, resource):
                    refused[right] = id
            except ApiError as error:
                raise UsageError(f"--fix: the Kubernetes API does not answer which rights we have: {error}") from None
    if refused:
        words = "; ".join(f"{right} (for {id})" for right, id in refused.items())
        hint = "give a kubeconfig with these rights (examples/rbac has the roles), or deselect those requirements"
        raise UsageError(f"--fix: the Kubernetes API does not allow us to {words}; nothing was changed: {hint}")
