"""The sender of traces: what each answer of a receiver means, and what is sent besides the spans."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

pytest.importorskip("opentelemetry.sdk", reason="needs scaicore-tui[otlp]")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from scaicore_tui.errors import UsageError
from scaicore_tui.export.trace.otlp import export_otlp
from scaicore_tui.export.trace.spans import Span, run_spans
from scaicore_tui.secrets import redact
from scaicore_tui.telemetry import sender as sender_module
from scaicore_tui.telemetry.sender import SendResult, TraceSender
from tests.support.exported_runs import export_of, exported, generated, hostile_runs
from tests.support.otlp_messages import comparable, decode_json, spans_of
from tests.support.otlp_receiver import Receiver, receiving
from tests.support.scene import completed_triage, failed_batch, waiting_expense

ATTRIBUTES: dict[str, str | int | bool | list[str]] = {"service.name": "scaicore"}
SPANS = list(run_spans(exported(failed_batch())))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each attempt half a second, and no proxy, home folder or setting of this machine."""
    import os

    for name in list(os.environ):
        if name.startswith("OTEL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def send(address: str, spans: list[Span] = SPANS) -> SendResult:
    sender = TraceSender(address, ATTRIBUTES)
    try:
        return sender.send(spans)
    finally:
        sender.close()


def test_what_is_sent_is_what_the_file_says(receiver: Receiver) -> None:
    scene = [exported(events) for events in (failed_batch(), completed_triage("exec_1", 0), waiting_expense())]
    runs = [*scene, *(generated(seed) for seed in range(10)), *hostile_runs()]
    spans = [span for run in runs for span in run_spans(run, has_payloads=True)]
    assert send(receiver.url, spans) == SendResult(accepted=len(spans))
    file = decode_json("".join(export_otlp(export_of(*runs, has_payloads=True))))
    sent = [comparable(span) for span in spans_of(*receiver.messages)]
    assert len(sent) > 500
    assert sent == [comparable(span) for span in spans_of(file)]


def test_very_many_spans_are_sent_in_several_requests(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "MAX_SPANS_PER_REQUEST", 4)
    spans = [span for number in range(3) for span in run_spans(exported(completed_triage(f"exec_{number}", 0)))]
    assert send(receiver.url, spans) == SendResult(accepted=12)
    assert [len(message.resource_spans[0].scope_spans[0].spans) for message in receiver.messages] == [4, 4, 4]


@pytest.mark.parametrize(
    ("status", "problem", "is_final"),
    [
        (202, "", True),
        (301, "redirects to another address (HTTP 301): check the address", False),
        (400, "refused the spans of a run (HTTP 400)", True),
        (401, "answered HTTP 401: check OTEL_EXPORTER_OTLP_HEADERS", False),
        (404, "answered HTTP 404: check the address", False),
        (413, "refused the spans of a run (HTTP 413)", True),
        (500, "answered HTTP 500", False),
        (503, "answered HTTP 503", False),
    ],
)
def test_each_answer_is_said_in_words(receiver: Receiver, status: int, problem: str, is_final: bool) -> None:
    receiver.status = status
    result = send(receiver.url)
    assert (result.problem, result.is_final) == (problem, is_final)
    assert (result.accepted, result.refused) == (
        (len(SPANS) if status == 202 else 0),
        (len(SPANS) if is_final and problem else 0),
    )


def test_an_answer_may_refuse_some_spans(receiver: Receiver) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 10**9
    receiver.answer = answer.SerializeToString()
    assert send(receiver.url) == SendResult(refused=6, problem="refused 6 of 6 spans")
    receiver.answer = b'{"not": "protobuf"}'
    assert send(receiver.url) == SendResult(accepted=6)


def test_without_a_receiver_the_reason_is_said() -> None:
    with receiving() as gone:
        pass
    assert send(gone.url) == SendResult(problem="cannot be reached: no connection", is_final=False)


def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        url = f"https://127.0.0.1:{server.server_port}"
        assert send(url) == SendResult(problem="cannot be reached: its certificate is not trusted", is_final=False)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "ca.pem"))
        assert send(url) == SendResult(accepted=len(SPANS))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_closed_sender_sends_nothing_and_refuses_nothing(receiver: Receiver) -> None:
    sender = TraceSender(receiver.url, ATTRIBUTES)
    sender.close()
    sender.close()
    assert sender.send(SPANS) == SendResult(problem="was not asked any more", is_final=False)
    assert receiver.requests == []


def test_credentials_are_only_those_of_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password of-another-program\n")
    send(receiver.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20given-to-the-receiver,x-team=flows")
    send(receiver.url)
    first, second = receiver.requests
    assert "authorization" not in first
    assert (second["authorization"], second["x-team"]) == ("Basic given-to-the-receiver", "flows")
    assert "given-to-the-receiver" not in redact("the receiver said: given-to-the-receiver")


def test_nothing_of_the_sdk_is_printed_or_logged(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = 400
    send(f"{receiver.url}/?key=secret-in-the-address")
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert receiver.paths == ["/v1/traces?key=secret-in-the-address"]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("", "/v1/traces"),
        ("/", "/v1/traces"),
        ("/otlp/", "/otlp/v1/traces"),
        ("/v1/traces", "/v1/traces"),
        ("/api/traces", "/api/traces"),
    ],
)
def test_the_path_of_traces_is_added_to_an_address_without_it(receiver: Receiver, address: str, path: str) -> None:
    send(receiver.url + address)
    assert receiver.paths == [path]


def test_the_environment_names_a_receiver_for_traces_only(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{receiver.url}/as/it/is")
    sender = TraceSender("env", ATTRIBUTES)
    assert sender.send(SPANS).accepted == len(SPANS)
    assert receiver.paths == ["/as/it/is"]


@pytest.mark.parametrize(
    "address", ["", "collector:4318", "ftp://collector", "http://", "http://[::1", "http://h:0", "http://h:99999"]
)
def test_an_address_that_is_none_is_an_error_of_usage(address: str) -> None:
    with pytest.raises(UsageError, match="--otlp takes the http or https address"):
        TraceSender(address, ATTRIBUTES)
