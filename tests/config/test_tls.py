"""Trust settings: certificate files and folders, the key log, and errors in them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from scaicore_tui.config.tls import client_context, trust_store_label
from scaicore_tui.errors import ConfigError
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.support.fault_server import CertificateAuthority


def test_only_the_certificates_of_ssl_cert_file_are_trusted(tmp_path: Path) -> None:
    path = CertificateAuthority().write(tmp_path / "ca.pem")
    context = client_context(env={"SSL_CERT_FILE": str(path), "SSL_CERT_DIR": "/nowhere"})
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert trust_store_label(None, {"SSL_CERT_FILE": str(path)}) == f"SSL_CERT_FILE {path}"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
def test_an_empty_variable_counts_as_unset(name: str) -> None:
    assert client_context(env={name: ""}).cert_store_stats()["x509_ca"] > 1


@pytest.mark.parametrize(
    ("name", "file", "reason"),
    [
        ("SSL_CERT_FILE", "none", "No such file"),
        ("SSL_CERT_FILE", "empty", "no certificate in it"),
        ("SSL_CERT_FILE", "text", "no certificate in it"),
        ("SSL_CERT_FILE", "folder", "not a regular file"),
        ("SSL_CERT_FILE", "pipe", "not a regular file"),
        ("SSL_CERT_FILE", "a\0b", "null byte"),
        ("SSL_CERT_DIR", "none", "No such file"),
        ("SSL_CERT_DIR", "folder", "no certificate in it"),
        ("SSL_CERT_DIR", "text", "Not a directory"),
        ("SSLKEYLOGFILE", "none/keys", "No such file"),
        ("SSLKEYLOGFILE", "folder", "Is a directory"),
        ("SSLKEYLOGFILE", "pipe", "No such device"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
def test_an_unusable_file_is_named_with_its_variable(name: str, file: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no PEM")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=rf"{name} .*{tmp_path.name}.*: .*{reason}") as raised:
        client_context(env={name: str(tmp_path / file)})
    assert raised.value.hint.endswith(f"unset {name}")


def test_a_folder_of_hashed_certificates_is_accepted(tmp_path: Path) -> None:
    CertificateAuthority().write(tmp_path / "0a1b2c3d.0")
    assert client_context(env={"SSL_CERT_DIR": str(tmp_path)}).verify_mode is ssl.CERT_REQUIRED


def test_the_proxy_reads_certificates_only_where_it_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca")
    build_proxy(ProxyConfig("http://127.0.0.1:1"))
    with pytest.raises(ConfigError, match="SSL_CERT_FILE /nowhere/ca: No such file"):
        build_proxy(ProxyConfig("HTTPS://grid.example.com"))
