"""The command `ledger`: list the writes of this machine, or of the team, with their outcome. It sends no request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import asdict

from scaicore_tui.actions import Ledger
from scaicore_tui.actions.ledger import Entry, State
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.cli.sessions import read_team_writes, server_journal
from scaicore_tui.config import ledger_file
from scaicore_tui.text import json_inline, one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_iso

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import LedgerEntryDocument, LedgerStateDocument, TeamWriteDocument
    from scaicore_tui.session import SharedWrite

_INTERNAL = ("change", "read_at", "is_exclusive")

TEAM_HEAD = ("TIME", "WHO", "ACTION", "TARGET", "SENT", "PROGRESS", "MESSAGE")
HEAD = ("TIME", "PROFILE", "ACTION", "TARGET", "SENT", "PROGRESS", "MESSAGE")


def list_ledger(common: Common, json: bool) -> None:
    """Print the writes of the team if the journal is on a server, else those of this machine; oldest first."""
    url = server_journal(common)
    if url is None:
        _list_own(json)
        return
    writes = read_team_writes(common, url)
    if json:
        stdout.document([_team_document(write) for write in writes])
    else:
        stdout.table(TEAM_HEAD, (_team_row(write) for write in writes))


def _list_own(json: bool) -> None:
    """Print all entries. The JSON document also has the earlier states of each."""
    ledger = Ledger(ledger_file())
    entries = ledger.entries()
    if ledger.unreadable_count:
        say(f"{ledger.unreadable_count:,} unreadable lines were skipped and left in the file: {ledger_file()}")
    if json:
        stdout.document([_document(entry) for entry in entries])
    else:
        stdout.table(HEAD, (_row(entry) for entry in entries))


def _document(entry: Entry) -> LedgerEntryDocument:
    fields = asdict(entry) | {"at": _time(entry.at), "progress": str(entry.progress), "input_json": None}
    states = [_state_document(state) for state in entry.states]
    known = {name: value for name, value in fields.items() if value is not None}
    return cast("LedgerEntryDocument", known | {"states": states})


def _state_document(state: State) -> LedgerStateDocument:
    document: LedgerStateDocument = {"at": _time(state.at), "progress": str(state.progress)}
    if state.message:
        document["message"] = state.message
    if state.request_id:
        document["request_id"] = state.request_id
    return document


def _row(entry: Entry) -> tuple[str, ...]:
    sent = entry.resolution if entry.resolution is not None else entry.input_start or json_inline(entry.input, 40)
    return (
        _time(entry.at),
        one_line(f"{entry.profile}@{entry.host}"),
        str(entry.kind),
        one_line(entry.target_id),
        one_line(sent, 40),
        str(entry.progress),
        one_line(entry.states[-1].message, 80),
    )


def _team_row(write: SharedWrite) -> tuple[str, ...]:
    return (
        _time(write.claimed_at / MICROS_PER_SECOND),
        one_line(write.person),
        one_line(write.kind),
        one_line(write.target_id),
        one_line(write.resolution or "", 40),
        one_line(write.progress),
        one_line(write.message, 80),
    )


def _team_document(write: SharedWrite) -> TeamWriteDocument:
    times = {"claimed_at": format_iso(write.claimed_at), "changed_at": format_iso(write.changed_at)}
    fields = {name: value for name, value in asdict(write).items() if name not in _INTERNAL and value is not None}
    return cast("TeamWriteDocument", fields | times)


def _time(at: float) -> str:
    return format_iso(int(at) * MICROS_PER_SECOND) or ""
