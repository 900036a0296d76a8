"""Trust settings: certificate files and folders, the key log, and errors in them."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

import httpx
import pytest

from scaicore_tui.cli.commands.doctor.finding import CheckStatus
from scaicore_tui.cli.commands.doctor.local import tls_finding
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import Target
from scaicore_tui.config.network import network_options
from scaicore_tui.config.tls import client_context, trust_store_label
from scaicore_tui.errors import ConfigError
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.support.fault_server import CertificateAuthority, fault_server


def test_only_the_certificates_of_ssl_cert_file_are_trusted(tmp_path: Path) -> None:
    path = CertificateAuthority().write(tmp_path / "ca.pem")
    context = client_context(env={"SSL_CERT_FILE": str(path), "SSL_CERT_DIR": "/nowhere"})
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert trust_store_label(None, {"SSL_CERT_FILE": str(path)}) == f"SSL_CERT_FILE {path}"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"])
def test_an_empty_variable_counts_as_unset(name: str) -> None:
    assert client_context(env={name: ""}).cert_store_stats()["x509_ca"] > 1


@pytest.fixture
def system_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operating system that trusts nobody yet. Returns the file of its CAs, which does not exist."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr("truststore._openssl._CA_FILE_CANDIDATES", [str(tmp_path / "system.pem")])
    nothing = ssl.DefaultVerifyPaths("", "", "", "", "", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    return tmp_path / "system.pem"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system does not keep its CAs in a file")
def test_what_the_operating_system_trusts_is_trusted_and_nothing_else(system_store: Path, tmp_path: Path) -> None:
    CertificateAuthority().write(system_store)
    assert client_context(env={}).cert_store_stats()["x509_ca"] == 1
    assert trust_store_label(None, {}) == "the CAs of the operating system"
    other = CertificateAuthority().write(tmp_path / "other.pem")
    trusted = client_context(other, env={}).get_ca_certs(binary_form=True)
    assert trusted == [ssl.PEM_cert_to_DER_cert(other.read_text())]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system does not keep its CAs in a file")
async def test_a_server_with_a_certificate_of_the_system_s_ca_is_trusted(system_store: Path) -> None:
    authority = CertificateAuthority()
    authority.write(system_store)
    async with fault_server(authority) as server:
        finding = await tls_finding(Target(url=server.url), SystemClock())
        async with httpx.AsyncClient(**network_options(server.url)) as client:
            assert (await client.get(server.url)).status_code < 500
    assert finding.status is CheckStatus.OK
    assert "trusted by the CAs of the operating system" in finding.message


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system does not keep its CAs in a file")
def test_without_cas_of_the_system_those_of_certifi_are_trusted(system_store: Path) -> None:
    assert not system_store.exists()
    assert client_context(env={}).cert_store_stats()["x509_ca"] > 50
    assert trust_store_label(None, {}) == "the CAs of certifi, as this system has none"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system does not keep its CAs in a file")
def test_the_system_s_cas_are_loaded_once_and_not_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    context = client_context(env={})
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: pytest.fail("loaded again"))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.com")


def test_the_keys_of_connections_go_to_the_key_log_file(tmp_path: Path) -> None:
    assert client_context(env={"SSLKEYLOGFILE": str(tmp_path / "keys")}).keylog_filename == str(tmp_path / "keys")


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
