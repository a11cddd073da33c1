"""The verbs of a change. Each looks first and records an action only where something differs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from trueup.change.artifacts import Artifacts
from trueup.change.certificates import Certificates
from trueup.change.images import Images
from trueup.change.kernel import Kernel
from trueup.change.load_balancers import LoadBalancers
from trueup.change.packages import Packages
from trueup.change.reboot import Reboot
from trueup.change.units import Units
from trueup.connection.transport import Transport
from trueup.errors import ChangeFailed, CouldNotLook, NotBack
from trueup.hosts.cluster import Cluster
from trueup.journal.record import Draft, Record
from trueup.model.catalog import Disruption
from trueup.objects.verbs import Objects
from trueup.objects.verbs import altering as altering
from trueup.objects.verbs import making as making
from trueup.profiles.schema import Spec


class Change(Artifacts, Certificates, Images, Kernel, LoadBalancers, Packages, Reboot, Units):
    """Changes to one host for one remedy.

    Args:
        cluster: the cluster that the host is in, or is to be in.
    """

    def __init__(self, transport: Transport, *, host: str = "", cluster: Cluster | None = None, **kwargs: Any) -> None:
        super().__init__(transport, host=host, **kwargs)
        self._cluster = cluster
        self._given = kwargs

    @property
    def turn(self) -> AbstractContextManager[object]:
        """Return what keeps other hosts' remedies waiting that take their turn too, for as long as it is entered."""
        return self._cluster.turn if self._cluster else nullcontext()

    def reboot(self, why: str, *, within: float) -> None:
        """Reboot the host, one after the other; after one that has not come back, none any more in this run."""
        if self._cluster is None:
            return super().reboot(why, within=within)
        with self.turn:
            if missing := self._cluster.missing:
                words = ", ".join(missing)
                raise ChangeFailed(f"{words} did not come back: no other is rebooted in this run; nothing was changed")
            try:
                super().reboot(why, within=within)
            except NotBack as error:
                self._cluster.hosts[self.host].give_up(str(error))
                raise
            finally:
                self._cluster.severed(self.host)

    @property
    def seat(self) -> Change:
        """Return the hand on the control-plane host from which the cluster is administered, which is always open.

        Raises:
            CouldNotLook: there is none among the hosts.
        """
        if self._cluster is None:
            raise CouldNotLook("no cluster")
        seat = self.cluster.on(self._cluster.seat().id)
        seat.closed = ""
        return seat

    @property
    def cluster(self) -> ClusterChange:
        """Return the hand on the cluster; what it does counts as this one's."""
        assert self._cluster
        return ClusterChange(self._cluster, **self._given | {"record": self.record})


class ClusterChange(Objects):
    """Changes to a cluster, by its API and on its hosts, for one remedy."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        run: str,
        apply: bool,
        allowed: Disruption,
        record: Record | None = None,
        draft: Draft | None = None,
    ) -> None:
        super().__init__(cluster, apply=apply, record=record or Record(), draft={} if draft is None else draft)
        self._given = {"run": run, "apply": apply, "allowed": allowed, "record": self.record, "draft": self._draft}

    @property
    def control_planes(self) -> list[str]:
        """Return the hosts that are to carry the control plane, in order."""
        return [host.id for host in self._cluster.control_planes]

    def having(self, role: str) -> list[str]:
        """Return the hosts of the run that have a role, in order."""
        return [host.id for host in self._cluster.hosts.values() if role in host.roles]

    def spec(self, host: str) -> Spec:
        """Return what one host ought to be."""
        return self._cluster.hosts[host].spec

    def on(self, host: str) -> Change:
        """Return the hand on a host, which changes nothing while that is closed; what it does counts as this one's."""
        self.record.hosts.add(host)
        hand = Change(self._cluster.hosts[host].transport, host=host, cluster=self._cluster, **self._given)
        hand.closed = f"{host} {why}" if (why := self._cluster.hosts[host].closed) else ""
        return hand
