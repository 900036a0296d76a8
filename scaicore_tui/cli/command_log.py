"""Run one command; with `--log FILE`, write a log meanwhile that begins and ends with the command."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from scaicore_tui import __version__
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import UsageError
from scaicore_tui.log import Log

PACKAGE = "scaicore-tui"

_NOT_IN_A_NAME = re.compile(r"[^\w.-]")

_log = Log(__name__)


def run_command(common: Common, name: str, command: Callable[[], int | None]) -> int:
    """Run the command `name` and return its exit code; report any error that it raises."""
    if common.log is None:
        return stderr.run_guarded(command)
    if isinstance(common.journal, Path) and common.log.absolute() == common.journal.absolute():
        return stderr.report_error(UsageError("--log and --journal name the same file", hint="give each its own file"))
    from scaicore_tui.cli.output.log_file import logging_to

    clock = SystemClock()
    with logging_to(common.log, stderr.warn):
        began = clock.monotonic()
        _log.info("start", command=name, version=__version__, platform=sys.platform, packages=dict(package_versions()))
        code = stderr.run_guarded(command)
        _log.info("end", exit_code=code, seconds=round(clock.monotonic() - began, 1))
    return code


def package_versions() -> Iterator[tuple[str, str]]:
    """Yield Python, and the packages that this program needs, with their versions."""
    from importlib import metadata  # imported late, as it takes time that only a log or a bundle needs

    yield "python", sys.version.partition(" ")[0]
    try:
        required = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        # It runs from a folder without having been installed.
        return
    for line in required:
        name = _NOT_IN_A_NAME.split(line, maxsplit=1)[0]
        if "extra ==" not in line:
            try:
                yield name, metadata.version(name)
            except metadata.PackageNotFoundError:
                yield name, "missing"
