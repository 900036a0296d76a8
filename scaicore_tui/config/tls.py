"""Build the TLS context. Only this module reads `SSL_CERT_FILE`, `SSL_CERT_DIR` and `SSLKEYLOGFILE`."""

from __future__ import annotations

import errno
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from scaicore_tui.errors import ConfigError

CERT_FILE, CERT_DIR, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
CA_FILE = "ca_file"
_PEM = "the file must hold certificates in PEM format"
# Names of certificate files in a folder, as made by `openssl rehash`.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


def client_context(ca_file: Path | None = None, env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return the TLS context of a client; it trusts only `ca_file`, else the environment's CAs, else the default ones.

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
    import httpx  # imported late, as it is slow to load

    try:
        return httpx.create_ssl_context(trust_env=False)
    except (OSError, ValueError) as error:
        raise _unusable("the system's TLS settings", _reason(error), f"check {KEY_LOG} and OPENSSL_CONF") from error


def trust_store_label(ca_file: Path | None, env: Mapping[str, str] = os.environ) -> str:
    """Return where the trusted CAs come from, for people; empty for the default ones."""
    if ca_file is not None:
        return f"{CA_FILE} {ca_file}"
    variable = next((name for name in (CERT_FILE, CERT_DIR) if env.get(name)), None)
    return f"{variable} {env[variable]}" if variable else ""


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
            found = found or any(_HASHED.fullmatch(path.name) for path in Path(folder).iterdir())
        except (OSError, ValueError) as error:
            raise _unusable(f"{CERT_DIR} {folder}", _reason(error), hint) from error
    if not found:
        raise _unusable(f"{CERT_DIR} {text}", "no certificate in it", hint)
    return ssl.create_default_context(capath=text)


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
