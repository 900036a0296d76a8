"""Checkpoints of four Cores for the inbox: unsorted, some urgent, some overdue, some with a form."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.builders import checkpoint
from tests.support.feed_simulator import FeedSim
from tests.support.scene import BREAKPOINT, REVIEW, busy_feed

APPROVE_OPTIONS = [{"id": "approve", "label": "Approve"}, {"id": "reject", "label": "Reject"}]
FORM_SECTIONS = [
    {"type": "context", "title": "The expense", "fields": [{"name": "total", "label": "Total", "value": 1200}]},
    {
        "type": "input",
        "title": "Booking",
        "fields": [
            {"name": "cost_centre", "label": "Cost centre", "value": "4210"},
            {"name": "taxable", "label": "Taxable benefit", "value": False},
        ],
    },
    {"type": "decision", "title": "Decision", "buttons": ["approve", "reject"]},
]


def invoice(number: int, **fields: Any) -> dict[str, Any]:
    """Return the checkpoint of an invoice; each is a minute newer than the one before."""
    presentation = {"title": f"Invoice {number}", "message": f"Pay invoice {number} over {number * 100} EUR?"}
    return (
        checkpoint(
            f"ckpt_inv{number}",
            core_id="core_invoice-batch",
            execution_id=f"exec_inv{number}",
            presentation=presentation,
            options=APPROVE_OPTIONS,
            created_at=f"2026-04-29T11:{30 + number}:01.000Z",
        )
        | fields
    )


def resolved(identity: str, minute: int, resolution: str, who: str, **fields: Any) -> dict[str, Any]:
    """Return a checkpoint that was answered at 11:`minute`."""
    answer = {"status": "resolved", "resolution": resolution, "resolved_by": who}
    return checkpoint(identity, resolved_at=f"2026-04-29T11:{minute}:00.000Z", **answer, **fields)


OVERDUE = invoice(4, priority="critical", assignee_raw="group:finance", expires_at="2026-04-29T11:59:00.000Z")
DUE_SOON = invoice(5, priority="critical", assignee_raw="user:ann", expires_at="2026-04-29T12:06:00.000Z")
LOW_PRIORITY = invoice(6, priority="low", flow_name="night-batch")
WITH_FORM = REVIEW | {
    "id": "ckpt_form",
    "assignee_raw": "group:finance",
    "node_id": "review",
    "presentation": REVIEW["presentation"] | {"sections": FORM_SECTIONS},
}
RESOLVED = [
    resolved("ckpt_old", 20, "reject", "ann@acme.example", flow_name="night-batch"),
    resolved("ckpt_new", 50, "approve", "Zoë"),
]


class InboxFeed(FeedSim):
    """A feed that also lists resolved checkpoints."""

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.url.params.get("status") != "resolved":
            return super().respond(request)
        self.requests.append(request.url.path)
        return httpx.Response(200, json={"data": {"checkpoints": RESOLVED, "next_cursor": None}})


def inbox_feed(*checkpoints: dict[str, Any]) -> InboxFeed:
    """Return the busy feed with these checkpoints, or with all of this module."""
    pending = list(checkpoints) or [
        LOW_PRIORITY,
        invoice(1),
        BREAKPOINT,
        WITH_FORM,
        invoice(2),
        DUE_SOON,
        invoice(3),
        OVERDUE,
    ]
    return InboxFeed(busy_feed().log, checkpoints=pending)
