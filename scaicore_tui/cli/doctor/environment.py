"""Variables of the environment that work, and will surprise somebody. Those that fail are told by what they break."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from scaicore_tui.cli.app_environment import ignored_variables
from scaicore_tui.cli.doctor.finding import Finding, doubtful, fine
from scaicore_tui.cli.streams import shows_signs
from scaicore_tui.config.proxies import NO_PROXY, unreadable_exceptions
from scaicore_tui.config.tls import KEY_LOG
from scaicore_tui.text import one_line


def environment_finding(env: Mapping[str, str]) -> Finding:
    """Each surprising variable by its name, and what to do about it."""
    surprises = list(_surprises(env))
    names = [name for name, _, _ in surprises]
    if not surprises:
        return fine("environment", "no variable is in the way", variables=names)
    words = " · ".join(f"{name}: {reason}" for name, reason, _ in surprises)
    return doubtful("environment", words, "; ".join(fix for _, _, fix in surprises), variables=names)


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
