"""Hostile callers of the embedded ScaiGrid: their requests are treated as data, and are limited in size."""

from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest

from scaicore_tui.servers.grid.http import auth
from scaicore_tui.servers.grid.http.auth import Authenticator
from tests.support.core_inputs import INCIDENT
from tests.support.grid import MODULE, TOKENS, assert_sound, serving
from tests.support.grid_api import expect_error, invoke, invoke_until_suspended, pending, resolve

INJECTIONS = (
    "' OR '1'='1",
    "x'; DROP TABLE events; --",
    '" OR ""="',
    "%",
    "_",
    "x' UNION SELECT value, 1, 1, 1, 1 FROM identity --",
    "?1",
    ":core_id",
    "\x00",
    "\\",
    "{{input}}",
    "__class__",
)
# Numbers and texts that break arithmetic or loops.
UNSUITABLE_VALUES: tuple[Any, ...] = (
    10**4000,
    -(10**4000),
    1e308,
    -0.0,
    "x" * 10_000,
    [0] * 1_000,
    [[]] * 60,
    {"amount": {}},
    {"__class__": {"__mro__": []}},
    None,
    True,
    "",
)
FIELDS = ("amount", "employee", "currency", "batch", "message", "claim", "incident", "topic", "question", "customer")


@pytest.mark.parametrize("text", INJECTIONS)
async def test_sql_in_a_parameter_is_treated_as_a_value(text: str) -> None:
    async with serving() as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "debug-session", INCIDENT)
        before = grid.grid.store.events(), grid.grid.store.checkpoints()
        for path in ("events", "checkpoints"):
            page = (await client.get(f"{MODULE}/{path}", params={"core_id": text})).json()["data"]
            assert page == {path: [], "next_cursor": None}
            for name in ("cursor", "limit"):
                expect_error(await client.get(f"{MODULE}/{path}", params={name: text}), 422, "VALIDATION_ERROR")
        expect_error(await client.get(f"{MODULE}/checkpoints", params={"status": text}), 422, "VALIDATION_ERROR")
        expect_error(await resolve(client, checkpoint_id, text, comment=text), 422, "VALIDATION_ERROR")
        expect_error(await resolve(client, quote(text, safe=""), "continue"), 404, "NOT_FOUND")
        assert (grid.grid.store.events(), grid.grid.store.checkpoints()) == before


async def test_sql_in_a_body_is_stored_unchanged() -> None:
    async with serving() as grid, grid.client() as client:
        for text in INJECTIONS:
            await invoke(client, "fact-check", {"claim": text}, entity_id=text)
        runs = grid.grid.store.executions()
        assert [(run.input["claim"], run.instance_key) for run in runs] == [(text, text) for text in INJECTIONS]
        assert_sound(grid.grid.store.events())


async def test_values_of_the_wrong_kind_fail_the_run_without_a_crash() -> None:
    async with serving(speed=1e6) as grid, grid.client() as client:
        for core in grid.grid.cores:
            for unsuitable_value in UNSUITABLE_VALUES:
                invoices = [dict.fromkeys(("number", "vendor", "amount", "currency"), unsuitable_value)] * 3
                values = dict.fromkeys(FIELDS, unsuitable_value) | {"invoices": invoices}
                response = await invoke(client, core.removeprefix("core_"), values)
                assert response.status_code in {200, 502}, (core, unsuitable_value)
                json.dumps(response.json(), allow_nan=False)
        assert "INTERNAL_ERROR" not in {(run.error or {}).get("code") for run in grid.grid.store.executions()}
        assert_sound(grid.grid.store.events())


async def test_a_too_deep_body_is_refused_and_a_wide_one_accepted() -> None:
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    mixed = b'[{"a":' * 5_000 + b"1" + b"}]" * 5_000
    wide = b"[" + b"[]," * 100_000 + b"[]]"
    async with serving() as grid, grid.client() as client:
        for content in (b'{"input": %b}' % deep, b'{"input": {"a": %b}}' % mixed, deep):
            response = await client.post(f"{MODULE}/cores/core_fact-check/invoke", content=content)
            expect_error(response, 422, "VALIDATION_ERROR")
        assert not grid.grid.store.executions()
        content = b'{"input": {"claim": %b}}' % wide
        response = await client.post(f"{MODULE}/cores/core_fact-check/invoke", content=content)
        assert response.status_code in {200, 502}


async def test_invocations_beyond_the_limit_of_runs_are_refused() -> None:
    async with serving(max_runs=3) as grid, grid.client() as client:
        for _ in range(3):
            await invoke_until_suspended(client, "debug-session", INCIDENT)
        runs_before = grid.grid.store.executions()
        refused = await invoke(client, "debug-session", INCIDENT)
        assert expect_error(refused, 429, "RATE_LIMITED")["retry_after"] == int(refused.headers["Retry-After"])
        assert grid.grid.store.executions() == runs_before
        for _ in range(20):
            for row in await pending(client):
                await resolve(client, row["id"], "continue")
        assert (await invoke(client, "fact-check", {"claim": "x"})).status_code in {200, 502}


def test_a_token_is_compared_with_every_other_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth, "compare_digest", compare)
    guard = Authenticator(TOKENS)
    for token in (next(iter(TOKENS)), "none"):
        compared.clear()
        guard._role_of(token)
        assert [known for known, _ in compared] == [known.encode() for known in TOKENS]
