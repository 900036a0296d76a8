"""One hour of events of three Cores: runs of every status, two checkpoints, a loop and a long error message."""

from __future__ import annotations

import json
from typing import Any

from scaicore_tui.protocol import Event
from tests.support.builders import MILLISECOND, NOON, SECOND, checkpoint, event
from tests.support.feed_simulator import FeedSim

TRIAGE, EXPENSES, INVOICES = "core_support-triage", "core_expense-approval", "core_invoice-batch"
MESSAGE = "My parcel never arrived. Please refund order 4711."
REVIEW_CONTEXT = {"employee": "Zoë de Vries", "amount": 1200, "currency": "EUR", "items": ["hotel", "train"]}


class RunEvents:
    """Builds the events of one run, which starts `start_s` seconds after noon."""

    def __init__(self, execution: str, core: str, start_s: int) -> None:
        self.execution, self.core = execution, core
        self.at = NOON + start_s * SECOND
        self.events: list[Event] = []

    def add(self, kind: str, after_ms: int = 1, **payload: Any) -> RunEvents:
        self.at += after_ms * MILLISECOND
        self.events.append(event(kind, self.at, self.execution, self.core, **payload))
        return self

    def start(self, **value: Any) -> RunEvents:
        return self.add("invocation.started", input=value, node_id=None)

    def enter(self, node: str, kind: str) -> RunEvents:
        return self.add("block.entered", node_id=node, block_kind=kind)

    def step(self, node: str, kind: str, duration_ms: int, result: Any, binding: str | None = None) -> RunEvents:
        result_fields = {"result_binding": binding or node, "result_binding_value": result}
        return self.enter(node, kind).add("block.exited", duration_ms, node_id=node, block_kind=kind, **result_fields)

    def fail(self, node: str, kind: str, duration_ms: int, error: dict[str, Any]) -> RunEvents:
        self.enter(node, kind).add("block.failed", duration_ms, node_id=node, block_kind=kind, error=error)
        return self.add("invocation.failed", error=error)

    def end(self, output: Any) -> RunEvents:
        return self.add("invocation.completed", output=output)


def completed_triage(execution: str, start_s: int) -> list[Event]:
    """Return a completed triage."""
    run = RunEvents(execution, TRIAGE, start_s).start(message=MESSAGE)
    run.step("classify", "flexible", 412, {"intent": "refund", "amount": 59})
    run.step("find_order", "core_call", 1210, {"id": 4711, "status": "lost"}, "order")
    return run.step("reply", "guarded", 3120, "We are sorry. The refund is on its way.").end({"sent": True}).events


def waiting_expense(execution: str = "exec_77aa02", start_s: int = -240) -> list[Event]:
    """Return an expense claim that waits for its review."""
    run = RunEvents(execution, EXPENSES, start_s).start(employee="Zoë de Vries", amount=1200)
    run.step("read_receipt", "rigid", 800, {"total": 1200, "currency": "EUR"}).step("policy", "rigid", 3, "over limit")
    return run.enter("review", "checkpoint").events


def failed_batch(execution: str = "exec_5b0c11", start_s: int = -540) -> list[Event]:
    """Return a batch whose third payment fails."""
    run = RunEvents(execution, INVOICES, start_s).start(invoices=[1, 2, 3]).step("load", "model_call", 95, [1, 2, 3])
    run.enter("each", "foreach").step("pay", "core_call", 300, "paid").step("pay", "core_call", 280, "paid")
    error = {"code": "BANK_DOWN", "message": "the bank did not answer within 30 s; payment 3 of 3 was not made"}
    return run.fail("pay", "core_call", 30_000, error).events


def running_triage(execution: str = "exec_8f21c4", start_s: int = 60) -> list[Event]:
    """Return a running triage."""
    run = RunEvents(execution, TRIAGE, start_s).start(message=MESSAGE)
    run.step("classify", "flexible", 412, {"intent": "refund", "amount": 59}, "intent")
    return run.step("find_order", "core_call", 1210, {"id": 4711}, "order").enter("reply", "guarded").events


def stopped_debug(execution: str = "exec_d3b6f0", start_s: int = 50) -> list[Event]:
    """Return a run at a breakpoint."""
    return (
        RunEvents(execution, TRIAGE, start_s).start(message="hello").step("classify", "flexible", 9, "greeting").events
    )


def events_two_hours_later() -> list[Event]:
    """Return the events of the feed two hours later; it only keeps the last ten minutes."""
    runs = [completed_triage(f"exec_{6 * 16**5 + n * 7919:06x}", 6_600 + n * 90) for n in range(4)]
    return [each for run in (*runs, running_triage("exec_6f21d5", 7_260)) for each in run]


REVIEW = checkpoint(
    "ckpt_review",
    core_id=EXPENSES,
    execution_id="exec_77aa02",
    flow_name="expense-approval",
    priority="high",
    presentation={"title": "Review needed", "message": "Zoë de Vries claims 1,200 EUR for a hotel. Allowed are 900."},
    options=[
        {"id": "approve", "label": "Approve"},
        {"id": "reject", "label": "Reject"},
        {"id": "more", "label": "Needs more info"},
    ],
    context=REVIEW_CONTEXT,
    created_at="2026-04-29T11:56:01.000Z",
    expires_at="2026-04-29T13:00:00.000Z",
)
BREAKPOINT = checkpoint(
    "ckpt_break",
    core_id=TRIAGE,
    execution_id="exec_d3b6f0",
    checkpoint_type="debug_breakpoint",
    presentation={"title": "Breakpoint", "message": "before find_order"},
    options=["continue"],
    created_at="2026-04-29T12:00:51.000Z",
)


def busy_feed() -> FeedSim:
    """Return the feed of the whole hour."""
    runs = [completed_triage(f"exec_{4 * 16**5 + n * 7919:06x}", -3500 + n * 130) for n in range(22)]
    runs += [failed_batch(), waiting_expense(), stopped_debug(), running_triage()]
    log = sorted((each for run in runs for each in run), key=lambda each: json.loads(each.raw)["timestamp"])
    return FeedSim(log, checkpoints=[REVIEW, BREAKPOINT])
