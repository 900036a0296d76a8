"""Build the TLS context. Only this module reads `SSL_CERT_FILE`, `SSL_CERT_DIR` and `SSLKEYLOGFILE`.

Certificates are checked against the operating system's trust store, by `truststore`: what an administrator added there
is trusted. On macOS and Windows, the system does the check after each handshake, and may ask the network meanwhile.
Where the system has no CAs, as in small containers, those of `certifi` are used, which httpx brings.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from scaicore_tui.errors import ConfigError

CERT_FILE, CERT_DIR, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
CA_FILE = "ca_file"
_PEM = "the file must hold certificates in PEM format"
# Names of certificate files in a folder, as made by `openssl rehash`.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_SYSTEM_STORE = "the CAs of the operating system"
_CERTIFI_STORE = "the CAs of certifi, as this system has none"


def client_context(ca_file: Path | None = None, env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return the TLS context of a client; it trusts only `ca_file`, else the environment's CAs, else the system's.

    Raises:
        ConfigError: a file cannot be used; the message names it and its variable.
    """
    _check_key_log(env.get(KEY_LOG, ""))
    if ca_file is not None:
        return _trust_file(CA_FILE, ca_file)
    if file := env.get(CERT_FILE):
        return _trust_file(CERT_FILE, Path(file))
    if folder := env.get(CERT_DIR):
        return _trust_folders(folder)
    try:
        return _system_context(env.get(KEY_LOG, "")) or _certifi_context()
    except (OSError, ValueError) as error:
        raise _unusable("the system's TLS settings", _reason(error), f"check {KEY_LOG} and OPENSSL_CONF") from error


def trust_store_label(ca_file: Path | None, env: Mapping[str, str] = os.environ) -> str:
    """Return where the trusted CAs come from, for people. Loads the system's, which takes a moment."""
    if ca_file is not None:
        return f"{CA_FILE} {ca_file}"
    variable = next((name for name in (CERT_FILE, CERT_DIR) if env.get(name)), None)
    if variable:
        return f"{variable} {env[variable]}"
    return _SYSTEM_STORE if _system_context() else _CERTIFI_STORE


def _system_context(key_log: str = "") -> ssl.SSLContext | None:
    """Return a context that trusts the operating system's CAs; None if it has none."""
    import truststore  # imported late, as plain HTTP does not need it

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform not in ("win32", "darwin"):
        # The context inside, which has loaded the CAs now. truststore would load them again for each connection, which
        # takes 25 ms of the event loop.
        context = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost").context
        if not context.cert_store_stats()["x509_ca"] and not _is_hashed(ssl.get_default_verify_paths().capath):
            return None
    if key_log:
        context.keylog_filename = key_log
    return context


def _certifi_context() -> ssl.SSLContext:
    import httpx  # imported late, as it is slow to load

    return httpx.create_ssl_context(trust_env=False)


def _trust_file(name: str, path: Path) -> ssl.SSLContext:
    hint = _PEM if name == CA_FILE else f"{_PEM}; or unset {name}"
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "not a regular file")  # noqa: TRY301  (reported like an error of the system)
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ValueError) as error:
        raise _unusable(f"{name} {path}", _reason(error), hint) from error


def _trust_folders(text: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates in the folders of `SSL_CERT_DIR`."""
    hint = f"run `openssl rehash` in the folder; or unset {CERT_DIR}"
    found = False
    for folder in filter(None, text.split(os.pathsep)):
        try:
            found = found or _is_hashed(folder)
        except (OSError, ValueError) as error:
            raise _unusable(f"{CERT_DIR} {folder}", _reason(error), hint) from error
    if not found:
        raise _unusable(f"{CERT_DIR} {text}", "no certificate in it", hint)
    return ssl.create_default_context(capath=text)


def _is_hashed(folder: str | None) -> bool:
    """Return whether OpenSSL finds certificates in that folder. Raises OSError."""
    return bool(folder) and any(_HASHED.fullmatch(path.name) for path in Path(folder or "").iterdir())


def _check_key_log(text: str) -> None:
    """Raise ConfigError if TLS could not write to the key log file that `SSLKEYLOGFILE` sets."""
    if not text:
        return
    # Python opens the file by itself and would block on a pipe without a reader.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
    try:
        os.close(os.open(text, flags, 0o600))
    except (OSError, ValueError) as error:
        raise _unusable(
            f"{KEY_LOG} {text}", _reason(error), f"use a file that can be written; or unset {KEY_LOG}"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "no certificate in it"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _unusable(what: str, reason: str, hint: str) -> ConfigError:
    return ConfigError(f"{what}: {reason}", hint=hint)
