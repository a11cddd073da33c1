"""Requests to the API server by Kubernetes' own client, which supports every authentication of a kubeconfig."""

from __future__ import annotations

from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError, NewConnectionError

from trueup.kubeapi.client import Answer, ApiError

_CONNECT = 10  # seconds


class ClientHttp:
    """See :class:`trueup.kubeapi.client.Http`."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def request(self, method: str, path: str, query: dict[str, str], body: Any, kind: str, timeout: float) -> Answer:
        """See :class:`trueup.kubeapi.client.Http`."""
        headers = {"Accept": "application/json, */*"} | ({"Content-Type": kind} if kind else {})
        request = self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            answer = self._client.call_api(*request, _request_timeout=(_CONNECT, timeout))
            text = answer.read().decode(errors="replace")
        except HTTPError as error:
            raise ApiError(0, _words(error), closed=isinstance(error, NewConnectionError)) from None
        except ApiException as error:
            raise ApiError(0, " ".join(str(error.reason).split())) from None
        return Answer(answer.status, text, answer.headers.get("Date", ""))

    def close(self) -> None:
        """See :class:`trueup.kubeapi.client.Http`."""
        self._client.close()


def _words(error: HTTPError) -> str:
    """Return the innermost reason, since urllib3 nests its errors."""
    reason: Any = error
    while (inner := getattr(reason, "reason", None)) is not None and not isinstance(inner, str):
        reason = inner
    return " ".join(str(reason).split()).rpartition(">: ")[2]
