"""Sends spans with the SDK's exporter for OTLP over HTTP, and says in words what the receiver answered.

The exporter encodes, compresses, authenticates and retries, all as the variables OTEL_EXPORTER_OTLP_* say. It does not
return why it failed, so the session that it is given observes the last answer.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests
from msgspec import Struct
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.export import SpanExportResult

from scaicore_tui.errors import UsageError
from scaicore_tui.export.trace.spans import Attributes, Span
from scaicore_tui.log import Log
from scaicore_tui.secrets import Secret
from scaicore_tui.telemetry.sdk_spans import make_resource, sdk_spans

# Stands for the address that the environment names.
FROM_ENVIRONMENT = "env"
TRACES_PATH = "/v1/traces"
# About 2 MB: collectors refuse larger requests than they are configured for.
MAX_SPANS_PER_REQUEST = 2_000
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_HTTP_PROTOBUF = "http/protobuf"
_HTML = "text/html"
# Answers by which only these spans are refused: they are not sent again. Others are about the address, the credential
# or the state of the receiver.
_FINAL = {400, 411, 413, 415, 422}
_HINTS = {
    401: "check OTEL_EXPORTER_OTLP_HEADERS",
    403: "check OTEL_EXPORTER_OTLP_HEADERS",
    404: "check the address",
    405: "check the address",
}
_log = Log(__name__)


class SendResult(Struct, frozen=True):
    """The outcome for the spans of one run.

    Attributes:
        accepted, refused: numbers of spans. If the run is to be sent again, both are 0.
        problem: what went wrong, in words; empty if nothing did.
        is_final: sending the run again would change nothing.
    """

    accepted: int = 0
    refused: int = 0
    problem: str = ""
    is_final: bool = True


class TraceSender:
    """Sends to one receiver. `send` blocks; call it from one thread. Raises UsageError for an unusable address."""

    def __init__(self, address: str, attributes: Attributes) -> None:
        """`address` is that of the receiver, with or without `/v1/traces`, or FROM_ENVIRONMENT."""
        _silence_sdk()
        _protect_headers()
        endpoint = None if address == FROM_ENVIRONMENT else _endpoint(address)
        if endpoint is None:
            _require_http_protobuf()
        self._is_closed = False
        self._session = _ObservedSession()
        try:
            self._exporter = OTLPSpanExporter(endpoint, session=self._session)
        except (ValueError, OSError) as error:
            raise UsageError("the OTEL_EXPORTER_OTLP_* variables cannot be used", effect="nothing was sent") from error
        url = endpoint or _environment_endpoint()
        self._resource = make_resource(attributes)
        self.host = _shown(urlsplit(url))
        self.receiver = sha256(url.encode("utf-8", "replace")).hexdigest()[:16]

    def send(self, spans: Sequence[Span]) -> SendResult:
        """Send the spans of one run, in several requests if there are very many. The SDK retries for some seconds."""
        accepted = refused = 0
        problem = ""
        for begin in range(0, len(spans), MAX_SPANS_PER_REQUEST):
            part = spans[begin : begin + MAX_SPANS_PER_REQUEST]
            result = self._send_part(part)
            if not result.is_final:
                return result
            accepted, refused = accepted + result.accepted, refused + result.refused
            problem = problem or result.problem
        return SendResult(accepted, refused, problem)

    def close(self) -> None:
        """End a wait for the next attempt, and close the connections. Nothing can be sent afterwards."""
        if not self._is_closed:
            self._is_closed = True
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _send_part(self, spans: Sequence[Span]) -> SendResult:
        self._session.forget()
        if self._is_closed:
            return SendResult(problem="was not asked any more", is_final=False)
        result = self._exporter.export(sdk_spans(spans, self._resource))
        answer, error = self._session.answer, self._session.error
        if answer is None:
            if error is None and result is not SpanExportResult.SUCCESS:
                return SendResult(refused=len(spans), problem="cannot be encoded for OTLP, or are too large")
            return SendResult(problem=f"cannot be reached: {_reason(error)}", is_final=False)
        _log.info("spans sent", spans=len(spans), status=answer.status_code)
        return _judge(answer, len(spans))


class _ObservedSession(requests.Session):
    """A session that keeps the last answer, or why there is none. It follows no redirect: that could lose the spans."""

    def __init__(self) -> None:
        super().__init__()
        # Without this, requests would send what ~/.netrc has for the host, in place of the configured headers.
        self.auth = lambda request: request
        self.answer: requests.Response | None = None
        self.error: Exception | None = None

    def forget(self) -> None:
        """Forget the last answer."""
        self.answer = self.error = None

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return the settings of a request. OTEL_EXPORTER_OTLP_CERTIFICATE goes before REQUESTS_CA_BUNDLE."""
        is_configured = verify is None and self.verify is not True
        return super().merge_environment_settings(url, proxies, stream, self.verify if is_configured else verify, cert)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, as the base class does."""
        self.forget()
        try:
            self.answer = super().send(request, **{**options, "allow_redirects": False})
        except (requests.RequestException, OSError) as error:
            self.error = error
            raise
        return self.answer


def _judge(answer: requests.Response, count: int) -> SendResult:
    """Return the outcome for `count` spans by the answer to them."""
    status = answer.status_code
    if status // 100 == 2:
        if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() == _HTML:
            return SendResult(problem="answered with a web page: check the address", is_final=False)
        refused = min(count, _refused_count(answer))
        return SendResult(count - refused, refused, f"refused {refused:,} of {count:,} spans" if refused else "")
    if status in _FINAL:
        return SendResult(refused=count, problem=f"refused the spans of a run (HTTP {status})")
    if status // 100 == 3:
        return SendResult(problem=f"redirects to another address (HTTP {status}): check the address", is_final=False)
    hint = f": {_HINTS[status]}" if status in _HINTS else ""
    return SendResult(problem=f"answered HTTP {status}{hint}", is_final=False)


def _refused_count(answer: requests.Response) -> int:
    """Return the number of spans that the receiver says it refused, although it accepted the request."""
    message = ExportTraceServiceResponse()
    try:
        message.ParseFromString(answer.content)
    except Exception:  # noqa: BLE001  (an answer in another form, such as JSON: it was accepted)
        return 0
    return max(0, int(message.partial_success.rejected_spans))


def _reason(error: Exception | None) -> str:
    """Return why there was no answer, in words of ours: the library's have addresses and data."""
    reasons: list[tuple[type[Exception], str]] = [
        (requests.exceptions.SSLError, "its certificate is not trusted"),
        (requests.exceptions.ProxyError, "the proxy refuses"),
        (requests.exceptions.Timeout, "no answer in time"),
        (requests.exceptions.InvalidURL, "the address is not valid"),
        (requests.exceptions.ConnectionError, "no connection"),
    ]
    return next((text for kind, text in reasons if isinstance(error, kind)), "the request failed")


