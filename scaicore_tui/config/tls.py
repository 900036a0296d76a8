"""Whose certificates are believed: the one place that reads `SSL_CERT_FILE`, `SSL_CERT_DIR` and `SSLKEYLOGFILE`."""

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
_PEM = "it should hold certificates, as PEM"
# How OpenSSL names certificates in a folder.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


def client_context(ca_file: Path | None = None, env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """TLS for a client that believes the authorities in `ca_file` and no others; without one those of the environment,
    or the usual ones.

    Raises ConfigError, which names the variable and the file that can't be used.
    """
    _check_key_log(env.get(KEY_LOG, ""))
    if ca_file is not None:
        return _of_file(CA_FILE, ca_file)
    if file := env.get(CERT_FILE):
        return _of_file(CERT_FILE, Path(file))
    if folder := env.get(CERT_DIR):
        return _of_folder(folder)
    import httpx  # slow to load, and loaded by all who get here

    try:
        return httpx.create_ssl_context(trust_env=False)
    except (OSError, ValueError) as error:
        raise _unusable("the system's TLS", _reason(error), f"look at {KEY_LOG} and OPENSSL_CONF") from error


def trust_store_label(ca_file: Path | None, env: Mapping[str, str] = os.environ) -> str:
    """What names the authorities that are believed; empty where those are the usual ones."""
    if ca_file is not None:
        return f"{CA_FILE} {ca_file}"
    variable = next((name for name in (CERT_FILE, CERT_DIR) if env.get(name)), None)
    return f"{variable} {env[variable]}" if variable else ""


def _of_file(name: str, path: Path) -> ssl.SSLContext:
    hint = _PEM if name == CA_FILE else f"{_PEM}; or unset {name}"
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file")  # noqa: TRY301  (told as what the system says)
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ValueError) as error:
        raise _unusable(f"{name} {path}", _reason(error), hint) from error


def _of_folder(text: str) -> ssl.SSLContext:
    """Those in the folders that `SSL_CERT_DIR` lists."""
    hint = f"it should hold certificates as `openssl rehash` names them; or unset {CERT_DIR}"
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
    """Raise ConfigError where TLS would fail to write the keys of its connections, as a person asked it to."""
    if not text:
        return
    # Python opens it by itself, without a limit in time: a pipe without a reader would hold up everything.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
    try:
        os.close(os.open(text, flags, 0o600))
    except (OSError, ValueError) as error:
        raise _unusable(
            f"{KEY_LOG} {text}", _reason(error), f"a file that can be written; or unset {KEY_LOG}"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "no certificate in it"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _unusable(named: str, reason: str, hint: str) -> ConfigError:
    return ConfigError(f"{named}: {reason}", hint=hint)
