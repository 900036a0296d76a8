"""A second evaluator of queries about runs, written from the documentation: as slow and simple as possible.

It shares nothing with `analysis.query` but the tree: a mistake would have to be made twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scaicore_tui.analysis.error_groups import error_group_key
from scaicore_tui.analysis.query.tree import (
    And,
    DurationValue,
    MomentValue,
    Not,
    NumberValue,
    Or,
    PatternValue,
    Test,
    TextValue,
    Tree,
    Value,
    Word,
)
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Gap, Summary

UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Judge:
    """Judges runs as of `now`, in microseconds since 1970."""

    def __init__(self, now: int, pending: Sequence[Checkpoint], gaps: Sequence[Gap]) -> None:
        self.now = now
        self.pending = pending
        self.gaps = gaps

    def matches(self, tree: Tree, run: Summary) -> bool:
        if isinstance(tree, Word):
            named = [text for text in (run.core_id, *run.node_ids) if text]
            lines = [run.execution_id, run.error or "", run.instance_key or "", *(named or [""]), self.status(run)]
            return tree.text.lower() in "\n".join(lines).lower()
        if isinstance(tree, Not):
            return not self.matches(tree.part, run)
        if isinstance(tree, And):
            return all(self.matches(part, run) for part in tree.parts)
        if isinstance(tree, Or):
            return any(self.matches(part, run) for part in tree.parts)
        if tree.op == "!=":
            return not self.matches(Test(tree.field, type(tree.op)("="), tree.values), run)
        return any(self.passes(tree.field, str(tree.op), value, run) for value in tree.values)

    def status(self, run: Summary) -> str:
        if run.outcome is not None:
            return str(run.outcome)
        if any(one.execution_id == run.execution_id for one in self.pending):
            return "waiting"
        return "running" if run.is_runtime else "unknown"

    def passes(self, field: str, op: str, value: Value, run: Summary) -> bool:
        if isinstance(value, NumberValue):
            return compare(run.event_count, op, value.number)
        if isinstance(value, DurationValue):
            return self.passes_duration(field, op, value, run)
        if isinstance(value, MomentValue):
            moments = {"started": began(run), "ended": run.ended_at, "changed": run.last_event_at}
            return self.passes_moment(moments[field], op, value.text)
        if isinstance(value, PatternValue):
            return any(re.search(value.source, text, re.IGNORECASE) for text in self.texts(field, run))
        assert isinstance(value, TextValue)
        if op == "=":
            return value.text in self.texts(field, run)
        if field in ("status", "is", "has"):
            return any(text.startswith(value.text) for text in self.texts(field, run))
        return any(value.text.lower() in text.lower() for text in self.texts(field, run))

    def texts(self, field: str, run: Summary) -> list[str]:
        mine = [one for one in self.pending if one.execution_id == run.execution_id]
        failed = [node for node, state in zip(run.node_ids, run.node_state_codes, strict=True) if state == "f"]
        short = (run.core_id or "").removeprefix("core_")
        is_late = run.joined_late and run.is_runtime
        found: dict[str, Iterable[str | None]] = {
            "status": [self.status(run)],
            "core": [run.core_id, short if run.core_id is not None else None],
            "flow": [short if run.core_id is not None else None],
            "node": run.node_ids,
            "failed": failed[-1:],
            "error": [run.error],
            "group": [error_group_key(run)],
            "id": [run.execution_id],
            "instance": [run.instance_key],
            "assignee": [
                text for one in mine if one.assignee_raw for text in (one.assignee_raw, one.assignee_raw.split(":")[-1])
            ],
            "is": [self.status(run), "late" if is_late else None],
            "has": [
                "error" if run.error is not None else None,
                "checkpoint" if mine else None,
                "breakpoint" if any(one.checkpoint_type == "debug_breakpoint" for one in mine) else None,
                "gap" if any(self.is_hit(run, gap) for gap in self.gaps) else None,
            ],
        }
        return [text for text in found[field] if text is not None]

    def is_hit(self, run: Summary, gap: Gap) -> bool:
        if run.position > gap.after:
            return False
        return run.outcome is None or run.last_event_at is None or run.last_event_at > (gap.last_at or 0)

    def passes_duration(self, field: str, op: str, value: DurationValue, run: Summary) -> bool:
        number, unit = re.fullmatch(r"(\d+)([a-z]+)", value.text).groups()  # type: ignore[union-attr]
        wanted = int(number) * UNIT_MS[unit]
        if field == "duration":
            return run.reported_ms is not None and compare(run.reported_ms, op, wanted)
        since = began(run) if field == "age" else None if run.outcome else run.last_event_at
        return since is not None and compare(self.now - since, op, wanted * 1_000)

    def passes_moment(self, at: int | None, op: str, text: str) -> bool:
        if at is None:
            return False
        now = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self.now)
        when = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)
        if text[-1] in "smhd":
            ago = timedelta(milliseconds=int(text[:-1]) * UNIT_MS[text[-1]])
            return when >= now - ago if op in (":", "=") else compare(when, op, now - ago)
        if ":" in text:
            clock = now.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
            clock -= timedelta(days=1) if clock > now else timedelta()
            if op in (":", "="):
                return clock <= when < clock + timedelta(minutes=1)
            return compare(when, op, clock)
        return compare(when.date(), op, datetime.fromisoformat(text).date())


def began(run: Summary) -> int | None:
    return run.first_event_at if run.started_at is None else run.started_at


def compare(left: Any, op: str, right: Any) -> bool:
    results = {":": left == right, "=": left == right, ">": left > right, "<": left < right}
    return bool(results[op[0]] or (len(op) > 1 and left == right))
