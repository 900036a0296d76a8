"""JSON that a person wrote: what can be sent as it stands, and where the rest is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.text import escaped, safe, source
from scaicore_tui.wire.given import read_given

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1, column 1: expecting value"),
        ('{\n "a": 1,\n}', "line 3, column 1: "),
        ('{"a": 1, "b": {"a": 2}, "a": 3}', 'line 1, column 25: the key "a" is there twice'),
        ('{"a": 1, "\\u0061" : 3}', r'line 1, column 10: the key "\\u0061" is there twice'),
        ("[1,\n -Infinity]", "line 2, column 2: -Infinity is no number"),
        ("-1e400", "line 1, column 1: -1e400 is no number"),
        ('{"NaN": NaN}', "line 1, column 9: NaN"),
        ('"\\udc00"', "half a character"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5_000, "too many digits"),
    ],
)
def test_what_is_no_json_to_send_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_given(text)


@pytest.mark.parametrize(
    "text", ['["NaN", "Infinity", "{", "\\"}", "1e999", "a"]', '[{"a": 1}, {"a": 1}]', '"\\ud83d\\ude00"']
)
def test_what_only_looks_like_it_is_not_refused(text: str) -> None:
    assert read_given(text) == json.loads(text)


@given(JSON)
def test_a_value_survives_being_edited(value: object) -> None:
    text = source(value)
    assert json.dumps(read_given(text)) == json.dumps(value)
    assert safe(text) == text
    assert escaped(text) == text
