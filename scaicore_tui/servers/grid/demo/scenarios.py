"""The requests of the demo traffic: realistic inputs, chosen at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_PEOPLE: Final = (
    "Mara Lindqvist",
    "Jonas Weber",
    "Aiko Tanaka",
    "Luís Carvalho",
    "Priya Raman",
    "Eva Horváth",
    "Tom Okafor",
    "Zoë de Vries",
)
_QUESTIONS: Final = (
    "How do I add a second seat to our plan?",
    "The export button gives me an empty file since yesterday.",
    "Can we get our invoices in German?",
    "Where can I see who changed the retention settings?",
)
_COMPLAINTS: Final = (
    "Third outage this month. I want to speak to somebody who can decide.",
    "You have charged us twice AGAIN and nobody answers the phone.",
)
_REFUNDS: Final = (
    "The parcel never arrived.",
    "We cancelled before the renewal date.",
    "Wrong size, unopened, sent back.",
)
_TRIPS: Final = (
    "Hotel, PyCon Bologna",
    "Train to the Utrecht office",
    "Client dinner, Globex",
    "Flight to Lisbon, offsite",
)
_SUPPLIES: Final = ("USB-C dock", "Desk lamp", "Paper and toner", "Two HDMI cables")
_VENDORS: Final = ("ACME GmbH", "Globex", "Initech", "Nordlicht Druck", "Umbra Logistik", "Stadtwerke Süd")
_TOPICS: Final = (
    "Do heat pumps pay off in old buildings?",
    "What does a four-day week do to output?",
    "How fast do grid batteries get cheaper?",
    "Which cities replaced car lanes for good?",
)
LARGE_BATCH_SIZE: Final = 20
_INCIDENTS: Final = (
    "nightly export takes 40 minutes",
    "duplicate rows in the ledger sync",
    "webhook retries never stop",
    "report totals differ by one cent",
)


@dataclass(frozen=True)
class Scenario:
    """One kind of request. `needs_review`: its run will wait for a person."""

    core_id: str
    entry: str
    make_input: Callable[[random.Random], dict[str, Any]]
    weight: float
    needs_review: bool = False


def _ticket(rng: random.Random, message: str, amount: int) -> dict[str, Any]:
    return {
        "ticket": f"T-{rng.randrange(20_000, 99_999)}",
        "customer": rng.choice(_PEOPLE),
        "message": message,
        "amount": amount,
    }


def _question(rng: random.Random) -> dict[str, Any]:
    return _ticket(rng, rng.choice(_QUESTIONS), 0)


def _complaint(rng: random.Random) -> dict[str, Any]:
    return {**_ticket(rng, rng.choice(_COMPLAINTS), 0), "tier": "enterprise"}


def _small_refund(rng: random.Random) -> dict[str, Any]:
    return _ticket(rng, rng.choice(_REFUNDS), rng.randrange(12, 190))


def _large_refund(rng: random.Random) -> dict[str, Any]:
    return _ticket(rng, rng.choice(_REFUNDS), rng.randrange(220, 1900))


def _expense(rng: random.Random, purpose: str, amount: float) -> dict[str, Any]:
    return {
        "employee": rng.choice(_PEOPLE),
        "purpose": purpose,
        "amount": amount,
        "currency": "EUR",
        "receipts": rng.randrange(1, 4),
    }


def _supplies(rng: random.Random) -> dict[str, Any]:
    return _expense(rng, rng.choice(_SUPPLIES), rng.randrange(900, 14_000) / 100)


def _trip(rng: random.Random) -> dict[str, Any]:
    return _expense(rng, rng.choice(_TRIPS), rng.randrange(280, 2400))


def _invoices(rng: random.Random) -> dict[str, Any]:
    count = rng.randrange(3, 7)
    invoices = [_invoice(rng, rng.choice(_VENDORS)) for _ in range(count)]
    return {"batch": f"B-{rng.randrange(1000, 9999)}", "invoices": invoices}


def _failing_invoices(rng: random.Random) -> dict[str, Any]:
    batch = _invoices(rng)
    return {**batch, "invoices": [*batch["invoices"], _invoice(rng, "Unknown Trading Ltd")]}


def _large_batch(rng: random.Random) -> dict[str, Any]:
    """Twenty invoices that were checked before; the system of one vendor is slow to answer each first attempt."""
    vendors = [*(rng.choice(_VENDORS) for _ in range(LARGE_BATCH_SIZE - 3)), *("Rail & Road" for _ in range(3))]
    rng.shuffle(vendors)
    batch = f"B-{rng.randrange(1000, 9999)}"
    return {"batch": batch, "checked": True, "invoices": [_invoice(rng, vendor) for vendor in vendors]}


def _invoice(rng: random.Random, vendor: str) -> dict[str, Any]:
    number = f"{rng.randrange(10_000, 99_999)}-{rng.randrange(10, 99)}"
    return {"number": number, "vendor": vendor, "amount": rng.randrange(4000, 480_000) / 100, "currency": "EUR"}


def _brief(rng: random.Random) -> dict[str, Any]:
    return {"question": rng.choice(_TOPICS), "editor": False}


def _edited_brief(rng: random.Random) -> dict[str, Any]:
    return {"question": rng.choice(_TOPICS), "editor": True}


def _brief_without_sources(_rng: random.Random) -> dict[str, Any]:
    return {"question": "What was said behind closed doors?", "editor": False}


def _incident(rng: random.Random) -> dict[str, Any]:
    return {
        "incident": rng.choice(_INCIDENTS),
        "reporter": rng.choice(_PEOPLE),
        "revision": f"{rng.getrandbits(28):07x}",
    }


FAILING_BATCH: Final = Scenario("core_invoice-batch", "nightly", _failing_invoices, 0.5)
"""This scenario always fails: the last of its vendors has no account."""
LARGE_BATCH: Final = Scenario("core_invoice-batch", "nightly", _large_batch, 0)
"""A loop of LARGE_BATCH_SIZE iterations, with at least three retries."""
FAILING_SUBFLOW: Final = Scenario("core_research", "asked", _brief_without_sources, 0)
"""This scenario always fails in the flow that it calls: nobody has a source."""
LARGE_REFUND: Final = Scenario("core_support-triage", "api", _large_refund, 2, needs_review=True)
"""Waits for a person without a deadline, unless the customer's data cannot be read."""

SCENARIOS: Final = (
    Scenario("core_support-triage", "mail", _question, 3),
    Scenario("core_support-triage", "mail", _complaint, 1),
    Scenario("core_support-triage", "api", _small_refund, 2),
    LARGE_REFUND,
    Scenario("core_expense-approval", "submitted", _supplies, 2),
    Scenario("core_expense-approval", "submitted", _trip, 2, needs_review=True),
    Scenario("core_invoice-batch", "nightly", _invoices, 3.5),
    FAILING_BATCH,
    Scenario("core_research", "asked", _brief, 3),
    Scenario("core_research", "asked", _edited_brief, 1, needs_review=True),
    Scenario("core_debug-session", "opened", _incident, 1.5, needs_review=True),
)
