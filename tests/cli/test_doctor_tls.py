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
    ("what", "words"),
    [
        ("expired", "its certificate expired"),
        ("other", "its certificate is for another host"),
        ("unknown", "its certificate is from an unknown authority"),
    ],
)
async def test_a_certificate_that_is_not_believed(tmp_path: Path, what: str, words: str) -> None:
    authority = CertificateAuthority()
    async with fault_server(authority) as server:
        assert server.tls is not None
        authority.use_certificate(server.tls, what)
        target = Target(url=server.url, ca_file=authority.write(tmp_path / "ca.pem"))
        finding = await tls_finding(target, SystemClock())
    assert (finding.status, finding.code) == (CheckStatus.FAILED, 3)
    assert words in finding.message
    assert finding.fix


async def test_a_certificate_that_is_believed(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    async with fault_server(authority) as server:
        target = Target(url=server.url, ca_file=authority.write(tmp_path / "ca.pem"))
        finding = await tls_finding(target, SystemClock())
        late = ManualClock(SystemClock().now() + (finding.facts["days_left"] - 3) * 86_400)
        soon = await tls_finding(target, late)
        stranger = await tls_finding(replace(target, ca_file=None), SystemClock())
    assert (finding.status, finding.facts["version"]) == (CheckStatus.OK, "TLSv1.3")
    assert (soon.status, soon.facts["days_left"]) == (CheckStatus.WARNING, 3)
    assert "unknown authority" in stranger.message


async def test_no_tls(tmp_path: Path) -> None:
    async with fault_server() as server:
        plain = await tls_finding(Target(url=server.url), SystemClock())
        broken = await tls_finding(Target(url=server.url.replace("http:", "https:")), SystemClock())
    assert plain.status is CheckStatus.OK
    assert (broken.status, broken.code) == (CheckStatus.FAILED, 3)
    with pytest.raises(ConfigError):
        await tls_finding(Target(url="https://127.0.0.1:1", ca_file=tmp_path / "none"), SystemClock())
