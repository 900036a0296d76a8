"""A bad event among 500 is stored verbatim, counted and reported; the other 499 are used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scaicore_tui import timefmt
from scaicore_tui.api.client import Client
from scaicore_tui.cli.output import stdout
from scaicore_tui.errors import ScaicoreError, Unreachable, UsageError
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event, decode_event, read_checkpoint_page, read_event_page
from scaicore_tui.runs import NodeState
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.summary import decode_summary, encode_summary, summary_of
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.store.recordings import JsonlRecording
from scaicore_tui.tui.render.run_row import RowFacts, run_row
from tests.support.builders import MILLISECOND, NOON, checkpoint, entered, started
from tests.support.fault_server import Fault, fault_server, response_bytes, sends, target_of
from tests.support.hostile.bodies import READABLE, TIMESTAMPS, UNREADABLE, event_of, nested
from tests.support.run_screen_lines import run_screen_lines

ALL = {**UNREADABLE, **READABLE}
MEGABYTE = 1_000_000
GOOD = [started(), *(entered(f"n{number}", NOON + number * MILLISECOND) for number in range(1, 499))]


def page_with(*sources: bytes) -> bytes:
    """Good events, newest first, with bad ones in the middle."""
    raws = [event.raw for event in GOOD[::-1]]
    return b'{"data": {"events": [%b], "next_cursor": null}}' % b", ".join([*raws[:250], *sources, *raws[250:]])


def parse_strictly(text: str) -> Any:
    """Parse strict JSON, without NaN and infinities."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    # Python refuses integers of 5,000 digits.
    return json.loads(text, parse_constant=refuse, parse_int=float)


@pytest.mark.parametrize("name", ALL)
def test_keeps_the_other_events_of_a_page_with_a_bad_one(name: str) -> None:
    page = read_event_page(page_with(ALL[name]))
    assert [event.raw for event in page.events if event.raw != ALL[name]] == [event.raw for event in GOOD[::-1]]
    (bad,) = [event for event in page.events if event.raw == ALL[name]]
    assert bad.is_complete is (name in READABLE)
    again = decode_event(bad.raw)
    assert repr(again) == repr(bad)


