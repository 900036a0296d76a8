"""Ids of the Cores that the demo hosts, and inputs for them with a known result."""

from __future__ import annotations

from typing import Any

APPROVAL, INVOICES, DEBUG_SESSION = "core_expense-approval", "core_invoice-batch", "core_debug-session"

# Small enough to be approved without a person.
EXPENSE: dict[str, Any] = {
    "employee": "Ada",
    "purpose": "USB-C dock",
    "amount": 20.0,
    "currency": "EUR",
    "receipts": 1,
}
# Large enough to wait at a checkpoint.
TRIP: dict[str, Any] = {**EXPENSE, "purpose": "Flight to Lisbon", "amount": 900.0}
# Nothing to pay: the batch completes.
GOOD: dict[str, Any] = {"batch": "B-1", "invoices": []}
# The vendor is unknown: the batch fails.
SPOILED: dict[str, Any] = {
    "batch": "B-2",
    "invoices": [{"number": "1-1", "vendor": "Unknown Trading Ltd", "amount": 9}],
}
# For `DEBUG_SESSION`, which stops at its breakpoint.
INCIDENT: dict[str, Any] = {"incident": "webhook retries never stop", "reporter": "Ada", "revision": "abc1234"}
