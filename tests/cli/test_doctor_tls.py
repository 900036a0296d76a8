"""The TLS check of `doctor` on real connections."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.cli.commands.doctor.finding import CheckStatus
from scaicore_tui.cli.commands.doctor.local import tls_finding
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import Target
from scaicore_tui.errors import ConfigError
from tests.support.fault_server import CertificateAuthority, fault_server
from tests.support.manual_clock import ManualClock

pytestmark = pytest.mark.usefixtures("no_documented_limit")


@pytest.mark.parametrize(
    ("certificate", "text"),
    [
        ("expired", "its certificate expired"),
        ("other", "its certificate is for another host"),
        ("unknown", "its certificate is from an unknown authority"),
    ],
)
async def test_an_invalid_certificate_fails_with_its_reason(tmp_path: Path, certificate: str, text: str) -> None:
    authority = CertificateAuthority()
    async with fault_server(authority) as server:
        assert server.tls is not None
        authority.use_certificate(server.tls, certificate)
        target = Target(url=server.url, ca_file=authority.write(tmp_path / "ca.pem"))
        finding = await tls_finding(target, SystemClock())
    assert (finding.status, finding.code) == (CheckStatus.FAILED, 3)
    assert text in finding.message
    assert finding.fix


async def test_a_valid_certificate_passes_and_warns_before_it_expires(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    async with fault_server(authority) as server:
        target = Target(url=server.url, ca_file=authority.write(tmp_path / "ca.pem"))
        finding = await tls_finding(target, SystemClock())
        near_expiry = ManualClock(SystemClock().now() + (finding.facts["days_left"] - 3) * 86_400)
        expiring = await tls_finding(target, near_expiry)
        untrusted = await tls_finding(replace(target, ca_file=None), SystemClock())
    assert (finding.status, finding.facts["version"]) == (CheckStatus.OK, "TLSv1.3")
    assert (expiring.status, expiring.facts["days_left"]) == (CheckStatus.WARNING, 3)
    assert f"trusted by ca_file {target.ca_file}" in finding.message
    assert "unknown authority · checked against " in untrusted.message


async def test_a_connection_without_tls_passes_only_for_http(tmp_path: Path) -> None:
    async with fault_server() as server:
        plain = await tls_finding(Target(url=server.url), SystemClock())
        broken = await tls_finding(Target(url=server.url.replace("http:", "https:")), SystemClock())
    assert plain.status is CheckStatus.OK
    assert (broken.status, broken.code) == (CheckStatus.FAILED, 3)
    with pytest.raises(ConfigError):
        await tls_finding(Target(url="https://127.0.0.1:1", ca_file=tmp_path / "none"), SystemClock())