@pytest.mark.parametrize("name", ALL)
def test_shows_a_run_with_a_bad_event(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    bad = decode_event(ALL[name])
    events = [started(), entered("a"), replace(bad, fields=replace(bad.fields, execution_id="exec_1"))]
    run, position = project("exec_1", enumerate(events))
    summary = summary_of(run, position or 0)
    assert encode_summary(decode_summary(encode_summary(summary))) == encode_summary(summary)
    assert len(run_row(summary, 78, RowFacts(2e9))) > 1
    assert list(run_screen_lines(run, events, 78))
    stdout.document(run_document(run))
    assert parse_strictly(capsys.readouterr().out)["execution_id"] == "exec_1"
    assert ("an event could be read only in part" in run.anomalies) is (name in UNREADABLE)


async def test_reads_a_feed_with_all_bad_events(tmp_path: Path) -> None:
    """They are polled, stored verbatim and counted; then read by another process, and from a JSON Lines file."""
    async with fault_server() as server:
        body = page_with(*ALL.values())

        async def behave(asked: object, head: bytes, writer: Any) -> bool:
            writer.write(response_bytes(body) if b"/events" in head else response_bytes(b'{"checkpoints": []}'))
            return True

        server.fault = Fault("", "", behave)
        async with Session(target_of(server.url), Journal.open(tmp_path / "j")) as session:
            await session.read_once()
            assert session.unreadable_count == len(UNREADABLE)
            assert set(ALL.values()) < {event.raw for event in session.events()}
            assert len(session.journal) == len(GOOD) + len(ALL)
            assert {"n1", "n498"} <= {node.node_id for node in session.index.runs["exec_1"].nodes.values()}
    flat = [raw.replace(b"\n", b" ") for raw in ALL.values()]
    (tmp_path / "lines").write_bytes(b"\n".join([GOOD[0].raw, *flat]))
    recording = JsonlRecording(tmp_path / "lines")
    list(recording.summaries())
    assert recording.unreadable_count == len(UNREADABLE)


def test_uses_the_readable_fields_of_a_bad_event() -> None:
    """An exit with a result nested too deeply is still an exit; a start with such an input has no input to replay."""
    deep = nested(10_000)
    start = decode_event(event_of(f', "input": {deep}', "invocation.started"))
    exited = decode_event(event_of(f', "result_binding": "a", "result_binding_value": {deep}'))
    run, _ = project("exec_1", enumerate([start, entered("a"), exited]))
    assert (run.joined_late, run.has_input, run.core_id) == (False, False, "core_a")
    node = run.nodes["a", None]
    assert (node.state, node.latest.result_binding, node.latest.has_result) == (NodeState.EXITED, "a", False)


@pytest.mark.parametrize("stamp", TIMESTAMPS, ids=range(len(TIMESTAMPS)))
def test_accepts_any_json_value_as_timestamp(stamp: Any) -> None:
    event = decode_event(
        json.dumps({"type": "custom.x", "timestamp": stamp, "payload": {"execution_id": "e"}}).encode()
    )
    assert event.execution_id == "e"
    assert event.at is None or timefmt.parse(timefmt.format_iso(event.at)) == event.at
    run, _ = project("e", enumerate([event]))
    assert run_document(run)["last_event_at"] == timefmt.format_iso(event.at)


async def test_sends_no_value_that_json_cannot_express() -> None:
    """A captured input may hold such a value; the replay fails before anything is sent."""
    async with fault_server() as server:
        client = Client(target_of(server.url))
        for value in (float("nan"), float("inf"), "\ud800"):
            with pytest.raises(UsageError, match="cannot be sent as JSON"):
                await client.invoke("core_a", {"x": value})
        await client.close()
        assert not server.requests


async def test_requests_no_id_that_a_url_cannot_hold() -> None:
    """In JSON, an id or a cursor can be half of a surrogate pair, or a megabyte long."""
    async with fault_server() as server:
        client = Client(target_of(server.url))
        for name in ("\ud800", "x" * MEGABYTE):
            with pytest.raises(Unreachable, match="returned a cursor that no URL can hold"):
                await client.events(50, name)
            for write in (client.invoke(name, {}), client.resolve(name, "approve")):
                with pytest.raises(ScaicoreError, match=r"no URL can name|URL too long") as caught:
                    await write
                assert caught.value.effect == "nothing was sent"
        await client.close()
        assert not server.requests


def test_keeps_the_other_checkpoints_of_a_page_with_a_bad_one() -> None:
    good = json.dumps(checkpoint("ckpt_good")).encode()
    deep = json.dumps(checkpoint("ckpt_deep"))[:-1] + f', "context": {nested(10_000)}}}'
    rows = [
        good,
        deep.encode(),
        b"3",
        b'{"no": "id"}',
        b'{"id": ""}',
        b'{"id": "ckpt_2", "options": 7, "created_at": []}',
    ]
    page = read_checkpoint_page(b'{"data": {"checkpoints": [' + b",".join(rows) + b"]}}")
    assert [row.id for row in page.checkpoints] == ["ckpt_good", "ckpt_deep", "ckpt_2"]
    assert page.unreadable == 3
    assert page.checkpoints[1].context == "(unreadable)"
    assert [option.id for option in page.checkpoints[1].options] == ["approve", "reject"]


async def test_counts_unreadable_checkpoints() -> None:
    async with fault_server() as server:
        server.fault = Fault("", "", sends(response_bytes(b'{"checkpoints": [{"id": "a"}, 3, {}]}')))
        client = Client(target_of(server.url))
        assert [row.id for row in await client.all_checkpoints("pending")] == ["a"]
        assert client.unreadable == 2
        await client.close()


def test_both_decoders_return_equal_events() -> None:
    event = decode_event(READABLE["duplicate keys"])
    assert (event.node_id, event.execution_id) == ("b", "exec_1")
    assert read_event_page(page_with(event.raw, b"3")).events[250].node_id == "b"
    assert isinstance(event, Event)
