"""A client of the Kubernetes API: pages, our own field manager, and retries while the server restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from trueup.errors import ChangeFailed, CouldNotLook
from trueup.waiting import Patience

Object = dict[str, Any]
MANAGER = "trueup"  # the field manager of all our writes
_PAGE = 500  # objects per page, as kubectl
_HASTE = 3.0  # seconds
_BUSY = (429, 500, 502, 503, 504)
_ABSENT = 404


class ApiError(Exception):
    """An error of the API server, or of the connection to it.

    Args:
        status: HTTP status; 0 if there was no answer.
        closed: there was no connection.
    """

    def __init__(self, status: int, message: str, *, closed: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.closed = closed


class Answer(NamedTuple):
    """An answer of the API server."""

    status: int
    text: str
    date: str  # the Date header, by the server's clock; empty if absent


class Http(Protocol):
    """Authenticated requests to one API server."""

    def request(self, method: str, path: str, query: dict[str, str], body: Any, kind: str, timeout: float) -> Answer:
        """Send a request once, and return the answer.

        Args:
            kind: the content type of the body; empty without a body.
            timeout: seconds to wait for the answer.

        Raises:
            ApiError: no answer.
        """

    def close(self) -> None:
        """Give back the connections."""


class Api:
    """A connection to the API of one cluster.

    Args:
        patience: seconds of retries, with back-off, if the server is down or busy.
        reopen: reopens a closed tunnel to the server; returns whether it succeeded.
    """

    def __init__(self, http: Http, patience: float, reopen: Callable[[], bool] = lambda: True) -> None:
        self._http = http
        self._patience = patience
        self._reopen = reopen
        self.lost = False  # the tunnel to the server, probably
        self.date = ""  # of the last answer, by the server's clock, as HTTP writes it
        self._listed: dict[Hashable, Future[list[Any]]] = {}
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def unready(self) -> str:
        """Return why the server is not ready; empty if it is."""
        try:
            self._request("GET", "/readyz", {"verbose": "true"})
        except ApiError as error:
            # 401, 403 and 404 come from a ready server that does not show us /readyz
            return str(error) if error.status == 0 or error.status in _BUSY else ""
        return ""

    def get(self, path: str, **query: str) -> Any:
        """Return the object at a path, or ``None`` if there is none.

        Raises:
            CouldNotLook: not allowed, no answer, or not JSON; says which.
        """
        text = self.text(path, **query)
        try:
            return None if text is None else json.loads(text)
        except ValueError:
            raise CouldNotLook(f"GET {path}: not JSON, it begins with {text[:40]!r}" if text else path) from None

    def text(self, path: str, **query: str) -> str | None:
        """Return the text at a path, such as a log; otherwise as :meth:`get`."""
        try:
            return self._request("GET", path, query)
        except ApiError as error:
            if error.status == _ABSENT:
                return None
            raise CouldNotLook(f"GET {path}: {error}") from None

    def begin(self) -> None:
        """Begin a new snapshot: forget earlier listings."""
        self._listed = {}

    def list(self, path: str, prune: Callable[[Object], Any], *, optional: bool = False, **query: str) -> list[Any]:
        """Return each object of a collection, pruned; an empty list for an ``optional`` kind that is not served, for
        example one of a custom resource definition.

        Callers that list the same collection in one snapshot share one listing.

        Raises:
            CouldNotLook: as :meth:`get`.
        """
        mine: Future[list[Any]] = Future()
        listing = self._listed.setdefault((path, prune, *sorted(query.items())), mine)
        if listing is mine:
            try:
                mine.set_result(_pages(self, path, prune, query, optional=optional))
            except Exception as error:  # noqa: BLE001 - raised again for each caller
                mine.set_exception(error)
        return listing.result()

    def write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        kind: str = "application/json",
        dry: bool = False,
        patient: bool = True,
    ) -> Any:
        """Create, patch or delete an object, and return the new object; ``dry`` asks for a server-side dry run.

        Without ``patient`` there are no retries, and the caller handles a busy server.

        Raises:
            ApiError: refused, or no answer.
        """
        query = {} if method == "DELETE" else {"fieldManager": MANAGER}
        if kind == "application/apply-patch+yaml":
            query["force"] = "true"
        if dry:
            query["dryRun"] = "All"
        return json.loads(self._request(method, path, query, body, kind, patient=patient))

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Return the path of an object, or of its collection, by the server's discovery data.

        Raises:
            ChangeFailed: the server serves no such kind.
            CouldNotLook: as :meth:`get`.
        """
        base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if kind not in self._resources.get(api_version, {}):
            served = (self.get(base) or {}).get("resources", [])
            whole = [each for each in served if "/" not in each["name"]]  # not status, scale and the like
            self._resources[api_version] = {each["kind"]: (each["name"], each["namespaced"]) for each in whole}
        try:
            plural, namespaced = self._resources[api_version][kind]
        except KeyError:
            raise ChangeFailed(f"the cluster serves no {kind} of {api_version}") from None
        place = f"/namespaces/{namespace or 'default'}" if namespaced else ""
        return f"{base}{place}/{plural}" + (f"/{name}" if name else "")

    def allowed(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """Return whether the API server would allow us an action; ``pods/log`` names a subresource."""
        resource, _, part = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": part, "namespace": namespace}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self.write("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(answer["status"].get("allowed"))

    def hasty(self) -> Api:
        """Return the same connection without patience, for optional data such as the log on a lost node."""
        return Api(self._http, min(self._patience, _HASTE), self._reopen)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def _request(
        self, method: str, path: str, query: dict[str, str], body: Any = None, kind: str = "", *, patient: bool = True
    ) -> str:
        limit = Patience(self._patience if patient else 0)
        while True:
            try:
                return self._once(method, path, query, body, kind)
            except ApiError as error:
                if not _passing(error) or limit.ended or (error.closed and not self._reopen()):
                    self.lost = error.status == 0
                    raise
            limit.rest()

    def _once(self, method: str, path: str, query: dict[str, str], body: Any, kind: str) -> str:
        answer = self._http.request(method, path, query, body, kind, self._patience)
        self.date = answer.date or self.date
        if answer.status >= 300:
            raise ApiError(answer.status, _message(answer.status, answer.text))
        return answer.text


def _pages(api: Api, path: str, prune: Callable[[Object], Any], query: dict[str, str], *, optional: bool) -> list[Any]:
    found: list[Any] = []
    page: dict[str, str] = {}
    while True:
        answer = api.get(path, limit=str(_PAGE), **query, **page)
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
            if answer is None and optional:
                return found
            raise CouldNotLook(f"GET {path}: {'404: not served' if answer is None else 'not a list of objects'}")
        found += [prune(item) for item in answer["items"]]
        token = answer.get("metadata", {}).get("continue")
        if not token:
            return found
        page = {"continue": token}


def _passing(error: ApiError) -> bool:
    """Whether the error may be transient: a restarting server refuses or resets connections, or is busy."""
    return error.status in _BUSY or (error.status == 0 and "certificate" not in str(error).lower())


def _message(status: int, data: str) -> str:
    """Return the server's message: from its Status object, its failed health checks, or the first line."""
    try:
        said = json.loads(data)
        words = said["message"]
        causes = (cause.get("message", "") for cause in (said.get("details") or {}).get("causes") or ())
        words = "; ".join([words, *(cause for cause in causes if cause not in words)])
    except (ValueError, KeyError, TypeError, AttributeError):
        failing = [line for line in data.splitlines() if line.startswith("[-]")]
        words = "; ".join(failing) or data.strip().partition("\n")[0][:200]
    return f"{status}: {words}"
