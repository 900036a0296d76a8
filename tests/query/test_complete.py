"""Completion: what can be completed where, with which values, and what the line below a query says."""

from __future__ import annotations

import pytest

from scaicore_tui.analysis.query import RUNS
from scaicore_tui.analysis.query.complete import apply_offer, completion_point, offers
from scaicore_tui.tui.query_model import QueryModel

CORES = [("core_triage", 1_200), ("core_two words", 7)]


@pytest.mark.parametrize(
    ("text", "field", "typed"),
    [
        ("", None, ""),
        ("sta", None, "sta"),
        ("a !sta", None, "sta"),
        ("(sta", None, "sta"),
        ("status:", "status", ""),
        ("a -status:fa", "status", "fa"),
        ("core:(a, b", "core", "b"),
        ('core:"two w', "core", "two w"),
        ("input.a.b:x", "input", "x"),
    ],
)
def test_what_can_be_completed(text: str, field: str | None, typed: str) -> None:
    point = completion_point(text, len(text), RUNS)
    assert point is not None
    assert (point.field and point.field.name, point.typed) == (field, typed)


@pytest.mark.parametrize("text", ['"a sta', "nothing:x", "a.b", "12"])
def test_nothing_can_be_completed(text: str) -> None:
    assert completion_point(text, len(text), RUNS) is None


@pytest.mark.parametrize(
    ("text", "cursor", "completed", "after"),
    [
        ("st", 2, "status:", 7),
        ("a st b", 4, "a status: b", 9),
        ("status:f", 8, "status:failed ", 14),
        ("core:tri", 8, "core:core_triage ", 17),
        ("core:tri b", 8, "core:core_triage b", 17),
        ("core:two", 8, 'core:"core_two words" ', 22),
        ("started>2", 9, "started>24h ", 12),
    ],
)
def test_the_first_offer_replaces_what_was_typed(text: str, cursor: int, completed: str, after: int) -> None:
    point = completion_point(text, cursor, RUNS)
    assert point is not None
    first = offers(point, RUNS, CORES if point.field is not None and point.field.name == "core" else ())[0]
    assert apply_offer(text, cursor, point, first) == (completed, after)


def shown(model: QueryModel, width: int = 60) -> str:
    return "".join(text for text, _ in model.hint(width))


def test_the_line_below_says_what_is_wrong_or_what_tab_completes() -> None:
    model = QueryModel("runs")
    assert model.edit("", 0) is not None
    assert shown(model).startswith("tab status: status of the run  core:  flow:")
    assert model.edit("core:", 5) is None
    assert (model.wanted_field, shown(model)) == ("core", "1: core:  core: needs a value")
    model.set_values({"core": CORES})
    assert (model.wanted_field, shown(model)) == (None, 'tab core_triage 1,200  "core_two words" 7  ')
    assert model.accept() == ("core:core_triage ", 17)
    assert model.edit("core:core_triage ", 17) is not None
    assert shown(model) == ""
    assert model.edit("a stats:x b", 11) is None
    assert shown(model) == "3: stats  runs have no field stats  tab status"
    assert model.accept() == ("a status:x b", 8)
    model.edit("nothing", 7)
    assert (shown(model), model.accept()) == ("", None)
    model.edit("a\x1b[31m stats\x07:x", 15)
    assert "\x1b" not in shown(model)
    model.forget_values()
    model.edit("core:", 5)
    assert model.wanted_field == "core"
