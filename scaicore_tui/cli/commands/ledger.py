"""The command `ledger`: list the writes of the last 90 days from this machine with their outcome, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import asdict

from scaicore_tui.actions import Ledger
from scaicore_tui.actions.ledger import Entry, State
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.config import ledger_file
from scaicore_tui.text import json_inline, one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_iso

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import LedgerEntryDocument, LedgerStateDocument

HEAD = ("TIME", "PROFILE", "ACTION", "TARGET", "SENT", "PROGRESS", "MESSAGE")


def list_ledger(json: bool) -> None:
    """Print all entries, oldest first. The JSON document also has the earlier states of each."""
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


def _time(at: float) -> str:
    return format_iso(int(at) * MICROS_PER_SECOND) or ""
