"""`record --otlp` sends each finished run once, and never waits for the receiver."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.core_inputs import GOOD
from tests.support.otlp_messages import attributes_of, comparable, decode_json, spans_of
from tests.support.otlp_receiver import Receiver, receiving
from tests.support.program import FAST_POLLING, TIMEOUT_S, FastGrid, Program, next_line_with

pytest.importorskip("opentelemetry.sdk", reason="needs scaicore-tui[otlp]")

CORE = "core_invoice-batch"


def record(program: Program, journal: Path, receiver: Receiver, *more: str) -> tuple[Any, str]:
    """Record until nothing new comes; return the summary, and the messages."""
    options = ("--json", "--journal", str(journal), "--otlp", receiver.url, *more)
    done = program("record", "--until-idle", "0.5", *options, *FAST_POLLING)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def exported(program: Program, journal: Path, *more: str) -> list[Any]:
    """Return the spans of all runs in the journal as `export` writes them."""
    source = ("--offline", "--journal", str(journal))
    done = program("export", "--where", "status:completed OR status:failed", "--format", "otlp", *source, *more)
    assert done.returncode == 0, done.stderr
    return spans_of(decode_json(done.stdout))


def roots_of(spans: list[Any]) -> list[Any]:
    """Return the spans that stand for runs."""
    return [span for span in spans if not span.parent_span_id]


def read_ids(journal: Path) -> list[str]:
    """Return the runs in a journal that is being written."""
    with suppress(sqlite3.OperationalError), sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True) as database:
        return [key for (key,) in database.execute("SELECT execution_id FROM runs WHERE status = 'completed'")]
    return []  # It has no tables yet.


def test_each_finished_run_is_sent_once(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    journal = tmp_path / "j"
    with receiving() as receiver:
        runs = [busy_grid.finish_run(CORE, GOOD) for _ in range(2)]
        busy_grid.waiting_review()
        summary, _ = record(watcher, journal, receiver)
        spans = receiver.spans()
        sent = {attributes_of(root)["scaicore.run.id"] for root in roots_of(spans_of(*receiver.messages))}
        assert sent == set(runs)
        assert summary["traces"] == {
            "spans_sent": len(spans),
            "spans_refused": 0,
            "runs_sent": 2,
            "runs_refused": 0,
            "runs_waiting": 0,
            "runs_continued": 0,
            "runs_deleted": 0,
        }
        # The file has the same spans, to the last attribute.
        by_id = {span.span_id: comparable(span) for span in exported(watcher, journal)}
        assert by_id == {span.span_id: comparable(span) for span in spans}
        # A second recording sends what ended meanwhile, and nothing twice: a replay, linked to the run that it repeats.
        replay = watcher.json_output("replay", runs[0], "--yes", "--json")["execution_id"]
        summary, _ = record(watcher, journal, receiver)
        assert summary["traces"]["runs_sent"] == 1
        by_run = {attributes_of(root)["scaicore.run.id"]: root for root in roots_of(spans_of(*receiver.messages))}
        assert len(by_run) == 3
        assert [link.span_id for link in by_run[replay].links] == [by_run[runs[0]].span_id]
        (again,) = [span for span in roots_of(exported(watcher, journal)) if span.trace_id == by_run[replay].trace_id]
        assert comparable(again) == comparable(by_run[replay])
    assert {request["content-type"] for request in receiver.requests} == {"application/x-protobuf"}
    assert set(receiver.paths) == {"/v1/traces"}
    assert not [request for request in receiver.requests if "authorization" in request]


def test_a_receiver_that_fails_gets_the_runs_later(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    journal, run = tmp_path / "j", busy_grid.finish_run(CORE, GOOD)
    with receiving(status=403) as receiver:
        summary, messages = record(watcher, journal, receiver)
        assert (
            f"traces: {receiver.url[7:]} answered HTTP 403: check OTEL_EXPORTER_OTLP_HEADERS; 1 run waits" in messages
        )
        assert (summary["traces"]["runs_waiting"], summary["traces"]["spans_sent"]) == (1, 0)
        assert summary["events"] == len(list(busy_grid.portal.call(busy_grid.served.grid.store.events)))
        receiver.status = 200
        done = watcher(
            "record", "--until-idle", "0.5", "--journal", str(journal), "--otlp", receiver.url, *FAST_POLLING
        )
    assert f" · {len(receiver.spans())} spans of 1 runs sent" in done.stdout
    (root,) = roots_of(spans_of(*receiver.messages))
    assert attributes_of(root)["scaicore.run.id"] == run


def test_the_environment_says_address_headers_and_compression(
    busy_grid: FastGrid, watcher: Program, tmp_path: Path
) -> None:
    busy_grid.finish_run(CORE, {"invoices": GOOD["invoices"]} | {"note": "Bearer abcdefghijklmnopqrstuvwxyz123456"})
    with receiving() as receiver:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{receiver.url}/otlp",
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20receivers-own-credential",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_SERVICE_NAME": "flows",
        }
        options = ("--otlp", "env", "--payloads", "--until-idle", "0.5", "--journal", str(tmp_path / "j"))
        done = watcher.with_variables(**variables)("record", *options, *FAST_POLLING)
    assert done.returncode == 0, done.stderr
    assert "receivers-own-credential" not in done.stdout + done.stderr
    (request,) = receiver.requests
    assert (request["authorization"], request["content-encoding"]) == ("Basic receivers-own-credential", "gzip")
    assert receiver.paths == ["/otlp/v1/traces"]
    root = next(iter(roots_of(spans_of(*receiver.messages))))
    assert attributes_of(receiver.messages[0].resource_spans[0].resource)["service.name"] == "flows"
    note = json.loads(attributes_of(root)["scaicore.run.input"])["note"]
    assert note.startswith("Bearer [redacted ")


def test_an_interrupted_recording_ends_at_once_with_its_summary(
    busy_grid: FastGrid, watcher: Program, tmp_path: Path
) -> None:
    """Nobody listens: the exporter would try again for ten seconds."""
    journal = tmp_path / "j"
    with receiving() as gone:
        pass
    busy_grid.finish_run(CORE, GOOD)
    options = ("--json", "--journal", str(journal), "--otlp", gone.url)
    with watcher.started("record", *options, *FAST_POLLING) as process:
        next_line_with(process.stderr, "recording ")
        while not journal.exists() or len(read_ids(journal)) < 1:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert json.loads(output)["traces"]["spans_sent"] == 0


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--payloads",), "--payloads needs --otlp · nothing was recorded"),
        (("--otlp", "localhost:4318"), "--otlp takes the http or https address of a receiver, or env"),
        (("--otlp", "http://me:secret-words@localhost"), "--otlp takes no credentials in the address"),
        (("--otlp", "http://localhost:99999"), "--otlp takes the http or https address of a receiver, or env"),
    ],
)
def test_invalid_options_are_rejected(writer: Program, flags: tuple[str, ...], text: str) -> None:
    done = writer("record", "--for", "1", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "secret-words" not in done.stderr


def test_another_protocol_in_the_environment_is_named(writer: Program) -> None:
    done = writer.with_variables(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")("record", "--otlp", "env", "--for", "1")
    assert (done.returncode, "asks for another protocol than http/protobuf" in done.stderr) == (2, True)


def test_without_the_extra_the_error_says_what_to_install(writer: Program, tmp_path: Path) -> None:
    """A module in place of the SDK that cannot be imported stands for one that is not installed."""
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError('no', name='opentelemetry')")
    done = writer.with_variables(PYTHONPATH=str(tmp_path))("record", "--otlp", "http://localhost:4318", "--for", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--otlp needs OpenTelemetry, which is not installed · nothing was recorded" in done.stderr
    assert "pip install 'scaicore-tui[otlp]'" in done.stderr
