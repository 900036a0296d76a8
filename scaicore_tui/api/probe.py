"""Client for diagnosis: returns status, headers, body and timing of each response, also of failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from scaicore_tui.api import response_body
from scaicore_tui.api import transport as http
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.request_log import logged_slot
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import Secret


class Reply(Struct, frozen=True):
    """Result of one request. Without a response, `status` is None and `headers` is empty.

    `error` is the failure, if any. `midpoint` is the middle of the request's duration, in Unix seconds.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    duration_s: float
    midpoint: float
    error: ScaicoreError | None = None


class Probe(Client):
    """Client that can GET any URL. Never writes."""

    async def authenticate(self) -> Secret | None:
        """Send the configured token with later requests; return it, or None. Raises as `TokenProvider.token`."""
        return await self._set_token()

    async def get(self, url: str, **params: Any) -> Reply:
        """GET `url`, again once if a pooled connection was stale. A failure is in the reply and is not raised."""
        reply = await self._once(url, params)
        return await self._once(url, params) if isinstance(reply.error, http.StaleConnection) else reply

    async def _once(self, url: str, params: dict[str, Any]) -> Reply:
        partial = _PartialReply()
        async with logged_slot(self.budget, self._clock, "GET", url, Priority.HEAD) as slot:
            self.requests += 1
            began, began_at = self._clock.monotonic(), self._clock.now()

            def on_response(status: int, headers: Mapping[str, str]) -> float:
                partial.status, partial.headers, partial.duration_s = status, headers, self._clock.monotonic() - began
                return slot.on_response(status, headers)

            try:
                partial.body = await http.get(self._http, url, params, on_response, response_body.read_body)
            except ScaicoreError as error:
                partial.error = error
        return Reply(
            partial.status,
            partial.headers,
            partial.body,
            partial.duration_s,
            began_at + partial.duration_s / 2,
            partial.error,
        )


class _PartialReply(Struct):
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    duration_s: float = 0.0
    error: ScaicoreError | None = None
