"""Options keep the JSON type of their values; status and type are read in any letter case; unusual shapes work."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from scaicore_tui.actions import Progress
from scaicore_tui.actions.gate import WriteContext, why_not_answer
from scaicore_tui.json_text import write
from scaicore_tui.protocol import read_checkpoint
from scaicore_tui.session import Session
from tests.support.builders import checkpoint, read_row, started
from tests.support.feed_simulator import FeedSim
from tests.support.write_feed import WriteServer

OFFERED = [
    ("approve", "approve", '"approve"'),
    (True, "true", "true"),
    (None, "null", "null"),
    (5, "5", "5"),
    ({"id": 7, "label": "Seven"}, "7", "7"),
    ({"id": False}, "false", "false"),
    ({"id": {"a": [1]}, "label": "x"}, '{"a": [1]}', '{"a": [1]}'),
    ({"id": None, "value": "v", "label": "L"}, "v", '"v"'),
    ({"label": "Yes"}, "Yes", '"Yes"'),
    ({"name": "odd"}, '{"name": "odd"}', '{"name": "odd"}'),
    (["a"], '["a"]', '["a"]'),
    ("", '""', '""'),
]


@pytest.mark.parametrize(("offered", "shown", "sent"), OFFERED, ids=range(len(OFFERED)))
async def test_an_option_is_shown_as_json_and_sent_with_its_type(offered: Any, shown: str, sent: str) -> None:
    row = checkpoint(options=["other", offered])
    assert [option.id for option in read_row(options=["other", offered]).options] == ["other", shown]
    bodies: list[bytes] = []

    def accept(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        submission_shown = json.loads(request.content)["resolution"]
        return httpx.Response(200, json=row | {"status": "RESOLVED", "resolution": submission_shown})

    server = WriteServer(FeedSim([started()], checkpoints=[row]), accept)
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", shown)
        assert (submission.progress, submission.is_resolved) == (Progress.ACCEPTED, True)
        assert [json.loads(body) for body in bodies] == [{"resolution": json.loads(sent)}]
        assert type(json.loads(bodies[0])["resolution"]) is type(json.loads(sent))


async def test_a_number_is_sent_with_its_digits() -> None:
    bodies: list[bytes] = []
    source = json.dumps(checkpoint(options=[0])).replace("[0]", "[1.10, 1e400]").encode()
    found = read_checkpoint(source)
    assert [(option.id, write(option.value_to_send)) for option in found.options] == [
        ("1.10", "1.10"),
        ("1e400", "1e400"),
    ]

    def accept(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, json=checkpoint(status="resolved"))

    async with WriteServer(FeedSim([started()]), accept).session() as session:
        await session.client.resolve("ckpt_1", found.options[0].value_to_send)
        assert bodies == [b'{"resolution":1.10}']


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("1", "1"),
        ('"1"', '"1"'),
        ("true", "true"),
        ('"true"', '"true"'),
        ("yes", '"yes"'),
        ('"yes"', '"yes"'),
        ('{"b":1,"a":[ ]}', '{"b": 1, "a": []}'),
        ("True", None),
        ("1.0", None),
        ("None", None),
        ("", None),
        ("[" * 5_000, None),
        ("[" * 500 + "]" * 500, None),
    ],
)
def test_typed_text_is_matched_with_its_type(typed: str, sent: str | None) -> None:
    found = read_row(options=["1", 1, True, "true", "yes", {"id": {"b": 1, "a": []}}]).find_option(typed)
    assert (None if found is None else write(found.value_to_send)) == sent


def test_options_of_different_types_have_different_ids() -> None:
    ids = [option.id for option in read_row(options=["1", 1, True, "true", "yes"]).options]
    assert ids == ['"1"', "1", "true", '"true"', "yes"]
    assert len({option.id for option in read_row(options=["null", None, "[]", []]).options}) == 4


def test_without_options_any_text_is_an_answer_and_is_sent_as_text() -> None:
    shapes: list[Any] = [[], None, "approve", {"approve": 1}]
    for options in shapes:
        found = read_row(options=options).find_option("5")
        assert found is not None
        assert write(found.value_to_send) == '"5"'


@pytest.mark.parametrize("status", ["PENDING", "Pending", " pending ", None, ""])
def test_a_pending_status_is_recognised_in_any_spelling(status: str | None) -> None:
    assert why_not_answer(WriteContext(), read_row(status=status), "approve") is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "RESOLVED"}, "resolved"),
        ({"status": "Expired"}, "expired"),
        ({"status": None, "resolution": "approve"}, "resolved"),
        ({"status": 3}, "3"),
    ],
)
def test_a_checkpoint_that_is_no_longer_pending_is_not_answered(fields: dict[str, Any], status: str) -> None:
    assert why_not_answer(WriteContext(), read_row(**fields), "approve") == f"the checkpoint is already {status}"


def test_a_breakpoint_type_is_recognised_in_any_letter_case() -> None:
    row = read_row(checkpoint_type="DEBUG_BREAKPOINT", options=None)
    assert (row.is_breakpoint, [option.id for option in row.answers]) == (True, ["continue"])
    assert row.find_option("approve") is None


def test_values_that_are_not_text_are_shown_as_json() -> None:
    row = read_row(
        flow_name=True, prompt={"a": None}, resolution=False, presentation={"title": [True, None], "message": 1.0}
    )
    assert (row.flow_name, row.prompt, row.resolution) == ("true", '{"a": null}', "false")
    assert (row.presentation.title, row.presentation.message) == ("[true, null]", "1.0")


async def test_a_lost_answer_is_recognised_by_its_value() -> None:
    row = checkpoint(options=[True, False])

    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    server = WriteServer(FeedSim([started()], checkpoints=[row]), lose)
    server.resolved = [row | {"status": "Resolved", "resolution": True}]
    session: Session = server.session()
    async with session:
        await session.read_once()
        assert (await session.answer("ckpt_1", "true")).progress is Progress.ACCEPTED
