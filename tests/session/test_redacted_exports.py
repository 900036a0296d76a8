"""A token in any part of a run is in no redacted file of any format; without redaction it would be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaicore_tui.analysis.flow_graph import GraphOrigin, build_graph
from scaicore_tui.analysis.flow_view import view_flow
from scaicore_tui.export.exporter import Export
from scaicore_tui.export.formats import FORMATS, Format
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.json_text import to_bytes
from scaicore_tui.protocol.checkpoints import read_checkpoint
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode
from scaicore_tui.secrets import Secret
from scaicore_tui.session.exports import ExportReader
from scaicore_tui.store.recordings import JsonlRecording
from tests.support.builders import NOON

TOKENS = (
    "sgk_live_5f2b8c",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmVk",
    "correct-horse-battery",
    "MIIEvQIBADANBgkqhkiG9w0",
)
KEY, JWT, PASSWORD, PEM = TOKENS
BLOCK = f"-----BEGIN PRIVATE KEY-----\n{PEM}\n-----END PRIVATE KEY-----"


def line(kind: str, second: int, **payload: object) -> str:
    return json.dumps(
        {
            "type": f"scaicore.runtime.{kind}",
            "core_id": "core_a",
            "timestamp": f"2026-11-25T12:00:{second:02}Z",
            "payload": {"execution_id": "exec_a"} | payload,
        }
    )


def recorded(tmp_path: Path) -> JsonlRecording:
    """Return a recording of a failed run with secrets in its input, results, errors and names."""
    block = {"node_id": "call", "block_kind": "guarded"}
    path = tmp_path / "events.jsonl"
    lines = [
        line("invocation.started", 0, input={"user": "ada", "password": PASSWORD, "text": f"Bearer {JWT}"}),
        line("block.entered", 1, **block),
        line("block.exited", 2, **block, result_binding="api_key", result_binding_value={"nested": [KEY, {KEY: 1}]}),
        line("block.entered", 3, **block),
        line("block.failed", 4, **block, error={"code": "DENIED", "message": f"rejected {KEY}: {BLOCK}"}),
        line("invocation.failed", 5, error={"code": "DENIED", "message": json.dumps({"token": PASSWORD, "jwt": JWT})}),
    ]
    path.write_text("\n".join(lines) + "\n")
    source = JsonlRecording(path)
    asked = {"id": "ckpt_1", "execution_id": "exec_a", "node_id": "call", "context": {"secret": PASSWORD}}
    asked["presentation"] = {"title": f"May we use {KEY}?", "message": f"cookie: {PASSWORD}"}
    source.checkpoints = [read_checkpoint(json.dumps(asked).encode())]
    return source


def written(tmp_path: Path, one: Format, redactor: Redactor | None) -> bytes:
    source = recorded(tmp_path)
    nodes = (FlowNode("call", "tool_http", f"call with {KEY}"), FlowNode("end", "tool_http", "end"))
    document = FlowDocument(nodes, (FlowEdge("call", "end", condition=f"header == '{JWT}'"),), name=f"flow {KEY}")
    graph = build_graph(document, GraphOrigin.FILE, "flow.json")
    reader = ExportReader(
        source, source, NOON, redactor, lambda run, _: view_flow(graph, run), {"exec_a": f"exec {KEY}"}
    )
    summary = tuple if redactor is None else redactor.summary
    export = Export(
        reader.read(source.summaries()),
        NOON,
        "prod",
        has_payloads=True,
        is_redacted=redactor is not None,
        summary=summary,
    )
    return b"".join(map(to_bytes, FORMATS[one].load()(export)))


@pytest.mark.parametrize("one", Format)
def test_no_redacted_file_has_a_token(tmp_path: Path, one: Format) -> None:
    redactor = Redactor(Secret("k" * 64))
    found = written(tmp_path, one, redactor)
    if one is Format.HTML:
        path = tmp_path / "report.html"
        path.write_bytes(found)
        found += b"".join(event.raw for event in JsonlRecording(path).events())
    assert [token for token in TOKENS if token.encode() in found] == []
    assert sum(row.count for row in redactor.summary()) >= 10
    assert any(token.encode() in written(tmp_path, one, None) for token in TOKENS), "the test would miss a token"
