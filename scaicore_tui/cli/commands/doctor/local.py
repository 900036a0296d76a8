"""Check what is on this machine: configuration, journal, terminal and driver, TLS, environment variables."""

from __future__ import annotations

import asyncio
import os
import re
import select
import shutil
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scaicore_tui.api.explain import explain
from scaicore_tui.api.transport import CONNECT_TIMEOUT_S
from scaicore_tui.cli.app_environment import ignored_variables
from scaicore_tui.cli.commands.config import find_all_problems
from scaicore_tui.cli.commands.doctor.finding import Finding, failed, ok, unknown, warning
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output.streams import can_encode_glyphs
from scaicore_tui.clock import Clock
from scaicore_tui.config import Settings, Target, config_file
from scaicore_tui.config.files import is_present
from scaicore_tui.config.network import ssl_context_for
from scaicore_tui.config.proxies import NO_PROXY, invalid_no_proxy_entries, proxy_label
from scaicore_tui.config.tls import KEY_LOG, trust_store_label
from scaicore_tui.errors import ConfigError, ScaicoreError, StorageError, Unreachable
from scaicore_tui.lock import Lock
from scaicore_tui.store import Journal
from scaicore_tui.text import one_line

# The check of a large journal stops after this time.
QUICK_CHECK_TIMEOUT_S = 3.0
_PROGRESS_STEPS = 10_000
_OTHERS_MODE = 0o077


def config_finding(common: Common, settings: Settings | None) -> Finding:
    """Check the configuration file and all settings."""
    path = config_file()
    facts = {"file": str(path), "exists": is_present(path), "profile": None if settings is None else settings.name}
    problems = list(find_all_problems(common, path))
    if problems:
        more = f" · and {len(problems) - 1} more" if len(problems) > 1 else ""
        error = ConfigError(f"{problems[0]}{more}")
        return failed(
            "config", error, f"{problems[0].fix or 'correct it'}; scaicore-tui config check lists all problems", **facts
        )
    shown = one_line(str(path))
    if settings is None or settings.name not in settings.names:
        there = "" if is_present(path) else ", which does not exist"
        return ok("config", f"no profile is used ({shown}{there})", **facts)
    message = f"profile {one_line(settings.name)} of {shown}"
    if settings.override_warning:
        fix = f"to use the API of the profile, unset {settings.values['url'].source}"
        return warning("config", settings.override_warning, fix, **facts)
    return ok("config", message, **facts)


def journal_finding(path: Path | None, clock: Clock) -> Finding:
    """Check that the journal is undamaged, private, and whether another process uses it."""
    if path is None:
        return ok("journal", "none: events are only in memory", file=None)
    facts: dict[str, Any] = {"file": str(path), "exists": os.path.lexists(path)}
    try:
        if not facts["exists"]:
            return _missing(path, facts)
        facts["bytes"] = path.stat().st_size
        with Journal.open_readonly(path) as journal:
            events, gaps = len(journal), journal.gap_count()
        result = _quick_check(path, clock)
        facts |= {"events": events, "gaps": gaps, "sound": result == "ok", "in_use": _in_use(path)}
    except ScaicoreError as error:
        return failed("journal", error, **facts)
    except (sqlite3.Error, OSError) as error:
        return failed(
            "journal", StorageError(f"cannot read {path}: {error}"), f"move the file away: mv {path} …", **facts
        )
    size = f"{path.stat().st_size / 1_000_000:.1f} MB"
    message = f"{one_line(str(path))} · {size} · {events:,} events · {gaps} gap{'s' * (gaps != 1)}"
    if result not in ("ok", ""):
        damage = StorageError(f"{path} is damaged: {result}")
        return failed(
            "journal",
            damage,
            f"move the file away (mv {path} …); events that the API still has are read again",
            **facts,
        )
    if os.name == "posix" and path.stat().st_mode & _OTHERS_MODE:
        return warning("journal", f"{message} · others can read it", f"chmod 600 {path}", **facts)
    state = "undamaged" if result else "too large to check completely"
    return ok("journal", f"{message} · {state}{' · in use' if facts['in_use'] else ''}", **facts)


def _missing(path: Path, facts: dict[str, Any]) -> Finding:
    """Check that a journal that does not exist yet can be created."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = f"make {folder} writable, or set XDG_STATE_HOME; until then events are only in memory"
        return warning(
            "journal", f"cannot create one in {one_line(str(folder))}: the folder is read-only", fix, **facts
        )
    return ok("journal", f"{one_line(str(path))}: does not exist yet", **facts)


def _quick_check(path: Path, clock: Clock) -> str:
    """Return the result of SQLite's quick check; empty if it takes too long."""
    end = clock.monotonic() + QUICK_CHECK_TIMEOUT_S
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.set_progress_handler(lambda: clock.monotonic() > end, _PROGRESS_STEPS)
        try:
            return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return ""
            raise


