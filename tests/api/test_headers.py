"""Headers are untrusted: a value not in the documented form is ignored, and no value costs much memory or time."""

from __future__ import annotations

import time
import tracemalloc

import httpx
import pytest

from scaicore_tui.api.budget import Budget, Priority
from scaicore_tui.api.rate_window import MAX_REQUESTS_PER_MINUTE, Quota, read_quota
from scaicore_tui.protocol import read_problem
from scaicore_tui.protocol.headers import (
    MAX_AGE_S,
    MAX_WAIT_S,
    cached_age,
    parse_http_date,
    parse_retry_after,
    server_time,
)
from tests.support.manual_clock import ManualClock

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
FORMS = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
INVALID_VALUES = [
    "",
    "soon",
    "-5",
    "+5",
    "nan",
    "inf",
    "-inf",
    "1e3",
    "0x10",
    "1_000",
    "٣",
    "5 s",
    "Sun, 99 Nov 1994 08:49:37",
]
LATER = "Sun, 06 Nov 1994 08:50:22 GMT"


def quota_headers(limit: str, remaining: str, reset: str = "") -> dict[str, str]:
    fields = {"Limit": limit, "Remaining": remaining, "Reset": reset}
    return {f"X-Scaigrid-Ratelimit-{name}": value for name, value in fields.items()}


@pytest.mark.parametrize("form", FORMS)
def test_an_http_date_is_parsed_in_each_of_its_forms(form: str) -> None:
    assert parse_http_date(form) == NOW
    assert parse_retry_after(form, NOW - 45) == 45
    assert parse_retry_after(form, NOW + 45) == 0


def test_a_date_without_a_zone_is_utc_in_any_local_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX8")
    time.tzset()
    try:
        assert [parse_http_date(form) for form in FORMS] == [NOW] * 3
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_leap_second_is_parsed() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_http_date("Sat, 31 Dec 2016 23:59:59 GMT")


@pytest.mark.parametrize("text", INVALID_VALUES)
def test_invalid_values_are_ignored(text: str) -> None:
    assert parse_retry_after(text, NOW) is None
    assert cached_age({"Age": text}) == 0
    assert read_quota(quota_headers(text, "1")) is None
    assert read_quota(quota_headers("60", text)) is None
    assert read_quota(quota_headers("60", "1", text)) == Quota(60, 1)


def test_the_longest_of_several_waits_counts_up_to_the_limit() -> None:
    assert parse_retry_after("7", NOW) == 7
    assert parse_retry_after("7, 9", NOW) == 9
    assert parse_retry_after("9" * 400, NOW) == MAX_WAIT_S
    assert parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", NOW) == MAX_WAIT_S
    assert parse_retry_after(FORMS[0], None) is None


def test_the_largest_of_several_valid_ages_counts() -> None:
    assert cached_age({"Age": "7"}) == 7
    assert cached_age({"Age": "0, 3600"}) == 3600
    assert cached_age({"Age": "soon, 8"}) == 8
    assert cached_age({"Age": "9" * 30}) == MAX_AGE_S


def test_a_date_is_the_servers_time_unless_the_response_may_be_cached() -> None:
    date = {"Date": FORMS[0]}
    assert server_time(date) == NOW
    assert server_time(date | {"Age": "0"}) == NOW
    for age in ("1", "0, 3", "soon", ""):
        assert server_time(date | {"Age": age}) is None


def test_a_repeated_quota_counts_only_if_the_values_agree() -> None:
    assert read_quota(quota_headers("60, 60", "5, 5")) == Quota(60, 5)
    assert read_quota(quota_headers("60, 600", "5")) is None


@pytest.mark.parametrize("limit", ["100000000", "1000000000000", "9" * 300])
async def test_a_huge_limit_costs_no_memory(limit: str) -> None:
    budget = Budget(ManualClock())
    tracemalloc.start()
    try:
        async with (
            budget.slot(Priority.HEAD) as first,
            budget.slot(Priority.HEAD) as second,
            budget.slot(Priority.HEAD) as third,
        ):
            for slot, remaining in ((first, "0"), (second, limit), (third, "1")):
                slot.on_response(200, quota_headers(limit, remaining, "1800000030"))
                budget.wait_time(Priority.HISTORY)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert budget.limit == MAX_REQUESTS_PER_MINUTE


@pytest.mark.parametrize("form", range(3))
async def test_a_429_with_a_retry_date_holds_by_the_servers_clock(form: int) -> None:
    """The server's clock is years behind ours: its dates are compared with its own `Date`."""
    later = ["Sun, 06 Nov 1994 08:50:22 GMT", "Sunday, 06-Nov-94 08:50:22 GMT", "Sun Nov  6 08:50:22 1994"][form]
    clock = ManualClock()
    budget = Budget(clock)
    async with budget.slot(Priority.HEAD) as slot:
        slot.on_response(429, {"Retry-After": later, "Date": FORMS[0]})
    assert budget.wait_time(Priority.WRITE) == pytest.approx(45)


async def test_a_retry_date_without_a_date_header_is_compared_with_the_last_one() -> None:
    clock = ManualClock()
    budget = Budget(clock)
    async with budget.slot(Priority.HEAD) as slot:
        slot.on_response(200, {"Date": FORMS[0]})
    clock.advance(15)
    async with budget.slot(Priority.HEAD) as slot:
        slot.on_response(429, {"Retry-After": LATER})
    assert budget.wait_time(Priority.WRITE) == pytest.approx(30)


@pytest.mark.parametrize("headers", [{"retry-after": LATER, "date": FORMS[0]}, {"Retry-After": "45"}])
def test_an_errors_wait_is_read_in_both_forms(headers: dict[str, str]) -> None:
    assert read_problem(503, httpx.Headers(headers), b"{}").to_error().retry_after == 45
    assert read_problem(503, headers, b"{}", NOW).to_error().retry_after == 45


def test_the_wait_is_read_from_the_body_if_the_header_is_invalid() -> None:
    body = b'{"status": "error", "error": {"code": "RATE_LIMITED", "message": "slow", "retry_after": 7}}'
    assert read_problem(429, {"Retry-After": "soon"}, body).retry_after == 7
