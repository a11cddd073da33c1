"""The connection to the Kubernetes API: by the operator's kubeconfig, or by that of a control-plane host, through
the connection to that host."""

from __future__ import annotations

import shutil
import tempfile
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.errors import CouldNotLook, Unreachable, UsageError
from trueup.kubeapi.client import Api
from trueup.redact import redact

# The client imports its modules lazily, and two threads that do so at once run into a deadlock.
_IMPORTING = threading.Lock()


@dataclass(frozen=True)
class Route:
    """A host through which the API is reached.

    Args:
        host: its id.
        path: the path of its kubeconfig.
        kubeconfig: the content of that file.
        forward: forwards a local port to a name and port there, and returns the local address; reopens a lost one.
    """

    host: str
    path: str
    kubeconfig: str
    forward: Callable[[str, int], str]


class ApiConnection:
    """The connection to the API of one cluster, opened at first use; its credentials are in a private directory.

    Args:
        kubeconfig: path of the operator's own; if empty, the connection leads through a host.
        route: returns the route through that host; raises ``CouldNotLook`` if there is none.
        patience: seconds to wait for the API, restarts included.
    """

    def __init__(self, kubeconfig: str, route: Callable[[], Route], patience: float) -> None:
        self._kubeconfig = kubeconfig
        self._route = route
        self._patience = patience
        self._api: Api | None = None
        self._connecting = threading.Lock()  # all threads share one connection
        self._opening = threading.Lock()
        self._private = ""  # directory of the credentials

    @property
    def open(self) -> bool:
        """Whether there is a connection."""
        return self._api is not None

    def api(self) -> Api:
        """Return the API, and reconnect if the connection was lost.

        Raises:
            CouldNotLook: no connection; names the hosts that were tried.
        """
        with self._connecting:
            if self._api is None or self._api.lost:
                self._api = self._by_file() if self._kubeconfig else self._by_host()
            return self._api

    def sever(self) -> None:
        """Forget the route through a host that is down, so that the next call looks for another."""
        if self._api and not self._kubeconfig:
            self._api.lost = True

    def close(self) -> None:
        """Close the connection, and remove its credentials."""
        if self._api:
            self._api.close()
        shutil.rmtree(self._private, ignore_errors=True)

    def _by_host(self) -> Api:
        route = self._route()
        name = f"{route.host}: {route.path}"
        try:
            config = YAML(typ="safe", pure=True).load(route.kubeconfig)
            cluster = config["clusters"][0]["cluster"]
            server = urllib.parse.urlsplit(cluster["server"])
            forward = partial(route.forward, server.hostname or "", server.port or 443)
            address = forward()
        except (YAMLError, KeyError, IndexError, TypeError, ValueError):
            raise CouldNotLook(f"{name} is not a kubeconfig") from None
        except Unreachable as error:
            raise CouldNotLook(f"{route.host}: {error}") from None
        if address != server.netloc:
            cluster["tls-server-name"] = server.hostname
            cluster["server"] = f"https://{address}"
        return self._connect(config, name, reopen=partial(self._reopens, forward))

    def _reopens(self, forward: Callable[[], str]) -> bool:
        with self._opening:  # one reopen serves all threads
            try:
                forward()
            except (Unreachable, CouldNotLook):
                return False
            return True

    def _by_file(self) -> Api:
        path = Path(self._kubeconfig)
        return self._connect(YAML(typ="safe", pure=True).load(path), str(path), str(path.parent))

    def _connect(self, config: Any, name: str, base: str = "", reopen: Callable[[], bool] = lambda: True) -> Api:
        with _IMPORTING:
            from kubernetes.client import ApiClient, Configuration
            from kubernetes.config.config_exception import ConfigException
            from kubernetes.config.kube_config import KubeConfigLoader

            from trueup.kubeapi.http import ClientHttp

        self._private = self._private or tempfile.mkdtemp(prefix="trueup-")
        settings = Configuration()
        settings.retries = False
        try:
            loader = KubeConfigLoader(config, config_base_path=base, temp_file_path=self._private)
            loader.load_and_set(settings)
        except (ConfigException, OSError, ValueError) as error:
            raise CouldNotLook(f"{name}: {error}") from None
        return Api(ClientHttp(ApiClient(settings)), self._patience, reopen)


def check_kubeconfig(path: str) -> None:
    """Check that a kubeconfig can be used.

    Raises:
        UsageError: missing, unreadable, or without a current context, with the message of Kubernetes' client.
    """
    from kubernetes.config import list_kube_config_contexts
    from kubernetes.config.config_exception import ConfigException

    try:
        YAML(typ="safe", pure=True).load(Path(path))
        list_kube_config_contexts(path)
    except (ConfigException, YAMLError, OSError, ValueError, AttributeError, TypeError) as error:
        words = redact(" ".join(str(error).split()))
        raise UsageError(f"--kubeconfig={path}: {words}") from None
