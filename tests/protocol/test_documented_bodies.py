"""The documented bodies of the API are decoded, and so are unusual bodies that a server may send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaicore_tui import errors, timefmt
from scaicore_tui.protocol import (
    decode_event,
    read_checkpoint,
    read_checkpoint_page,
    read_event_page,
    read_invocation,
    read_problem,
)

DATA = Path(__file__).parent.parent / "data"


def documented(name: str) -> bytes:
    """Return a response body of the API's documentation."""
    return (DATA / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", ["events_page", "events_page_rich"])
def test_an_event_keeps_its_bytes(name: str) -> None:
    body = documented(name)
    page = read_event_page(body)
    position = 0
    for event, value in zip(page.events, json.loads(body)["data"]["events"], strict=True):
        assert json.loads(event.raw) == value
        position = body.index(event.raw, position) + len(event.raw)


def test_the_documented_event_page() -> None:
    page = read_event_page(documented("events_page"))
    assert page.next_cursor == "b3BhcXVl"
    newest, oldest = page.events
    assert (newest.execution_id, newest.node_id, newest.block_kind) == ("exec_xxx", "node_classify", "flexible")
    assert oldest.payload["input"] == {"message": "hello"}
    assert oldest.node_id is None


def test_an_event_page_with_all_kinds_of_events() -> None:
    page = read_event_page(documented("events_page_rich"))
    assert page.next_cursor is None
    assert page.events[2].execution_id is None
    assert page.events[-1].node_id == "node_q"
    assert page.events[-1].block_kind == "quantum"


@pytest.mark.parametrize(
    "envelope",
    [
        '{"data": %s}',
        '{"status": "ok", "data": %s}',
        '{"meta": {"data": 1}, "data": %s, "status": "ok"}',
        "%s",
        " \n%s ",
    ],
)
def test_a_page_is_found_in_each_envelope(envelope: str) -> None:
    inner = '{"next_cursor": "", "events": [ {"type":"a"} ,\n{"type": "b", "x": [1, {"events": []}]}]}'
    page = read_event_page((envelope % inner).encode())
    assert [event.raw for event in page.events] == [b'{"type":"a"}', b'{"type": "b", "x": [1, {"events": []}]}']
    assert page.next_cursor is None


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"data": {}}', b'{"data": {"events": {}}}', b'{"data": {"events": [{}', b"[" * 9999],
)
def test_a_body_without_a_page_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_event_page(body)


def test_fields_of_a_wrong_type_are_absent() -> None:
    body = (
        b'{"events": [{"type": 5, "core_id": [], "timestamp": 7, "payload": "x"}, 3, {"payload": {"execution_id": 9}}]}'
    )
    event, number, numeric_id = read_event_page(body).events
    assert (event.type, event.core_id, event.timestamp, event.payload, event.at) == ("", None, "", {}, None)
    assert number.raw == b"3"
    assert numeric_id.execution_id == "9"


def test_bytes_that_are_not_utf_8_are_kept() -> None:
    source = b'{"type": "a\xff", "payload": {"x": "\xc3"}}'
    assert read_event_page(b'{"events": [' + source + b"]}").events[0].raw == source


def test_unknown_fields_are_kept() -> None:
    (event,) = read_event_page(b'{"events": [{"type": "a", "shard": 3}]}').events
    assert event.undocumented_fields == {"shard": 3}


def test_the_documented_checkpoints() -> None:
    review, breakpoint_, choice = read_checkpoint_page(documented("checkpoints_page")).checkpoints
    assert [option.id for option in review.options] == ["approve", "reject"]
    assert review.execution_id is None
    assert breakpoint_.is_breakpoint
    assert [(option.id, option.name) for option in choice.options] == [("acme", "ACME GmbH"), ("globex", "Globex")]
    assert choice.title == "Which vendor?"
    assert choice.raw["block_index"] == 4
    assert choice.created == timefmt.parse("2026-04-29T12:34:58.123Z")


def test_the_documented_resolution() -> None:
    checkpoint = read_checkpoint(documented("checkpoint_resolved"))
    assert (checkpoint.status, checkpoint.resolution, checkpoint.resolved_by) == ("resolved", "approve", "usr_ada")


def test_checkpoints_with_undocumented_values_are_read() -> None:
    body = {"id": 7, "status": "escalated", "presentation": "just text", "options": [1, {"label": "Yes"}], "context": 0}
    checkpoint = read_checkpoint(json.dumps(body).encode())
    assert (checkpoint.id, checkpoint.status, checkpoint.title) == ("7", "escalated", "just text")
    assert [option.id for option in checkpoint.options] == ["1", "Yes"]


def test_the_documented_invocation() -> None:
    invocation = read_invocation(documented("invoke"))
    assert (invocation.output, invocation.request_id) == ({"reply": "hello back"}, "req_xxx")


def test_the_documented_problems() -> None:
    expected_types = [
        errors.CredentialsError,
        errors.CredentialsError,
        errors.PermissionDenied,
        errors.UsageError,
        errors.RequestRejected,
        errors.Unreachable,
    ]
    messages = []
    for case, expected_type in zip(json.loads(documented("problems")), expected_types, strict=True):
        body = case["body"]
        source = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        problem = read_problem(case["status"], case.get("headers", {}), source)
        assert type(problem.to_error()) is expected_type
        messages.append(problem.message)
    assert all(messages)
    assert messages[-1] == "bad gateway"


def test_a_problem_has_a_hint_and_the_time_to_wait() -> None:
    problems = json.loads(documented("problems"))
    missing = read_problem(412, {}, json.dumps(problems[0]["body"]).encode()).to_error()
    assert "POST /v1/tenants/me/scaigrid_credentials" in missing.hint
    limited = read_problem(429, problems[4]["headers"], json.dumps(problems[4]["body"]).encode()).to_error()
    assert (limited.retry_after, limited.request_id) == (7.0, "req_2")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01.123456Z", 1_123_456),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1970-01-01 00:00:01+00", 1_000_000),
        ("1970-01-01 00:00:01 +0000", 1_000_000),
        ("1970-01-01 00:00:01 UTC", 1_000_000),
        ("1970-01-01T00:00:01-00:00", 1_000_000),
        ("1970-01-01T00:00:01.1z", 1_100_000),
        ("1970-01-01T00:00:01.123456789Z", 1_123_456),
        ("1970-01-01T00:00:01,5Z", 1_500_000),
        ("19700101T000001Z", 1_000_000),
        ("1970-01-01T00:00:60Z", 60_000_000),  # a leap second
        ("1970-01-01T05:31:60.5+05:30", 120_000_000),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 1_000_000),
        ("Thu, 1 Jan 1970 02:00:01 +0200", 1_000_000),
        ("1000000000", 10**15),
        ("1000000000.25", 10**15 + 250_000),
        ("1000000000123", 10**15 + 123_000),
        ("1000000000123456", 10**15 + 123_456),
        ("1000000000123456789", 10**15 + 123_456),
        ("yesterday", None),
        ("2026", None),
        ("1970-13-01T00:00:00Z", None),
        ("1970-01-01T00:00:00+25:00", None),
        ("1970-01-01T00:00:61Z", None),
        ("1e400", None),
        ("1" * 5_000, None),
        ("", None),
    ],
)
def test_timestamps_are_parsed_to_microseconds(text: str, at: int | None) -> None:
    assert timefmt.parse(text) == at


@pytest.mark.parametrize(
    ("timestamp", "at", "is_complete"),
    [
        ('"1970-01-01t00:00:01z"', 1_000_000, True),
        ("1000000000.5", 10**15 + 500_000, True),
        ('"yesterday"', None, False),
        ("true", None, False),
        ("1e400", None, False),
    ],
)
def test_an_event_with_an_unreadable_timestamp_is_incomplete(timestamp: str, at: int | None, is_complete: bool) -> None:
    source = f'{{"type": "custom.tick", "timestamp": {timestamp}, "payload": {{}}}}'.encode()
    for found in (decode_event(source), *read_event_page(b'{"events": [%b]}' % source).events):
        assert (found.at, found.is_complete, found.raw) == (at, is_complete, source)


@pytest.mark.parametrize("text", ["2026-04-29T12:34:56Z", "2026-04-29T12:34:56.120Z", "2026-04-29T12:34:56.000001Z"])
def test_formatted_timestamps_equal_the_parsed_text(text: str) -> None:
    assert timefmt.format_iso(timefmt.parse(text)) == text