def _endpoint(address: str) -> str:
    """Return the full address for an option, which may leave out the path. Raises UsageError."""
    parts = _split(address)
    if parts is None:
        raise UsageError(
            "--otlp takes the http or https address of a receiver, or env",
            effect="nothing was sent",
            hint="such as http://localhost:4318; with env, OTEL_EXPORTER_OTLP_ENDPOINT says it",
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "--otlp takes no credentials in the address",
            effect="nothing was sent",
            hint="set OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Basic%20…",
        )
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/traces") else f"{path}{TRACES_PATH}").geturl()


def _split(address: str) -> SplitResult | None:
    """Return the parts of an HTTP address; None if it is not one."""
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable else None


def _environment_endpoint() -> str:
    """Return the address that the SDK's exporter takes from the environment."""
    if traces := os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return traces
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    return base.removesuffix("/") + TRACES_PATH


def _require_http_protobuf() -> None:
    """Raise UsageError if the environment asks for another protocol, as its address is for that one."""
    named = next((value for name in _PROTOCOLS if (value := os.environ.get(name))), _HTTP_PROTOBUF)
    if named != _HTTP_PROTOBUF:
        raise UsageError(
            "OTEL_EXPORTER_OTLP_PROTOCOL asks for another protocol than http/protobuf",
            effect="nothing was sent",
            hint="name the receiver's HTTP address: --otlp http://HOST:4318",
        )


def _protect_headers() -> None:
    """Make the values of the configured headers secrets, which no message or log shows."""
    for value in _header_values():
        Secret(value)


def _header_values() -> Iterator[str]:
    for name in _HEADERS:
        for pair in os.environ.get(name, "").split(","):
            _, _, value = pair.partition("=")
            yield from (value.strip(), *unquote(value).split())


def _shown(parts: SplitResult) -> str:
    """Return the host and port of an address, without what may be secret."""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.hostname or 'the receiver'}{port}"


def _silence_sdk() -> None:
    """Keep the SDK's messages from standard error and the log: they quote addresses and answers. Ours replace them."""
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
