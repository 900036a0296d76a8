"""JSON that a person typed: valid JSON is sent byte for byte, invalid JSON is rejected with its position."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.errors import UsageError
from scaicore_tui.json_text import write
from scaicore_tui.protocol import read_checkpoint, read_event_page, read_invocation
from scaicore_tui.protocol.events import decode_page_lenient
from scaicore_tui.protocol.strict_json import encode_strict, parse_strict
from scaicore_tui.text import editable_json, escape_json, reindent_json, sanitize

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: expecting value"),
        ('{\n "a": 1,\n}', "line (3, column 1|2, column 8): "),
        ("[1,\n -Infinity]", "line 2, column 2: -Infinity is not a valid JSON number"),
        ('{"NaN": NaN}', "line 1, column 9: NaN"),
        ('"\udc00"', "line 1, column 2: an incomplete character"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 201 + "]" * 201, "nested too deeply"),
        ("1.", "line 1, column 2: extra data"),
        ("01", "line 1, column 2: extra data"),
        ('{"a": "\t"}', "line 1, column 8: invalid control character"),
    ],
)
def test_invalid_json_is_rejected_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_strict(text)


@pytest.mark.parametrize(
    "text", ['["NaN", "Infinity", "{", "\\"}", "1e999", "a"]', '[{"a": 1}, {"a": 1}]', '"\\ud83d\\ude00"']
)
def test_text_inside_strings_is_not_mistaken_for_invalid_json(text: str) -> None:
    assert parse_strict(text).value == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 0.10, "m": 1E5, "z": -0.0, "i": -0}',
        "[1e400, -1e400, 1e-400, 0.12345678901234567890, 12345678901234567.89]",
        "1" * 5_000,
        '{"a": 1, "a": 2, "\\u0061": 3}',
        '{ "a" :\n[ 1 ,2 ] }',
        '["\\ud800", "\\u00e9", "é", "\\/"]',
        '"just text"',
    ],
    ids=range(7),
)
def test_valid_json_is_sent_byte_for_byte(text: str) -> None:
    assert parse_strict(text).source == text.encode()
    assert parse_strict(f"\ufeff \r\n{text}\n").source == text.encode()


def test_duplicate_keys_get_a_warning() -> None:
    assert [
        note.partition(": servers")[0] for note in parse_strict('{"a": 1, "b": {"a": 2}, "\\u0061" : 3}').notes
    ] == ['line 1, column 25: duplicate key "\\u0061"']


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": [-float("inf")]}])
def test_values_that_json_cannot_express_are_rejected(value: object) -> None:
    with pytest.raises(UsageError, match="cannot be sent as JSON"):
        encode_strict(value)


@given(JSON)
def test_a_value_survives_being_edited(value: object) -> None:
    text = editable_json(value)
    assert json.dumps(parse_strict(text).value) == json.dumps(value)
    assert sanitize(text) == text
    assert escape_json(text) == text
    assert reindent_json(json.dumps(value)) == text


@given(JSON)
def test_json_is_written_as_python_writes_it(value: object) -> None:
    assert write(value) == json.dumps(value, ensure_ascii=False)
    assert write(value, ascii_only=True, indent=2) == json.dumps(value, indent=2)
    assert write(value, tight=True) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "text", ['{"a": 0.10, "b": [1e400, 1E5], "c": -0.0}', "1.10", f"[{'9' * 5_000}]"], ids=range(3)
)
def test_numbers_keep_their_digits_in_every_decoder(text: str) -> None:
    body = f'{{"data": {{"events": [{{"type": "a", "payload": {{"x": {text}}}}}], "next_cursor": ""}}}}'.encode()
    for page in (read_event_page(body), decode_page_lenient(body)):
        assert write(page.events[0].payload["x"]) == text
        assert page.events[0].payload_source("x") == text.encode()
    assert write(read_checkpoint(f'{{"id": "c", "context": {text}}}'.encode()).context) == text
    assert write(read_invocation(f'{{"output": {text}}}'.encode()).output) == text
    assert write(parse_strict(text).value) == text


def test_duplicate_keys_survive_editing() -> None:
    assert reindent_json('{"a":1.50,"a":[ ],"\\u00e9\\u202e":{}}') == '{\n  "a": 1.50,\n  "a": [],\n  "é\\u202e": {}\n}'
