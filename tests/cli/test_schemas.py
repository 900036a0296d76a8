"""Documents printed with `--json` match their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command

from scaicore_tui.actions.submission import Kind, Progress
from scaicore_tui.cli.commands.doctor.finding import CheckStatus
from scaicore_tui.cli.commands.schema import read_schema
from scaicore_tui.cli.help import commands
from scaicore_tui.cli.main import app
from scaicore_tui.cli.schemas import ALIASES, schema_names
from scaicore_tui.export import document_types
from tests.support.core_inputs import SPOILED, TRIP
from tests.support.program import Demo, FastGrid, Program

SCHEMAS = {name: json.loads(read_schema(name)) for name in schema_names()}
# What programs may rely on. Add to these files what is added to a document; what they say stays true.
CONTRACT = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "contract").glob("*.json")}


def check(name: str, value: Any) -> None:
    """Validate `value` against the schema with this name."""
    Draft202012Validator(SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def objects_in(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects in a schema."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield schema
    for value in inner:
        yield from objects_in(value)


# Keywords of a schema that stay as they are.
KEPT = ("minimum", "pattern", "minItems", "enum")


def expand(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without references and descriptions, in which `type` has both types of `anyOf: [X, null]`."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]] | schema
    found = {key: value for key, value in schema.items() if key in KEPT}
    types = schema.get("type", [])
    found["type"] = {types} if isinstance(types, str) else set(types)
    for option in schema.get("anyOf", ()):
        inner = expand(option, definitions)
        found |= inner | {"type": found["type"] | inner["type"]}
    if "items" in schema:
        found["items"] = expand(schema["items"], definitions)
    if "patternProperties" in schema:
        found["any_field"] = expand(schema["patternProperties"][""], definitions)
    found["fields"] = {name: expand(inner, definitions) for name, inner in schema.get("properties", {}).items()}
    found["required"] = set(schema.get("required", ()))
    return found


def broken_promises(old: dict[str, Any], new: dict[str, Any], place: str = "") -> Iterator[str]:
    """Yield the places where the expanded schema `new` does not say what `old` says."""
    if not old["required"] <= new["required"]:
        yield f"{place}: required"
    yield from (f"{place}: {key}" for key in ("type", *KEPT) if old.get(key) and old[key] != new.get(key))
    parts = [(f".{name}", inner, new["fields"].get(name)) for name, inner in old["fields"].items()]
    parts += [("[]", old["items"], new.get("items"))] if "items" in old else []
    parts += [(f".{name}", old["any_field"], inner) for name, inner in new["fields"].items() if "any_field" in old]
    for name, before, after in parts:
        yield from [f"{place}{name}: missing"] if after is None else broken_promises(before, after, f"{place}{name}")


@pytest.mark.parametrize("name", sorted({*schema_names()} - ALIASES.keys()))
def test_a_generated_schema_keeps_what_its_contract_says(name: str) -> None:
    old, new = CONTRACT[name], SCHEMAS[name]
    assert (old["$id"], old["title"]) == (new["$id"], new["title"])
    expanded = expand(new, new["$defs"])
    assert list(broken_promises(expand(old, old.get("$defs", {})), expanded)) == []


def test_a_broken_contract_is_found() -> None:
    run = {"type": "object", "required": ["id"], "properties": {"id": {"type": ["string", "null"]}}}
    other = {"type": "object", "required": [], "properties": {"id": {"type": "string"}}}
    assert list(broken_promises(expand(run, {}), expand(other, {}))) == [": required", ".id: type"]
    assert list(broken_promises(expand(run, {}), expand(run | {"properties": {}}, {}))) == [".id: missing"]


def test_the_values_in_the_types_are_those_of_the_program() -> None:
    assert tuple(Kind) == document_types.WRITE_KINDS
    assert tuple(Progress) == document_types.WRITE_PROGRESS
    assert SCHEMAS["doctor"]["$defs"]["CheckDocument"]["properties"]["state"]["enum"] == list(CheckStatus)


def test_fields_are_listed_in_the_order_of_the_document(reader: Program) -> None:
    definition = SCHEMAS["show"]["$defs"]["ShowDocument"]
    assert list(reader.json_output("show", "@latest", "--json")) == list(definition["properties"])
    assert definition["required"] == list(definition["properties"])


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_allows_additional_fields(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    closed = {"additionalProperties", "unevaluatedProperties", "maxProperties", "propertyNames"}
    assert not [found for found in objects_in(SCHEMAS[name]) if closed & found.keys()]


def test_every_command_with_a_json_option_has_a_schema() -> None:
    found = commands(get_command(app)).items()  # type: ignore[arg-type]
    with_json = {name.replace(" ", "-") for name, command in found if any(p.name == "json" for p in command.params)}
    groups = {"runs-by-error", "runs-by-variant", "runs-by-core", "stats-answers", "replay-where", "ledger-team"}
    assert with_json | {"demo"} | groups == set(schema_names())


def test_runs_and_show_define_the_same_run() -> None:
    listed, shown = dict(SCHEMAS["runs"]["$defs"]), dict(SCHEMAS["show"]["$defs"])
    show, _ = shown.pop("ShowDocument"), shown.pop("StepDocument")
    run = listed.pop("RunDocument")
    assert listed == shown
    assert run["properties"] == {name: value for name, value in show["properties"].items() if name != "steps"}
    assert [*run["required"], "steps"] == show["required"]


def test_documents_of_reading_commands_match_their_schema(demo: Demo, reader: Program) -> None:
    runs = reader.json_output("runs", "--json")
    assert {"completed", "failed", "waiting"} <= {run["status"] for run in runs}
    check("runs", runs)
    check("show", reader.json_output("show", "@latest", "--json"))
    check("stats", reader.json_output("stats", "--since", "30d", "--json"))
    check("stats-answers", reader.json_output("stats", "--answers", "--json"))
    check("runs-by-error", reader.json_output("runs", "--group", "error", "--json"))
    for line in reader.lines("events", "--json", "--backfill", "1"):
        check("events", json.loads(line))
    for status in ("pending", "resolved"):
        rows = reader.json_output("checkpoints", "--status", status, "--json")
        assert rows
        check("checkpoints", rows)
    check("demo", dict(demo.ready))


def test_documents_of_writing_commands_match_their_schema(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    check("resolve", writer.json_output("resolve", checkpoint_id, "approve", "--comment", "ok", "--yes", "--json"))
    failed_run = grid.finish_run("core_invoice-batch", SPOILED)
    replayed = writer("replay", failed_run, "--yes", "--json")
    assert replayed.returncode == 1
    check("replay", json.loads(replayed.stdout))
    entries = writer.json_output("ledger", "--json")
    assert {entry["kind"] for entry in entries} == {"answer", "replay"}
    check("ledger", entries)


def test_documents_of_following_commands_match_their_schema(grid: FastGrid, writer: Program, tmp_path: Path) -> None:
    failed_run = grid.finish_run("core_invoice-batch", SPOILED)
    waiting_run = grid.finish_run("core_expense-approval", TRIP)
    lines = [json.loads(line) for line in writer.lines("watch", failed_run, "--json")]
    lines += [json.loads(line) for line in writer.lines("watch", waiting_run, "--json", "--until", "waiting")]
    assert {"run_began", "node_exited", "node_failed", "run_failed", "checkpoint_waits"} <= {
        line["change"] for line in lines
    }
    for line in lines:
        check("watch", line)
    check("record", writer.json_output("record", "--for", "1", "--json", "--journal", str(tmp_path / "j")))


def test_a_schema_rejects_wrong_documents(reader: Program) -> None:
    run = reader.json_output("show", "@latest", "--json")
    for name, value in (("status", "done"), ("started_at", "yesterday"), ("nodes", None), ("event_count", "7")):
        assert not Draft202012Validator(SCHEMAS["show"]).is_valid(run | {name: value})
    assert not Draft202012Validator(SCHEMAS["show"]).is_valid({key: run[key] for key in run if key != "input"})
    check("show", run | {"added_later": 1})


def test_a_schema_is_printed_by_its_name(program: Program) -> None:
    assert program.json_output("schema", "runs") == SCHEMAS["runs"]
    head, *rows = program.lines("schema")
    assert head.split() == ["NAME", "DESCRIBES"]
    assert [row.split()[0] for row in rows] == schema_names()
    unknown = program("schema", "run")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "did you mean runs?" in unknown.stderr


def test_documents_of_config_and_doctor_match_their_schema(program: Program, reader: Program) -> None:
    check("doctor", reader.json_output("doctor", "--json"))
    shown = reader.json_output("config", "show", "--json")
    check("config-show", shown)
    assert shown["settings"].keys() == SCHEMAS["config-show"]["$defs"]["SettingsDocument"]["properties"].keys()
    for configured in (program, program.with_variables(SCAICORE_TUI_URL="no address")):
        check("config-check", json.loads(configured("config", "check", "--json").stdout))
