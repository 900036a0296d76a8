"""Rows: what a cursor key costs in other programs, where they are installed. Nothing is judged by them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.feed import told
from tests.bench.probes import on_terminal, presses
from tests.bench.registry import Row, Setting, row

LINES = "scaicore.runtime"


@dataclass(frozen=True)
class Peer:
    """A program, how to open it on a file of events, what it shows then, and its key for moving down."""

    name: str
    arguments: Callable[[Path], Sequence[str]]
    ready: str
    key: str


PEERS = {
    "lnav": Peer("lnav", lambda file: ["-q", str(file)], LINES, "j"),
    # The Airflow terminal app: the list of its servers, of which none answers.
    "flowrs": Peer("flowrs (its server list)", lambda file: [], "server-00", "j"),
    "tl": Peer("toolong", lambda file: [str(file)], LINES, "up"),
}


SERVER = """
[[servers]]
name = "server-{0:03}"
endpoint = "http://127.0.0.1:{0}"
version = "V2"
[servers.auth.Basic]
username = "nobody"
password = "none"
"""


@row("peers", 65)
def peers(setting: Setting) -> Iterator[Row]:
    """Moving down in each of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"".join(event.raw.replace(b"\n", b" ") + b"\n" for event in told(setting.size(1_000, 100))))
        servers = Path(folder) / "flowrs" / "config.toml"
        servers.parent.mkdir()
        servers.write_text("".join(map(SERVER.format, range(1, 61))))
        for command, peer in PEERS.items():
            yield _row(setting, command, peer, file)


def _row(setting: Setting, command: str, peer: Peer, file: Path) -> Row:
    name = f"cursor key in {peer.name}: bytes"
    program = _found(setting, command)
    if program is None:
        return Row(name, note="not installed")
    env = {"XDG_CONFIG_HOME": str(file.parent)}
    with on_terminal([program, *peer.arguments(file)], env, ready=peer.ready) as terminal:
        costs = [press.bytes for press in presses(terminal, setting.size(20, 3), peer.key)]
    return Row(name, median(costs), "bytes")


def _found(setting: Setting, command: str) -> str | None:
    beside = shutil.which(command, path=setting.peers) if setting.peers else None
    return beside or shutil.which(command)
