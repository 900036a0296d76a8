"""A replay's input stays byte for byte as it was received: in the request, in the ledger and in printed documents."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from scaicore_tui.actions import Ledger, Progress
from scaicore_tui.api.client import Client
from scaicore_tui.cli.commands import ledger
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.config import Target
from scaicore_tui.errors import UsageError
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.strict_json import parse_strict
from scaicore_tui.session import Session
from tests.support.builders import NOON, started_with_raw_input
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock

UNUSUAL_JSON = b'{ "a":0.10, "a":1e400,\n"n":-0,"\\u00e9":"\\u202e\\/", "big":%s}' % (b"9" * 5_000)


class InvokeServer:
    """A feed that accepts invocations and records their bodies."""

    def __init__(self, *events: Event) -> None:
        self.sim = FeedSim(list(events))
        self.bodies: list[bytes] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return self.sim.respond(request)
        self.bodies.append(request.content)
        return httpx.Response(200, json={"output": 1, "request_id": "req_1"})

    def session(self, ledger: Ledger | None = None) -> Session:
        target = Target(url="http://127.0.0.1:1/api/v1")
        client = Client(target, httpx.MockTransport(self.answer))
        return Session(target, clock=ManualClock(NOON / 1e6), client=client, ledger=ledger)


@pytest.mark.parametrize(
    "source", [UNUSUAL_JSON, b"0.10", b"[1E5]", b'"\\u0041"', b"null", b"1" * 5_000, b'{"x": "\\ud800"}'], ids=range(7)
)
async def test_a_captured_input_is_sent_byte_for_byte(source: bytes) -> None:
    server = InvokeServer(started_with_raw_input(source))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1", entity_id="ent_7")
        assert server.bodies == [b'{"input":%s,"entity_id":"ent_7"}' % source]
        server.sim.log.append(started_with_raw_input(source.replace(b"\n", b" "), "exec_2", 5))
        await session.read_once()
        assert (submission.execution_id, submission.is_likely_match) == ("exec_2", True)


@pytest.mark.parametrize("source", [b'"a\tb"', b'"\x01"'])
async def test_control_characters_in_a_captured_input_are_escaped(source: bytes) -> None:
    server = InvokeServer(started_with_raw_input(source))
    async with server.session() as session:
        await session.read_once()
        await session.replay("exec_1")
        assert server.bodies == [b'{"input":%s}' % source.replace(b"\t", b"\\t").replace(b"\x01", b"\\u0001")]


@pytest.mark.parametrize("source", [b'{"x": NaN}', b"[-Infinity]", b'"\xff"'])
async def test_invalid_json_is_neither_sent_nor_claimed(source: bytes, tmp_path: Path) -> None:
    server, ledger = InvokeServer(started_with_raw_input(source)), Ledger(tmp_path / "ledger.jsonl")
    async with server.session(ledger) as session:
        await session.read_once()
        with pytest.raises(UsageError, match="cannot be sent as JSON"):
            await session.replay("exec_1")
        assert (server.bodies, ledger.entries()) == ([], [])


async def test_the_ledger_stores_the_input_as_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    given_text = '{"a": 0.10,\r\n "a": 1e400, "s": "\\ud800é"}'
    server = InvokeServer(started_with_raw_input(b"{}"))
    async with server.session(Ledger(path)) as session:
        await session.read_once()
        await session.replay("exec_1", parse_strict(given_text), given_input=True)
    flat = given_text.replace("\r\n", "  ").encode()
    assert server.bodies == [b'{"input":%s}' % given_text.encode()]
    (entry,) = Ledger(path).entries()
    assert (entry.progress, entry.input_json) == (Progress.ACCEPTED, flat)
    monkeypatch.setattr(ledger, "ledger_file", lambda: path)
    ledger.list_ledger(Common(), json=True)
    assert '"a": 1e400' in capsys.readouterr().out


async def test_documents_print_numbers_verbatim(capsys: pytest.CaptureFixture[str]) -> None:
    server = InvokeServer(started_with_raw_input(b'{"x": 1e400, "y": [0.10, 12345678901234567.89], "z": NaN}'))
    async with server.session() as session:
        await session.read_once()
        stdout.document(run_document(await session.find_run("exec_1")))
    shown = capsys.readouterr().out
    assert '"x": 1e400' in shown
    assert '"y": [\n      0.10,\n      12345678901234567.89\n    ]' in shown
    assert '"z": null' in shown
