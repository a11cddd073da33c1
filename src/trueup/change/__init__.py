"""The verbs of a change. Each reads the state first, and records an action only if something differs."""

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
        cluster: the host's cluster, also before it has joined.
    """

    def __init__(self, transport: Transport, *, host: str = "", cluster: Cluster | None = None, **kwargs: Any) -> None:
        super().__init__(transport, host=host, **kwargs)
        self._cluster = cluster
        self._given = kwargs

    @property
    def one_at_a_time(self) -> AbstractContextManager[object]:
        """Return a lock that one host's remedy holds at a time, so that no two hosts are changed at once."""
        return self._cluster.one_at_a_time if self._cluster else nullcontext()

    def reboot(self, why: str, *, within: float) -> None:
        """Reboot the host, one host at a time; refused once a host has not come back in this run."""
        if self._cluster is None:
            return super().reboot(why, within=within)
        with self.one_at_a_time:
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
    def control_plane(self) -> Change:
        """Return the verbs of the control-plane host that administers the cluster, which may always be changed.

        Raises:
            CouldNotLook: no host is one.
        """
        if self._cluster is None:
            raise CouldNotLook("no cluster")
        found = self.cluster.on(self._cluster.control_plane().id)
        found.closed = ""
        return found

    @property
    def cluster(self) -> ClusterChange:
        """Return the verbs for objects of the cluster; they record into this change."""
        assert self._cluster
        return ClusterChange(self._cluster, **self._given | {"record": self.record})


class ClusterChange(Objects):
    """Changes to a cluster's objects and hosts for one remedy."""

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
        """Return the hosts with role ``control-plane``, in order."""
        return [host.id for host in self._cluster.control_planes]

    def having(self, role: str) -> list[str]:
        """Return the hosts of the run with a role, in order."""
        return [host.id for host in self._cluster.hosts.values() if role in host.roles]

    def spec(self, host: str) -> Spec:
        """Return the spec of a host."""
        return self._cluster.hosts[host].spec

    def on(self, host: str) -> Change:
        """Return the verbs for a host; they record into this change, and fail if the host must not be changed."""
        self.record.hosts.add(host)
        verbs = Change(self._cluster.hosts[host].transport, host=host, cluster=self._cluster, **self._given)
        verbs.closed = f"{host} {why}" if (why := self._cluster.hosts[host].closed) else ""
        return verbs
