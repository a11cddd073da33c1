"""The Kubernetes API: read in pages, written to as our own field manager, waited for while its server restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from trueup.errors import ChangeFailed, CouldNotLook
from trueup.waiting import Patience

Object = dict[str, Any]
MANAGER = "trueup"  # the field manager of all that is written
_PAGE = 500  # objects, as kubectl asks for them
_HASTE = 3.0  # seconds
_BUSY = (429, 500, 502, 503, 504)
_ABSENT = 404


class ApiError(Exception):
    """What the API server, or the way to it, says in place of an answer.

    Args:
        status: 0 where nobody answered.
        closed: there was not even a connection.
    """

    def __init__(self, status: int, message: str, *, closed: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.closed = closed


class Answer(NamedTuple):
    """What the API server answers."""

    status: int
    text: str
    date: str  # by the server's clock, as HTTP writes it; nothing where it does not say


class Http(Protocol):
    """Requests to one API server, as somebody whom it knows."""

    def request(self, method: str, path: str, query: dict[str, str], body: Any, kind: str, timeout: float) -> Answer:
        """Return what the server answers to one request, sent once.

        Args:
            kind: the content type of the body; nothing where there is none.
            timeout: seconds that the server may take.

        Raises:
            ApiError: nobody answered.
        """

    def close(self) -> None:
        """Give back the connections."""


class Api:
    """A connection to the API of one cluster.

    Args:
        patience: seconds for which a server that is away or busy is asked again, with a growing pause.
        reopen: opens our end of the way to the server again where that was closed, and returns whether it could.
    """

    def __init__(self, http: Http, patience: float, reopen: Callable[[], bool] = lambda: True) -> None:
        self._http = http
        self._patience = patience
        self._reopen = reopen
        self.lost = False  # the way to the server, it seems
        self.date = ""  # of the last answer, by the server's clock, as HTTP writes it
        self._listed: dict[Hashable, Future[list[Any]]] = {}
        self._resources: dict[str, dict[str, tuple[str, bool]]] = {}

    def unready(self) -> str:
        """Return why the server is not ready, as it says or as who asked in vain does; nothing where it is."""
        try:
            self._request("GET", "/readyz", {"verbose": "true"})
        except ApiError as error:
            # 401, 403 and 404 are answers too: of a server that keeps this to others
            return str(error) if error.status == 0 or error.status in _BUSY else ""
        return ""

    def get(self, path: str, **query: str) -> Any:
        """Return what is at a path, or ``None`` where nothing is.

        Raises:
            CouldNotLook: not allowed, not answered, or not JSON; says which.
        """
        text = self.text(path, **query)
        try:
            return None if text is None else json.loads(text)
        except ValueError:
            raise CouldNotLook(f"GET {path}: not JSON, it begins with {text[:40]!r}" if text else path) from None

    def text(self, path: str, **query: str) -> str | None:
        """Return what is at a path as text, such as a log; as :meth:`get` otherwise."""
        try:
            return self._request("GET", path, query)
        except ApiError as error:
            if error.status == _ABSENT:
                return None
            raise CouldNotLook(f"GET {path}: {error}") from None

    def begin(self) -> None:
        """Begin a look: what was listed in the one before does not count any more."""
        self._listed = {}

    def list(self, path: str, keep: Callable[[Object], Any], *, optional: bool = False, **query: str) -> list[Any]:
        """Return of each object in a collection what ``keep`` makes of it; nothing for an ``optional`` kind that is not
        served, such as one that a custom resource definition makes.

        Those who ask for the same in one look share one listing.

        Raises:
            CouldNotLook: as :meth:`get`.
        """
        mine: Future[list[Any]] = Future()
        listing = self._listed.setdefault((path, keep, *sorted(query.items())), mine)
        if listing is mine:
            try:
                mine.set_result(_pages(self, path, keep, query, optional=optional))
            except Exception as error:  # noqa: BLE001 - it is raised for each of them
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
        """Create, patch or delete an object and return what becomes of it; ``dry`` only asks the server what would.

        Who is not ``patient`` asks once, and decides himself what a server that is busy means, and when to ask again.

        Raises:
            ApiError: refused, or nobody answered.
        """
        query = {} if method == "DELETE" else {"fieldManager": MANAGER}
        if kind == "application/apply-patch+yaml":
            query["force"] = "true"
        if dry:
            query["dryRun"] = "All"
        return json.loads(self._request(method, path, query, body, kind, patient=patient))

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
        """Return the path of an object, or of the collection that it is in, by what the server says it serves.

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
        """Return whether we may do something, as the API server itself judges it; ``pods/log`` is a part of pods."""
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
        """Return the same connection for what is good to know but not worth a wait, such as the log of a lost node."""
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


def _pages(api: Api, path: str, keep: Callable[[Object], Any], query: dict[str, str], *, optional: bool) -> list[Any]:
    found: list[Any] = []
    page: dict[str, str] = {}
    while True:
        answer = api.get(path, limit=str(_PAGE), **query, **page)
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
            if answer is None and optional:
                return found
            raise CouldNotLook(f"GET {path}: {'404: not served' if answer is None else 'not a list of objects'}")
        found += [keep(item) for item in answer["items"]]
        token = answer.get("metadata", {}).get("continue")
        if not token:
            return found
        page = {"continue": token}


def _passing(error: ApiError) -> bool:
    """Whether it may be otherwise in a moment: a server that restarts refuses, resets, and is busy at first."""
    return error.status in _BUSY or (error.status == 0 and "certificate" not in str(error).lower())


def _message(status: int, data: str) -> str:
    """Return the server's own words: of its Status object, or which of its own checks fail, or the first line."""
    try:
        said = json.loads(data)
        words = said["message"]
        causes = (cause.get("message", "") for cause in (said.get("details") or {}).get("causes") or ())
        words = "; ".join([words, *(cause for cause in causes if cause not in words)])
    except (ValueError, KeyError, TypeError, AttributeError):
        failing = [line for line in data.splitlines() if line.startswith("[-]")]
        words = "; ".join(failing) or data.strip().partition("\n")[0][:200]
    return f"{status}: {words}"
