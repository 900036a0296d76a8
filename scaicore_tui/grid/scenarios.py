"""What the traffic asks of the Cores: realistic inputs, drawn by chance."""

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
_INCIDENTS: Final = (
    "nightly export takes 40 minutes",
    "duplicate rows in the ledger sync",
    "webhook retries never stop",
    "report totals differ by one cent",
)


@dataclass(frozen=True)
class Scenario:
    """One kind of request. `waits` tells that its run will stop for a person."""

    core_id: str
    entry: str
    make: Callable[[random.Random], dict[str, Any]]
    weight: float
    waits: bool = False


def _ticket(chance: random.Random, message: str, amount: int) -> dict[str, Any]:
    return {
        "ticket": f"T-{chance.randrange(20_000, 99_999)}",
        "customer": chance.choice(_PEOPLE),
        "message": message,
        "amount": amount,
    }


def _question(chance: random.Random) -> dict[str, Any]:
    return _ticket(chance, chance.choice(_QUESTIONS), 0)


def _complaint(chance: random.Random) -> dict[str, Any]:
    return {**_ticket(chance, chance.choice(_COMPLAINTS), 0), "tier": "enterprise"}


def _small_refund(chance: random.Random) -> dict[str, Any]:
    return _ticket(chance, chance.choice(_REFUNDS), chance.randrange(12, 190))


def _large_refund(chance: random.Random) -> dict[str, Any]:
    return _ticket(chance, chance.choice(_REFUNDS), chance.randrange(220, 1900))


def _expense(chance: random.Random, purpose: str, amount: float) -> dict[str, Any]:
    return {
        "employee": chance.choice(_PEOPLE),
        "purpose": purpose,
        "amount": amount,
        "currency": "EUR",
        "receipts": chance.randrange(1, 4),
    }


def _supplies(chance: random.Random) -> dict[str, Any]:
    return _expense(chance, chance.choice(_SUPPLIES), chance.randrange(900, 14_000) / 100)


def _trip(chance: random.Random) -> dict[str, Any]:
    return _expense(chance, chance.choice(_TRIPS), chance.randrange(280, 2400))


def _invoices(chance: random.Random) -> dict[str, Any]:
    count = chance.randrange(3, 7)
    invoices = [_invoice(chance, chance.choice(_VENDORS)) for _ in range(count)]
    return {"batch": f"B-{chance.randrange(1000, 9999)}", "invoices": invoices}


def _spoiled_invoices(chance: random.Random) -> dict[str, Any]:
    batch = _invoices(chance)
    return {**batch, "invoices": [*batch["invoices"], _invoice(chance, "Unknown Trading Ltd")]}


def _invoice(chance: random.Random, vendor: str) -> dict[str, Any]:
    number = f"{chance.randrange(10_000, 99_999)}-{chance.randrange(10, 99)}"
    return {"number": number, "vendor": vendor, "amount": chance.randrange(4000, 480_000) / 100, "currency": "EUR"}


def _brief(chance: random.Random) -> dict[str, Any]:
    return {"question": chance.choice(_TOPICS), "editor": False}


def _edited_brief(chance: random.Random) -> dict[str, Any]:
    return {"question": chance.choice(_TOPICS), "editor": True}


def _incident(chance: random.Random) -> dict[str, Any]:
    return {
        "incident": chance.choice(_INCIDENTS),
        "reporter": chance.choice(_PEOPLE),
        "revision": f"{chance.getrandbits(28):07x}",
    }


SPOILED_BATCH: Final = Scenario("core_invoice-batch", "nightly", _spoiled_invoices, 0.5)
"""It always fails: the last of its vendors has no account."""

SCENARIOS: Final = (
    Scenario("core_support-triage", "mail", _question, 3),
    Scenario("core_support-triage", "mail", _complaint, 1),
    Scenario("core_support-triage", "api", _small_refund, 2),
    Scenario("core_support-triage", "api", _large_refund, 2, waits=True),
    Scenario("core_expense-approval", "submitted", _supplies, 2),
    Scenario("core_expense-approval", "submitted", _trip, 2, waits=True),
    Scenario("core_invoice-batch", "nightly", _invoices, 3.5),
    SPOILED_BATCH,
    Scenario("core_research", "asked", _brief, 3),
    Scenario("core_research", "asked", _edited_brief, 1, waits=True),
    Scenario("core_debug-session", "opened", _incident, 1.5, waits=True),
)
