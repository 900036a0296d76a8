"""Pack what a bug report needs into one archive: versions, settings, checks, crash reports, the log, counts.

The archive has no data of a flow, no token and no user name: every text in it passes through `mask_private`, and what a
server or a person wrote is left out where it is quoted.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sqlite3
import ssl
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from scaicore_tui import __version__
from scaicore_tui.actions import Ledger
from scaicore_tui.cli.command_log import package_versions
from scaicore_tui.cli.commands.config import find_all_problems, setting_rows
from scaicore_tui.cli.commands.doctor.finding import Finding
from scaicore_tui.cli.options import Common, is_unset
from scaicore_tui.cli.output.crash import find_reports
from scaicore_tui.cli.output.log_lines import read_log_tail
from scaicore_tui.cli.output.privacy import learn_secrets, mask_private, mask_value
from scaicore_tui.cli.sessions import journal_file_only, journal_path, load_common_settings
from scaicore_tui.config import Settings, config_file, ledger_file
from scaicore_tui.config.paths import state_dir
from scaicore_tui.disk_errors import os_error_text
from scaicore_tui.errors import ConfigError, ScaicoreError, StorageError, UsageError
from scaicore_tui.lock import OWNER_ONLY_FILE
from scaicore_tui.log import without_quotes
from scaicore_tui.store import Journal

FOLDER = "scaicore-tui-bundle"
_ENDINGS = (".tar.gz", ".tgz", ".zip")
# Variables that decide how the app draws. None of them says who or where a person is.
_TERMINAL_VARIABLES = (
    *("TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "VTE_VERSION", "NO_COLOR", "COLUMNS", "LINES"),
    *("LANG", "LC_ALL", "LC_CTYPE", "PYTHONIOENCODING", "PYTHONUTF8"),
)
_PRESENT_VARIABLES = ("TMUX", "STY", "SSH_CONNECTION", "SSLKEYLOGFILE", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
# Checks whose result names a person.
_PERSONAL_CHECKS = frozenset({"caller"})
_README = """\
This archive was written by `scaicore-tui doctor --bundle`, to be attached to a bug report.

versions.json   the program, Python, its libraries, the operating system
settings.json   settings, and where each comes from; tokens are not in it
doctor.json     the report of `scaicore-tui doctor`
terminal.json   what the terminal can do
counts.json     numbers of events, runs and gaps in the journal, and of writes in the ledger
crash/          the latest reports of internal errors: source locations, no values
log.jsonl       the end of the log, if --log named one

It has no data of flows, no tokens and no user names in paths. It has the addresses of APIs and the names of profiles.
"""


def check_bundle_name(path: Path) -> None:
    """Raise UsageError if no archive can be written to `path`, before time is spent on the checks."""
    if not path.name.endswith(_ENDINGS):
        raise UsageError(f"--bundle {path}: this is no name of an archive", hint=f"end it in {' or '.join(_ENDINGS)}")
    if os.path.lexists(path):
        raise UsageError(f"--bundle {path}: the file exists", effect="it is unchanged", hint="use another name")


def write_bundle(path: Path, common: Common, findings: Sequence[Finding], now: float) -> list[str]:
    """Write the archive for its owner only; return the names of the files in it. Raises StorageError."""
    learn_secrets(os.environ)
    members = {"README.txt": _README.encode(), **dict(_members(common, findings))}
    content = (_zip if path.suffix == ".zip" else _tar)(members, now)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "wb") as file:
            try:
                file.write(content)
                file.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {os_error_text(error)}", effect="no bundle was written", hint="use another folder"
        ) from error
    return list(members)


def _members(common: Common, findings: Sequence[Finding]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file."""
    parts: Mapping[str, Callable[[], object]] = {
        "versions": _versions,
        "settings": lambda: _settings(common),
        "doctor": lambda: [_check(finding) for finding in findings],
        "terminal": lambda: _terminal(os.environ),
        "counts": lambda: _counts(common),
    }
    for name, collect in parts.items():
        yield f"{name}.json", _to_json(_or_problem(collect))
    for name, text in _crash_reports():
        yield f"crash/{name}", mask_private(text).encode()
    if common.log is not None:
        lines = (json.dumps(mask_value(entry, mask_private)) for entry in read_log_tail(common.log))
        yield "log.jsonl", "".join(f"{line}\n" for line in lines).encode()


