"""A client that tells more of an answer than what is in it: for whoever looks what is wrong with the way to an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from scaicore_tui.api import response_body
from scaicore_tui.api import transport as http
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import Secret


class Reply(Struct, frozen=True):
    """What came of one request: `status` is None, and there are no headers, where there was no answer; `error` is what
    it amounts to, where that is a no. It took so many seconds, and `at` is the middle of them, in seconds since 1970.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    duration_s: float
    midpoint: float
    error: ScaicoreError | None = None


class Probe(Client):
    """Asks for whatever it is told to. Only reads."""

    async def authenticate(self) -> Secret | None:
        """Send a token from here on; return it, or None if none is configured. Raises as `TokenProvider.token`."""
        return await self._set_token()

    async def get(self, url: str, **params: Any) -> Reply:
        """What comes of a GET. Raises nothing that the answer, or its absence, amounts to."""
        reply = await self._once(url, params)
        return await self._once(url, params) if isinstance(reply.error, http.StaleConnection) else reply

    async def _once(self, url: str, params: dict[str, Any]) -> Reply:
        said = _PartialReply()
        async with self.budget.slot(Priority.HEAD) as slot:
            self.requests += 1
            began, began_at = self._clock.monotonic(), self._clock.now()

            def heard(status: int, headers: Mapping[str, str]) -> float:
                said.status, said.headers, said.duration_s = status, headers, self._clock.monotonic() - began
                return slot.on_response(status, headers)

            try:
                said.body = await http.get(self._http, url, params, heard, response_body.read_body)
            except ScaicoreError as error:
                said.error = error
        return Reply(said.status, said.headers, said.body, said.duration_s, began_at + said.duration_s / 2, said.error)


class _PartialReply(Struct):
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    duration_s: float = 0.0
    error: ScaicoreError | None = None
