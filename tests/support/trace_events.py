"""Check a file of trace events as strictly as viewers could."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import Any

Event = dict[str, Any]
# The members of each phase. All have a process and a thread.
MEMBERS = {
    "M": {"ph", "name", "pid", "tid", "ts", "args"},
    "X": {"ph", "cat", "name", "pid", "tid", "ts", "dur", "args"},
    "i": {"ph", "cat", "name", "pid", "tid", "ts", "s", "args"},
    "b": {"ph", "cat", "name", "pid", "tid", "ts", "id", "args"},
    "e": {"ph", "cat", "name", "pid", "tid", "ts", "id"},
}


def read_trace(text: str) -> list[Event]:
    """Return the events of a file, after checking it and each of them."""
    text.encode("ascii")
    document = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    assert set(document) == {"displayTimeUnit", "traceEvents", "otherData"}
    events: list[Event] = document["traceEvents"]
    for event in events:
        assert set(event) == MEMBERS[event["ph"]], event
        assert all(type(event[name]) is int and event[name] >= 0 for name in ("pid", "tid", "ts")), event
        # A browser's numbers are exact up to here.
        assert event["ts"] + event.get("dur", 0) < 2**53, event
        json.dumps(event, ensure_ascii=False).encode()
    _check_names(events)
    _check_pairs(events)
    for _, members in groupby(sorted((e for e in events if e["ph"] == "X"), key=_thread), key=_thread):
        stack_of(list(members))
    return events


def stack_of(slices: list[Event]) -> list[tuple[Event, Event | None]]:
    """Return the complete events of one thread with what is around each, as viewers see it: they must nest."""
    found: list[tuple[Event, Event | None]] = []
    stack: list[Event] = []
    assert [each["ts"] for each in slices] == sorted(each["ts"] for each in slices)
    for each in slices:
        assert each["dur"] > 0, each
        while stack and stack[-1]["ts"] + stack[-1]["dur"] <= each["ts"]:
            stack.pop()
        if stack:
            assert each["ts"] + each["dur"] <= stack[-1]["ts"] + stack[-1]["dur"], (each, stack[-1])
        found.append((each, stack[-1] if stack else None))
        stack.append(each)
    return found


def _check_names(events: list[Event]) -> None:
    """Check that each process and thread has one name, before its events."""
    named = set[tuple[int, int]]()
    for event in events:
        key = (event["pid"], event["tid"])
        if event["ph"] == "M":
            assert key not in named
            assert (event["name"] == "process_name") == (event["tid"] == 0)
            assert list(event["args"]) == ["name"]
            named.add(key)
        else:
            assert {key, (event["pid"], 0)} <= named, event


def _check_pairs(events: list[Event]) -> None:
    """Check that each `b` has one `e` of the same id, category and name, which is not earlier."""
    begun: dict[tuple[str, str, str], int] = {}
    used = Counter[str]()
    for event in events:
        if event["ph"] == "b":
            begun[event["id"], event["cat"], event["name"]] = event["ts"]
            used[event["id"]] += 1
        elif event["ph"] == "e":
            assert begun.pop((event["id"], event["cat"], event["name"])) <= event["ts"]
    assert not begun
    assert not used or max(used.values()) == 1


def _thread(event: Event) -> tuple[int, int]:
    return event["pid"], event["tid"]


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)
