"""What the terminal can do: colours, signs of one cell, a clipboard behind it, enough room; and who drives it."""

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
from scaicore_tui.cli.commands.config import complaints_of
from scaicore_tui.cli.commands.doctor.finding import Finding, failed, ok, unknown, warning
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output.streams import shows_signs
from scaicore_tui.clock import Clock
from scaicore_tui.config import Settings, Target, config_file
from scaicore_tui.config.files import is_present
from scaicore_tui.config.network import context_for
from scaicore_tui.config.proxies import NO_PROXY, proxy_label, unreadable_exceptions
from scaicore_tui.config.tls import KEY_LOG, source_of_trust
from scaicore_tui.errors import ConfigError, ScaicoreError, StorageError, Unreachable
from scaicore_tui.lock import Lock
from scaicore_tui.store import Journal
from scaicore_tui.text import one_line

# A large journal is not looked through to its end.
LOOK_SECONDS = 3.0
_STEPS = 10_000
_OTHERS = 0o077


def config_finding(common: Common, settings: Settings | None) -> Finding:
    """Whether the file, and all that is set, make sense."""
    path = config_file()
    facts = {"file": str(path), "exists": is_present(path), "profile": None if settings is None else settings.name}
    complaints = list(complaints_of(common, path))
    if complaints:
        more = f" · and {len(complaints) - 1} more" if len(complaints) > 1 else ""
        error = ConfigError(f"{complaints[0]}{more}")
        return failed(
            "config", error, f"{complaints[0].fix or 'mend it'}; scaicore-tui config check tells all", **facts
        )
    shown = one_line(str(path))
    if settings is None or settings.name not in settings.names:
        there = "" if is_present(path) else ": there is none"
        return ok("config", f"no profile is used ({shown}{there})", **facts)
    words = f"profile {one_line(settings.name)} of {shown}"
    if settings.override_warning:
        fix = f"unset {settings.values['url'].source}, if the profile's own API is meant"
        return warning("config", settings.override_warning, fix, **facts)
    return ok("config", words, **facts)


def journal_finding(path: Path | None, clock: Clock) -> Finding:
    """Whether the journal is sound, and free to be written."""
    if path is None:
        return ok("journal", "none is kept", file=None)
    facts: dict[str, Any] = {"file": str(path), "exists": os.path.lexists(path)}
    try:
        if not facts["exists"]:
            return _missing(path, facts)
        facts["bytes"] = path.stat().st_size
        with Journal.read(path) as journal:
            events, gaps = len(journal), journal.gap_count()
        verdict = _verdict(path, clock)
        facts |= {"events": events, "gaps": gaps, "sound": verdict == "ok", "in_use": _in_use(path)}
    except ScaicoreError as error:
        return failed("journal", error, **facts)
    except (sqlite3.Error, OSError) as error:
        return failed("journal", StorageError(f"{path} can't be read: {error}"), f"move it away: mv {path} …", **facts)
    size = f"{path.stat().st_size / 1_000_000:.1f} MB"
    words = f"{one_line(str(path))} · {size} · {events:,} events · {gaps} gap{'s' * (gaps != 1)}"
    if verdict not in ("ok", ""):
        damage = StorageError(f"{path} is damaged: {verdict}")
        return failed("journal", damage, f"move it away (mv {path} …): what the API still has is read again", **facts)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        return warning("journal", f"{words} · others can read it", f"chmod 600 {path}", **facts)
    told = "sound" if verdict else "too large to look through"
    return ok("journal", f"{words} · {told}{' · in use' if facts['in_use'] else ''}", **facts)


def _missing(path: Path, facts: dict[str, Any]) -> Finding:
    """There is none yet: whether one can be made."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = f"make {folder} writable, or set XDG_STATE_HOME; until then events are only in memory"
        return warning("journal", f"none can be made in {one_line(str(folder))}: it is read-only", fix, **facts)
    return ok("journal", f"{one_line(str(path))}: none yet", **facts)


def _verdict(path: Path, clock: Clock) -> str:
    """What SQLite's quick check says; nothing where it takes too long."""
    end = clock.monotonic() + LOOK_SECONDS
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.set_progress_handler(lambda: clock.monotonic() > end, _STEPS)
        try:
            return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return ""
            raise