def _in_use(path: Path) -> bool:
    """Return True if another process has the journal open for writing."""
    if not path.with_name(f"{path.name}.lock").exists():
        return False
    try:
        Lock(path, wait_s=0).acquire().release()
    except TimeoutError:
        return True
    except OSError:
        return False  # the folder is read-only: nobody writes
    return False


MIN_SIZE_CELLS = (60, 20)
# Glyphs of the screens that a terminal with East Asian widths draws two cells wide.
MEASURED_GLYPHS = "●✓✗‖◆┄▍"
_REPORT_TIMEOUT_S = 0.5
_CURSOR_REPORT = re.compile(rb"\x1b\[(\d+);(\d+)R")


def terminal_finding(env: Mapping[str, str]) -> Finding:
    """Check size, colours, encoding, glyph widths and clipboard; unknown without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return unknown("terminal", "not checked: this is not a terminal", tty=False)
    size, term, colours = shutil.get_terminal_size(), env.get("TERM", ""), _colours(env)
    width, encoding = _measure_width(MEASURED_GLYPHS), (sys.stdout.encoding or "").lower()
    clipboard, clipboard_fix = _clipboard(env)
    facts = {
        "tty": True,
        "term": term,
        "colours": colours,
        "columns": size.columns,
        "lines": size.lines,
        "encoding": encoding,
        "sign_width": width,
        "clipboard": clipboard,
    }
    message = [one_line(term) or "no TERM", colours, f"{size.columns}×{size.lines}", encoding, f"clipboard {clipboard}"]
    fixes = [*_find_fixes(term, size, encoding, width), clipboard_fix]
    if fix := "; ".join(filter(None, fixes)):
        return warning("terminal", " · ".join(message), fix, **facts)
    return ok("terminal", " · ".join(message), **facts)


def driver_finding() -> Finding:
    """Report which terminal driver the app uses, and why. Imports Textual, which takes a moment."""
    from scaicore_tui.tui.terminal.capabilities import explain_choice

    choice = explain_choice()
    facts = {"own": choice.is_own, "textual": choice.textual_version, "reason": choice.reason or None}
    if choice.is_own:
        return ok("driver", f"terminal driver: ours (Textual {choice.textual_version})", **facts)
    message = f"terminal driver: Textual's own: {choice.reason}"
    return warning("driver", message, "works, but sends more over SSH; pip install 'textual>=8.2.7,<8.3'", **facts)


def _find_fixes(term: str, size: os.terminal_size, encoding: str, width: int | None) -> list[str]:
    """Return how to fix each problem of the terminal."""
    found = []
    if term in ("", "dumb"):
        found.append("the app needs a terminal that can move its cursor: set TERM, for example to xterm-256color")
    if size.columns < MIN_SIZE_CELLS[0] or size.lines < MIN_SIZE_CELLS[1]:
        found.append(f"make the terminal larger: at least {MIN_SIZE_CELLS[0]}×{MIN_SIZE_CELLS[1]}")
    if not encoding.startswith("utf"):
        found.append("set LANG to a UTF-8 locale, or use --ascii")
    elif width is not None and width != len(MEASURED_GLYPHS):
        found.append("glyphs are too wide: set ambiguous-width characters to narrow in the terminal, or use --ascii")
    return found


def _colours(env: Mapping[str, str]) -> str:
    if env.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in env.get("TERM", "") else "16 colours"


def _clipboard(env: Mapping[str, str]) -> tuple[str, str]:
    """Return whether copying with `y` (OSC 52) is likely to work, and how to fix it."""
    if env.get("TMUX"):
        setting = _tmux("set-clipboard")
        if setting in ("on", "external"):
            return f"likely (tmux: {setting})", ""
        return "not likely (tmux)", "to copy, run: tmux set -g set-clipboard on"
    if env.get("STY"):
        return "not likely (screen)", "to copy, use tmux or no multiplexer"
    if env.get("TERM_PROGRAM") == "Apple_Terminal" or env.get("VTE_VERSION"):
        return "not likely: this terminal does not support it", ""
    return "likely", ""


def _tmux(option: str) -> str:
    try:
        asked = ["tmux", "show-options", "-gv", option]
        return subprocess.run(asked, capture_output=True, text=True, timeout=1, check=False).stdout.strip()  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _measure_width(glyphs: str) -> int | None:
    """Print `glyphs`, ask the terminal for its cursor position, and return their width in cells.

    Returns None if the terminal does not reply, or the reply is implausible.
    """
    if os.name != "posix" or os.environ.get("TERM", "dumb") == "dumb":
        return None
    import termios
    import tty

    into, out = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(into)
    try:
        tty.setcbreak(into)
        os.write(out, f"\r{glyphs}\x1b[6n".encode())
        found = _CURSOR_REPORT.search(_read_report(into))
        os.write(out, b"\r\x1b[K")
    finally:
        termios.tcsetattr(into, termios.TCSADRAIN, before)
    width = int(found[2]) - 1 if found else 0
    return width if len(glyphs) <= width <= 2 * len(glyphs) else None


def _read_report(into: int) -> bytes:
    """Read until the cursor report is complete, or nothing came for _REPORT_TIMEOUT_S."""
    received = b""
    while not _CURSOR_REPORT.search(received) and select.select([into], [], [], _REPORT_TIMEOUT_S)[0]:
        data = os.read(into, 64)
        if not data:
            break
        received += data
    return received


_DAY_S = 86_400
# A certificate that expires sooner gives a warning.
RENEW_WITHIN_DAYS = 14


async def tls_finding(target: Target, clock: Clock) -> Finding:
    """Open a TLS connection and check its certificate. Raises ConfigError if the configured CA file cannot be used."""
    parts = urlsplit(target.url)
    if parts.scheme == "http":
        return ok(
            "tls",
            "none: the connection stays on this machine" if target.is_loopback else "none, therefore no token is sent",
        )
    if proxy := proxy_label(target.url):
        store = trust_store_label(target.ca_file)
        message = f"not checked: requests go through the proxy {one_line(proxy)} · trusting {one_line(store)}"
        return unknown("tls", message, trust_store=store)
    context = ssl_context_for(target.url, target.ca_file)
    try:
        version, certificate = await _handshake(parts.hostname or "", parts.port or 443, context)
    except (OSError, TimeoutError) as error:
        cause = explain(error)
        message = cause.message if str(error) else f"no answer within {CONNECT_TIMEOUT_S:g} s"
        store = trust_store_label(target.ca_file)
        if isinstance(error, ssl.SSLCertVerificationError):
            message += f" · checked against {one_line(store)}"
        fix = cause.hint or "check the URL and the network of this machine"
        return failed("tls", Unreachable(message), fix, trust_store=store)
    return _judge_certificate(target, version, certificate, clock.now())


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return secured.version() or "?", dict(secured.getpeercert() or {})
    finally:
        writer.transport.abort()


def _judge_certificate(target: Target, version: str, certificate: dict[str, Any], now: float) -> Finding:
    days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - now) // _DAY_S)
    issuer = _issuer(certificate)
    ca_file = None if target.ca_file is None else str(target.ca_file)
    store = trust_store_label(target.ca_file)
    message = f"{version} · {days} days left · issued by {one_line(issuer)} · trusted by {one_line(store)}"
    facts = {"version": version, "days_left": days, "issuer": issuer, "ca_file": ca_file, "trust_store": store}
    if days < RENEW_WITHIN_DAYS:
        return warning("tls", message, "the operator of the server has to renew the certificate", **facts)
    return ok("tls", message, **facts)


def _issuer(certificate: dict[str, Any]) -> str:
    names = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    return str(names.get("organizationName") or names.get("commonName") or "unknown")


def environment_finding(env: Mapping[str, str]) -> Finding:
    """Check for environment variables with surprising effects."""
    surprises = list(_find_surprises(env))
    names = [name for name, _, _ in surprises]
    if not surprises:
        return ok("environment", "no problematic variables", variables=names)
    message = " · ".join(f"{name}: {reason}" for name, reason, _ in surprises)
    return warning("environment", message, "; ".join(fix for _, _, fix in surprises), variables=names)


def _find_surprises(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each variable with a surprising effect: its name, the effect, and how to fix it."""
    for entry in invalid_no_proxy_entries(env):
        yield NO_PROXY, f"{one_line(entry)} is neither a host nor a network", f"remove it from {NO_PROXY}"
    if env.get(KEY_LOG):
        yield KEY_LOG, "all TLS session keys are written to that file", f"unset {KEY_LOG}, unless you need this"
    for name in ignored_variables(env):
        yield name, "the app ignores it", f"unset {name}"
    if not can_encode_glyphs(sys.stdout):
        yield "LANG", "this locale lacks our glyphs: ASCII is printed", "set LANG to a UTF-8 locale, such as C.UTF-8"
