"""Schedules all items of a host on one xdist worker, so that its snapshot is read once."""

from xdist.scheduler import LoadScopeScheduling


class HostScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Groups items by the ``[host]`` that ends their node id."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.rpartition("[")[2] if nodeid.endswith("]") else str(super()._split_scope(nodeid))
