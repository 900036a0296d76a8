"""Explain connection errors to people: the cause and a hint.

Libraries wrap the original error several times, some without its message, so the whole exception chain is searched.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from scaicore_tui.api._httpx import httpx


class Explanation(NamedTuple):
    """Cause of a failure, and what to do about it (may be empty)."""

    message: str
    hint: str = ""


_CLOCK_HINT = "or this machine's clock is wrong"
_UNKNOWN_CA = Explanation("its certificate is from an unknown authority", "ca_file in the profile names one to trust")
_OTHER_HOST = Explanation("its certificate is for another host", "check the URL")
# OpenSSL's certificate verification errors (x509_vfy.h).
_CERTIFICATE_ERRORS = {
    9: Explanation("its certificate is not valid yet", _CLOCK_HINT),
    10: Explanation("its certificate expired", f"it has to be renewed there, {_CLOCK_HINT}"),
    18: _UNKNOWN_CA,
    19: _UNKNOWN_CA,
    20: _UNKNOWN_CA,
    21: _UNKNOWN_CA,
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL)
_NO_DNS = (socket.EAI_AGAIN, socket.EAI_FAIL)


def explain(error: Exception) -> Explanation:
    """Return the explanation of an error that a request raised."""
    found = (_cause(link) for link in _chain(error))
    return next((cause for cause in found if cause is not None), Explanation(str(error) or type(error).__name__))


def _chain(error: BaseException | None, depth: int = 0) -> Iterator[BaseException]:
    """Yield the exception chain, innermost cause first."""
    if error is None or depth > 12:
        return
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _chain(inner, depth + 1)
    yield from _chain(error.__cause__ or error.__context__, depth + 1)
    yield error


def _cause(error: BaseException) -> Explanation | None:
    """Return the explanation of this error alone; None if it is only a wrapper or has no information."""
    if isinstance(error, socket.gaierror):
        return _dns_error(error)
    if isinstance(error, ssl.SSLError):
        return _tls_error(error)
    if isinstance(error, ConnectionRefusedError):
        return Explanation("refused: nothing listens there", "check that it runs, and the URL")
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return Explanation("no network route to it", "check this machine's network")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return Explanation("the connection was reset")
    return _httpx_error(error)


def _dns_error(error: socket.gaierror) -> Explanation:
    if error.errno in _NO_DNS:
        return Explanation("its name cannot be resolved", "check this machine's network")
    return Explanation("no such host", "check the URL")


def _tls_error(error: ssl.SSLError) -> Explanation:
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = Explanation(f"its certificate is not trusted: {error.verify_message}")
        return _CERTIFICATE_ERRORS.get(error.verify_code, unknown)
    reason = (error.reason or "").replace("_", " ").lower()
    return Explanation(
        f"TLS failed: {reason or 'the handshake ended early'}", "check the URL: https or http, and the port"
    )


def _httpx_error(error: BaseException) -> Explanation | None:
    if isinstance(error, httpx.ConnectTimeout):
        return Explanation("no connection in time")
    if isinstance(error, httpx.PoolTimeout):
        return Explanation("too many requests at once")
    if isinstance(error, httpx.TimeoutException):
        return Explanation("no answer in time")
    if isinstance(error, httpx.ProxyError):
        return Explanation(f"the proxy refused: {error}", "check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, httpx.RemoteProtocolError):
        return _protocol_error(str(error))
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.CloseError) and not str(error):
        return Explanation("the connection was reset")
    return None


def _protocol_error(message: str) -> Explanation:
    """Explain a protocol error by the message of h11 or httpcore."""
    if message.startswith("peer closed connection"):
        return Explanation("the answer broke off in the middle")
    if message.startswith("Server disconnected"):
        return Explanation("it closed the connection without a response")
    if message.startswith("Receive buffer too long"):
        return Explanation("its headers are too long")
    return Explanation(f"the response is not HTTP: {message}", "check the URL and the port")
