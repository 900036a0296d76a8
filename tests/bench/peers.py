"""Rows: bytes per cursor key in other programs, if they are installed. They have no limits."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.feed import events_of
from tests.bench.probes import on_terminal, press_keys
from tests.bench.registry import Row, Setting, row

EVENT_TEXT = "scaicore.runtime"


@dataclass(frozen=True)
class Peer:
    """A program: its arguments for a file of events, a text that it shows then, and its key for moving down."""

    name: str
    arguments: Callable[[Path], Sequence[str]]
    ready: str
    key: str


PEERS = {
    "lnav": Peer("lnav", lambda file: ["-q", str(file)], EVENT_TEXT, "j"),
    # A terminal app for Airflow, with its list of servers. None of them can be reached.
    "flowrs": Peer("flowrs (its server list)", lambda file: [], "server-00", "j"),
    "tl": Peer("toolong", lambda file: [str(file)], EVENT_TEXT, "up"),
}


SERVER = """
[[servers]]
name = "server-{0:03}"
endpoint = "http://127.0.0.1:{0}"
version = "V2"
[servers.auth.Basic]
username = "user"
password = "none"
"""


@row("peers", 65)
def peers(setting: Setting) -> Iterator[Row]:
    """Measure the key for moving down in each program."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(
            b"".join(event.raw.replace(b"\n", b" ") + b"\n" for event in events_of(setting.size(1_000, 100)))
        )
        servers = Path(folder) / "flowrs" / "config.toml"
        servers.parent.mkdir()
        servers.write_text("".join(map(SERVER.format, range(1, 61))))
        for command, peer in PEERS.items():
            yield _row(setting, command, peer, file)


def _row(setting: Setting, command: str, peer: Peer, file: Path) -> Row:
    name = f"cursor key in {peer.name}: bytes"
    program = _find_program(setting, command)
    if program is None:
        return Row(name, note="not installed")
    env = {"XDG_CONFIG_HOME": str(file.parent)}
    with on_terminal([program, *peer.arguments(file)], env, ready=peer.ready) as terminal:
        byte_counts = [press.bytes for press in press_keys(terminal, setting.size(20, 3), peer.key)]
    return Row(name, median(byte_counts), "bytes")


def _find_program(setting: Setting, command: str) -> str | None:
    in_folder = shutil.which(command, path=setting.peers) if setting.peers else None
    return in_folder or shutil.which(command)