def _in_use(path: Path) -> bool:
    """Whether somebody writes it now."""
    if not path.with_name(f"{path.name}.lock").exists():
        return False
    try:
        Lock(path, wait=0).acquire().release()
    except TimeoutError:
        return True
    except OSError:
        return False  # nobody can write there
    return False


LEAST = (60, 20)
# What the screens are made of: a terminal set to East Asian widths draws some of these two cells wide.
SIGNS = "●✓✗‖◆┄▍"
_WAIT = 0.5
_REPORT = re.compile(rb"\x1b\[(\d+);(\d+)R")


def terminal_finding(env: Mapping[str, str]) -> Finding:
    """How this terminal stands; unknown where there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return unknown("terminal", "not looked at: this is a pipe", tty=False)
    size, term, colours = shutil.get_terminal_size(), env.get("TERM", ""), _colours(env)
    width, encoding = _width(SIGNS), (sys.stdout.encoding or "").lower()
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
    words = [one_line(term) or "no TERM", colours, f"{size.columns}×{size.lines}", encoding, f"clipboard {clipboard}"]
    fixes = [*_trouble(term, size, encoding, width), clipboard_fix]
    if fix := "; ".join(filter(None, fixes)):
        return warning("terminal", " · ".join(words), fix, **facts)
    return ok("terminal", " · ".join(words), **facts)


def driver_finding() -> Finding:
    """Say which terminal driver the app uses, and why. Loads Textual, which takes a moment."""
    from scaicore_tui.tui.terminal.capabilities import explain_choice

    choice = explain_choice()
    facts = {"own": choice.is_own, "textual": choice.textual_version, "reason": choice.reason or None}
    if choice.is_own:
        return ok("driver", f"terminal driver: ours (Textual {choice.textual_version})", **facts)
    words = f"terminal driver: Textual's own: {choice.reason}"
    return warning("driver", words, "works, but sends more over SSH; pip install 'textual>=8.2.7,<8.3'", **facts)


def _trouble(term: str, size: os.terminal_size, encoding: str, width: int | None) -> list[str]:
    """What to do about each thing that is in the way."""
    found = []
    if term in ("", "dumb"):
        found.append("the app needs a terminal that can move its cursor: set TERM, such as xterm-256color")
    if size.columns < LEAST[0] or size.lines < LEAST[1]:
        found.append(f"make it larger: {LEAST[0]}×{LEAST[1]} is the least")
    if not encoding.startswith("utf"):
        found.append("set LANG to a UTF-8 locale, or use --ascii")
    elif width is not None and width != len(SIGNS):
        found.append("signs are drawn too wide here: set ambiguous characters to be narrow, or use --ascii")
    return found


def _colours(env: Mapping[str, str]) -> str:
    if env.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in env.get("TERM", "") else "16 colours"


def _clipboard(env: Mapping[str, str]) -> tuple[str, str]:
    """Whether what `y` copies is likely to arrive (OSC 52), and what to do where it is not."""
    if env.get("TMUX"):
        setting = _tmux("set-clipboard")
        if setting in ("on", "external"):
            return f"likely (tmux: {setting})", ""
        return "not likely (tmux)", "for copying: tmux set -g set-clipboard on"
    if env.get("STY"):
        return "not likely (screen)", "for copying: tmux, or no multiplexer, passes it on"
    if env.get("TERM_PROGRAM") == "Apple_Terminal" or env.get("VTE_VERSION"):
        return "not likely: this terminal takes none", ""
    return "likely", ""


def _tmux(option: str) -> str:
    try:
        asked = ["tmux", "show-options", "-gv", option]
        return subprocess.run(asked, capture_output=True, text=True, timeout=1, check=False).stdout.strip()  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _width(signs: str) -> int | None:
    """How many cells the terminal draws `signs` in: it is asked where its cursor is behind them. None where it says
    nothing, or nothing that makes sense."""
    if os.name != "posix" or os.environ.get("TERM", "dumb") == "dumb":
        return None
    import termios
    import tty

    into, out = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(into)
    try:
        tty.setcbreak(into)
        os.write(out, f"\r{signs}\x1b[6n".encode())
        found = _REPORT.search(_answer(into))
        os.write(out, b"\r\x1b[K")
    finally:
        termios.tcsetattr(into, termios.TCSADRAIN, before)
    width = int(found[2]) - 1 if found else 0
    return width if len(signs) <= width <= 2 * len(signs) else None


def _answer(into: int) -> bytes:
    """What comes until the report does, or nothing more."""
    said = b""
    while not _REPORT.search(said) and select.select([into], [], [], _WAIT)[0]:
        piece = os.read(into, 64)
        if not piece:
            break
        said += piece
    return said


_DAY = 86_400
# A certificate that runs out in so many days should be in somebody's calendar.
SOON = 14


async def tls_finding(target: Target, clock: Clock) -> Finding:
    """What a connection of its own shows. Raises ConfigError where `ca_file` or the environment's can't be used."""
    parts = urlsplit(target.url)
    if parts.scheme == "http":
        return ok("tls", "none: it does not leave this machine" if target.is_loopback else "none, and no token is sent")
    if proxy := proxy_label(target.url):
        return unknown("tls", f"not looked at: the way leads through the proxy {one_line(proxy)}")
    context = context_for(target.url, target.ca_file)
    try:
        version, certificate = await _handshake(parts.hostname or "", parts.port or 443, context)
    except (OSError, TimeoutError) as error:
        cause = explain(error)
        words = cause.message if str(error) else f"no answer within {CONNECT_TIMEOUT_S:g} s"
        return failed("tls", Unreachable(words), cause.hint or "check the URL, and this machine's network")
    return _judged(target, version, certificate, clock.now())


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return secured.version() or "?", dict(secured.getpeercert() or {})
    finally:
        writer.transport.abort()


def _judged(target: Target, version: str, certificate: dict[str, Any], now: float) -> Finding:
    days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - now) // _DAY)
    issuer = _issuer(certificate)
    ca_file = None if target.ca_file is None else str(target.ca_file)
    source = source_of_trust(target.ca_file)
    believed = f" · believed by {one_line(source)}" if source else ""
    words = f"{version} · {days} days left · issued by {one_line(issuer)}{believed}"
    facts = {"version": version, "days_left": days, "issuer": issuer, "ca_file": ca_file}
    if days < SOON:
        return warning("tls", words, "the certificate has to be renewed there", **facts)
    return ok("tls", words, **facts)


def _issuer(certificate: dict[str, Any]) -> str:
    names = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    return str(names.get("organizationName") or names.get("commonName") or "nobody named")


def environment_finding(env: Mapping[str, str]) -> Finding:
    """Each surprising variable by its name, and what to do about it."""
    surprises = list(_surprises(env))
    names = [name for name, _, _ in surprises]
    if not surprises:
        return ok("environment", "no variable is in the way", variables=names)
    words = " · ".join(f"{name}: {reason}" for name, reason, _ in surprises)
    return warning("environment", words, "; ".join(fix for _, _, fix in surprises), variables=names)


def _surprises(env: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """A variable, what is surprising about it, and what to do."""
    for entry in unreadable_exceptions(env):
        yield NO_PROXY, f"{one_line(entry)} is neither a host nor a network", f"remove it from {NO_PROXY}"
    if env.get(KEY_LOG):
        yield KEY_LOG, "the keys of TLS connections are written to that file", f"unset {KEY_LOG}, unless you need them"
    for name in ignored_variables(env):
        yield name, "the app ignores it", f"unset {name}"
    if not shows_signs(sys.stdout):
        yield "LANG", "this locale lacks our signs: ASCII is printed", "set LANG to a UTF-8 locale, such as C.UTF-8"
