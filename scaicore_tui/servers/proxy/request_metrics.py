"""Counts the requests of a proxy, for its metrics. Routes are templates: nothing in them comes from a caller."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scaicore_tui.clock import Clock
from scaicore_tui.metrics import OTHER, Counter, Durations, Family, gauge
from scaicore_tui.servers.proxy import request_info

BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class RequestMetrics:
    """The requests so far. `wrap` makes it ASGI middleware."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = 0
        self._requests = Counter(
            "scaicore_proxy_requests_total", "Requests, by route and status.", "route", "method", "status"
        )
        self._durations = Durations(
            "scaicore_proxy_request_duration_seconds", "How long requests took, by route.", BOUNDS_S, "route"
        )
        self._calls = Counter("scaicore_proxy_upstream_calls_total", "Requests sent to the ScaiGrid.", "route")
        self._failures = Counter(
            "scaicore_proxy_upstream_failures_total", "Of these, requests without a complete response.", "route"
        )
        self._shared = Counter(
            "scaicore_proxy_shared_responses_total", "Responses that were fetched for another request.", "route"
        )

    def families(self) -> list[Family]:
        """Return the metrics as they are now."""
        counted = (self._requests, self._durations, self._calls, self._failures, self._shared)
        return [
            *(each.family() for each in counted),
            gauge("scaicore_proxy_requests_open", "Requests that are being answered.", self._open),
        ]

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the application with its requests counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = "none"

            async def observe(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            began_at = self._clock.monotonic()
            self._open += 1
            try:
                await app(scope, receive, observe)
            finally:
                self._open -= 1
                self._count(scope, status, self._clock.monotonic() - began_at)

        return counted

    def _count(self, scope: Scope, status: str, seconds: float) -> None:
        info = request_info.get(scope)
        route = info.route or OTHER
        # An unknown path may come with any method.
        self._requests.add(route, scope["method"] if info.route else OTHER, status)
        self._durations.add(route, seconds=seconds)
        self._calls.add(route, amount=info.upstream_calls)
        self._failures.add(route, amount=info.upstream_failures)
        self._shared.add(route, amount=int(info.is_shared))
