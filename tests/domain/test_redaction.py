"""Redaction: what is replaced, what stays, and that nothing hides a secret from it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.export.redaction import Finding, Redactor
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.protocol.checkpoints import read_checkpoint
from scaicore_tui.secrets import Secret
from tests.support.hostile.corpus import CORPUS

HASH = re.compile(r"\[redacted [0-9a-f]{8}\]")
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"


def redactor(*paths: str) -> Redactor:
    return Redactor(Secret("k" * 64), paths)


def event(payload: Any, **members: Any) -> Event:
    return decode_event(json.dumps({"type": "note", "core_id": "core_a", "payload": payload} | members).encode())


def redacted(payload: Any, *paths: str) -> Any:
    return json.loads(redactor(*paths).event(event(payload)).raw)["payload"]


def nested(text: str, times: int) -> str:
    """Return JSON in a string in JSON …"""
    for _ in range(times):
        text = json.dumps({"inner": text})
    return text


@pytest.mark.parametrize(
    "payload",
    [
        {"password": "hunter22"},
        {"input": {"API-Key": "hunter22"}},
        {"tokens": ["hunter22", {"a": "hunter22"}]},
        {"pin_pass": 77554433},
        {"headers": [{"name": "X-Api-Key", "value": "hunter22"}, {"name": "Accept", "value": "*/*"}]},
        {"headers": [["Authorization", "hunter22"], ["Accept", "*/*"]]},
        {"result_binding": "api_token", "result_binding_value": {"v": "hunter22"}},
        {"text": f"call it with {JWT} please"},
        {"text": f"Authorization: Bearer hunter22xyz and {PEM} after"},
        {"text": "https://ada:hunter22@host/x?token=hunter22&page=1"},
        {"text": "sgk_hunter22"},
        {JWT: 1},
        {"text": nested(json.dumps({"password": "hunter22"}), 3)},
        {"text": json.dumps({"credentials": {"deep": {"value": "hunter22"}}})},
    ],
)
def test_secrets_are_replaced_wherever_they_are(payload: Any) -> None:
    found = redactor().event(event(payload))
    for secret in (b"hunter22", b"77554433", JWT.encode(), b"MIIEvQIBADANBg"):
        assert secret not in found.raw
    assert HASH.search(found.raw.decode())


def test_all_else_stays_byte_for_byte() -> None:
    raw = (
        b'{"type" : "note","payload":{"execution_id":"exec_1","usage":{"total_tokens":512,"prompt_tokens":1.50},'
        b'"passed":true,"token":null,"net":1e400,"a":1,"a":2,"text":"\\u00e9 ok"} }'
    )
    original = decode_event(raw)
    assert redactor().event(original) is original
    changed = redactor().event(decode_event(raw.replace(b"null", b'"abcdefgh"')))
    assert HASH.sub("null", changed.raw.decode()).replace('"null"', "null").encode() == raw
    assert changed.execution_id == "exec_1"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"payload":{"a":"sgk_first1","a":"ok","a":"sgk_second","password":"sgk_third"}}',
        b'{"payload":{"a":"\\u0073gk_first1","p\\u0061ssword":"sgk_second"}}',
        b'{"payload":{"a":"sgk_first1","b":' + b'{"x":' * 3_000 + b'"sgk_second"' + b"}" * 3_000 + b"}}",
        b'{"payload":{"a":"sgk_first1","b":\xff"sgk_second","c":"\\u0073gk_first1',
        b'{"payload":{"a":"sgk_first1", "n":' + b"9" * 5_000 + b', "b":"sgk_second"',
    ],
)
def test_invalid_repeated_and_deep_json_hides_nothing(raw: bytes) -> None:
    found = redactor().event(decode_event(raw)).raw
    for secret in (b"gk_first1", b"gk_second", b"gk_third"):
        assert secret not in found


def test_equal_secrets_stay_equal_and_other_keys_hash_otherwise() -> None:
    payload = {"token": "abcdefgh", "password": "abcdefgh", "secret": "other"}
    found = redacted(payload)
    assert found["token"] == found["password"] != found["secret"]
    other = Redactor(Secret("x" * 64)).event(event(payload))
    assert json.loads(other.raw)["payload"]["token"] != found["token"]


def test_paths_of_the_profile_are_replaced_with_all_below_them() -> None:
    payload = {"input": {"lines": [{"net": 1.5, "mail": "a@b"}, {"net": 2}], "customer": {"name": "Ada", "n": [1]}}}
    found = redacted(payload, "input.lines.net", "input.customer", "output.*.x")
    assert [HASH.fullmatch(line["net"]) is not None for line in found["input"]["lines"]] == [True, True]
    assert found["input"]["lines"][0]["mail"] == "a@b"
    assert HASH.fullmatch(found["input"]["customer"]["name"])
    assert HASH.fullmatch(found["input"]["customer"]["n"][0])
    assert redacted({"output": {"any": {"x": 1}, "x": 1}}, "output.*.x")["output"]["x"] == 1


def test_what_was_replaced_is_counted_by_reason_and_path() -> None:
    one = redactor("input.name")
    one.event(event({"input": {"name": "Ada", "password": "abcdefgh"}, "text": "sgk_abcdefgh"}))
    assert one.findings == {
        Finding("at a path of the profile", "payload.input.name"): 1,
        Finding("named pass", "payload.input.password"): 1,
        Finding("ScaiGrid API key", "payload.text"): 1,
    }
    assert sum(row.count for row in one.summary()) == 3


def test_checkpoints_and_own_tokens_are_redacted() -> None:
    own = Secret("an-own-opaque-value")
    row = read_checkpoint(
        json.dumps(
            {"id": "ckpt_1", "presentation": {"title": f"use {own.reveal()}"}, "context": {"iban": "DE02120300"}}
        ).encode()
    )
    found = redactor().checkpoint(row)
    assert found.id == "ckpt_1"
    assert own.reveal() not in found.title
    assert HASH.fullmatch(found.context["iban"])
    assert redactor().checkpoint(found) == found


@given(st.sampled_from(["password", "api_key", "Authorization"]), st.text(min_size=1), st.text())
def test_the_value_of_a_secret_member_never_stays(name: str, value: str, beside: str) -> None:
    found = redactor().event(event({"beside": beside, name: value}))
    assert HASH.fullmatch(json.loads(found.raw)["payload"][name])


def test_hostile_texts_stay_json() -> None:
    for text in CORPUS.values():
        found = redacted({"text": text, "token": text or "x"})
        assert HASH.fullmatch(found["token"])
