"""What the terminal can do: colours, signs of one cell, a clipboard behind it, enough room; and who drives it."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Mapping

from scaicore_tui.cli.doctor.finding import Finding, doubtful, fine, unknown
from scaicore_tui.text import one_line

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
        return doubtful("terminal", " · ".join(words), fix, **facts)
    return fine("terminal", " · ".join(words), **facts)


def driver_finding() -> Finding:
    """Say which terminal driver the app uses, and why. Loads Textual, which takes a moment."""
    from scaicore_tui.tui.terminal.capabilities import explain_choice

    choice = explain_choice()
    facts = {"own": choice.is_own, "textual": choice.textual_version, "reason": choice.reason or None}
    if choice.is_own:
        return fine("driver", f"terminal driver: ours (Textual {choice.textual_version})", **facts)
    words = f"terminal driver: Textual's own: {choice.reason}"
    return doubtful("driver", words, "works, but sends more over SSH; pip install 'textual>=8.2.7,<8.3'", **facts)


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
