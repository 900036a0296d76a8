"""Generated traffic: events of overlapping runs of 18 events, as the API writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count, islice

from tests.support.builders import MILLISECOND, NOON, RUNTIME

EVENTS_PER_RUN = 18
CONCURRENT_RUNS = 24
NODES = ("classify", "look_up", "decide", "draft", "check", "review", "send", "archive")
KINDS = ("flexible", "core_call", "match", "guarded", "rigid", "checkpoint", "core_call", "rigid")
CORES = ("core_support_triage", "core_expense_approval", "core_invoice_batch")
MESSAGE = "The customer asks for a refund of order 1,204, which arrived damaged; photos are attached."


def sources(events: int) -> Iterator[bytes]:
    """Yield the bytes of `events` events, oldest first."""
    return islice(_interleaved(), events)


def short_runs(runs: int) -> Iterator[bytes]:
    """Yield the first and the last event of each of `runs` runs, one run after the other."""
    for number in range(runs):
        first, *_, last = _run(number)
        yield _event(NOON + 2 * number * MILLISECOND, *first)
        yield _event(NOON + (2 * number + 1) * MILLISECOND, *last)


def pages(events: Sequence[bytes], size: int = 500) -> Iterator[bytes]:
    """Yield bodies as the API sends them: the oldest page first, and within a page the newest event first."""
    for begin in range(0, len(events), size):
        page = b",".join(reversed(events[begin : begin + size]))
        yield b'{"data":{"events":[' + page + b'],"next_cursor":"b3BhcXVl"}}'


def _interleaved() -> Iterator[bytes]:
    """Yield one event of each open run in turn; an ended run is replaced by a new one."""
    numbers = count()
    open_runs = [_run(next(numbers)) for _ in range(CONCURRENT_RUNS)]
    for skipped, run in enumerate(open_runs):
        for _ in range(skipped % EVENTS_PER_RUN):
            next(run)
    for number in count():
        slot = number % CONCURRENT_RUNS
        step = next(open_runs[slot], None)
        if step is None:
            open_runs[slot] = _run(next(numbers))
            step = next(open_runs[slot])
        yield _event(NOON + number * MILLISECOND, *step)


def _run(number: int) -> Iterator[tuple[str, str, dict[str, object]]]:
    core = CORES[number % len(CORES)]
    run: dict[str, object] = {"execution_id": f"exec_{number:012x}"}
    run_input = {"ticket": number, "text": MESSAGE, "customer": {"id": f"cus_{number}", "tier": "gold"}}
    yield "invocation.started", core, run | {"input": run_input, "node_id": None, "instance_key": f"ticket-{number}"}
    for node, kind in zip(NODES, KINDS, strict=True):
        block: dict[str, object] = run | {"node_id": node, "block_kind": kind}
        yield "block.entered", core, block
        if number % 20 == 0 and node == "send":
            yield "block.failed", core, block | {"error": {"code": "TIMEOUT", "message": "no answer for 30 s"}}
        else:
            value: dict[str, object] = {
                "result_binding": node,
                "result_binding_value": {"score": 0.97, "label": "refund", "n": number},
            }
            yield "block.exited", core, block | value
    if number % 20 == 0:
        yield "invocation.failed", core, run | {"error": {"code": "TIMEOUT", "message": "no answer for 30 s"}}
    else:
        yield "invocation.completed", core, run | {"output": {"reply": MESSAGE, "ok": True}, "duration_ms": 412}


def _event(at: int, kind: str, core: str, payload: dict[str, object]) -> bytes:
    seconds, rest = divmod(at - NOON, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours + 12, 24)
    stamp = (
        f"2026-{4 + (28 + day) // 30:02}-{1 + (28 + day) % 30:02}T{hour:02}:{minute:02}:{second:02}.{rest // 1000:03}Z"
    )
    body = {"type": RUNTIME + kind, "core_id": core, "timestamp": stamp, "payload": payload}
    return json.dumps(body, separators=(",", ":")).encode()