def _or_problem(collect: Callable[[], object]) -> object:
    """Return what `collect` returns; an error becomes a part of the bundle, as it may be what the report is about."""
    try:
        return collect()
    except (ScaicoreError, OSError, sqlite3.Error) as error:
        return {"problem": f"{type(error).__name__}: {without_quotes(str(error))}"}


def _versions() -> dict[str, object]:
    return {
        "scaicore-tui": __version__,
        "packages": dict(package_versions()),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
    }


def _settings(common: Common) -> dict[str, object]:
    """Return all settings with their sources, the problems of the configuration, and the names of given options."""
    problems = [f"{one.location}: {without_quotes(one.message)}" for one in find_all_problems(common, config_file())]
    given = [name for name in common.__struct_fields__ if not is_unset(getattr(common, name))]
    variables = sorted(name for name in os.environ if name.startswith("SCAI"))
    try:
        settings: Settings | None = load_common_settings(common)
    except ConfigError:
        settings = None
    rows = {} if settings is None else dict(setting_rows(settings))
    return {
        "options": given,
        "variables": variables,
        "problems": problems,
        "settings": {name: {"value": value, "from": source} for name, (value, source) in rows.items()},
    }


def _check(finding: Finding) -> dict[str, object]:
    document: dict[str, object] = {"name": finding.name, "state": str(finding.status)}
    if finding.name in _PERSONAL_CHECKS:
        return document
    return document | {
        "words": without_quotes(finding.message),
        "fix": without_quotes(finding.fix),
        "facts": finding.facts,
    }


def _terminal(env: Mapping[str, str]) -> dict[str, object]:
    """Return what the program knows about the terminal, which `doctor.json` has only if this is one."""
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    return {
        "variables": {name: env[name] for name in _TERMINAL_VARIABLES if name in env},
        "set": [name for name in _PRESENT_VARIABLES if env.get(name)],
        "terminals": [name for name, stream in streams.items() if stream is not None and stream.isatty()],
        "encoding": sys.stdout.encoding,
        "filesystem_encoding": sys.getfilesystemencoding(),
    }


def _counts(common: Common) -> dict[str, object]:
    """Return the numbers of what the journal and the ledger hold."""
    return {"journal": _or_problem(lambda: _journal_counts(common)), "ledger": _or_problem(_ledger_counts)}


def _journal_counts(common: Common) -> dict[str, object]:
    target = load_common_settings(common).target()
    path = journal_file_only(common) if target is None else journal_path(common, target)
    if path is None or not path.exists():
        return {"exists": False}
    with Journal.open_readonly(path) as journal:
        return {
            "exists": True,
            "bytes": path.stat().st_size,
            "events": len(journal),
            "runs": journal.saved_run_count,
            "gaps": journal.gap_count(),
            "open_gaps": journal.open_gap_count(),
            "is_complete": journal.is_complete,
        }


def _ledger_counts() -> dict[str, object]:
    ledger = Ledger(ledger_file())
    entries = ledger.entries()
    return {
        "writes": dict(Counter(f"{entry.kind} {entry.progress}" for entry in entries)),
        "unreadable_lines": ledger.unreadable_count,
    }


def _crash_reports() -> Iterator[tuple[str, str]]:
    """Yield name and text of each report that can be read."""
    with suppress(ConfigError):
        for report in find_reports(state_dir()):
            with suppress(OSError):
                yield report.name, report.read_text(encoding="utf-8", errors="replace")


def _to_json(value: object) -> bytes:
    return (json.dumps(mask_value(value, mask_private), indent=2) + "\n").encode()


def _tar(members: Mapping[str, bytes], now: float) -> bytes:
    """Return a compressed tar archive. Its headers name no owner."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(f"{FOLDER}/{name}")
            header.size, header.mtime, header.mode = len(content), int(now), OWNER_ONLY_FILE
            archive.addfile(header, io.BytesIO(content))
    return packed.getvalue()


def _zip(members: Mapping[str, bytes], now: float) -> bytes:
    packed = io.BytesIO()
    moment = datetime.fromtimestamp(now, UTC).timetuple()[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            header = zipfile.ZipInfo(f"{FOLDER}/{name}", moment)
            header.external_attr, header.compress_type = OWNER_ONLY_FILE << 16, zipfile.ZIP_DEFLATED
            archive.writestr(header, content)
    return packed.getvalue()
