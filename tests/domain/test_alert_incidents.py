"""An incident is announced once, again while it lasts, and is over only after a time without a break."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.alert_incidents import MAX_INCIDENTS, Change, Incidents, advance
from scaicore_tui.analysis.alert_rules import Rule, active_keys, due_checkpoints, make_rule
from scaicore_tui.analysis.query import QueryContext
from scaicore_tui.config.alerts import AlertTable
from tests.support.builders import SECOND, read_row

WINDOW, REMIND = 300 * SECOND, 3_600 * SECOND
DUE = AlertTable(deadline="15m", where="type:review", resolve=True)
RULE = make_rule("failures", AlertTable(where="status:failed", count=3, window="5m", remind="1h"))
# The seconds since the evaluation before, whether the condition holds, and whether the data is complete.
EVALUATIONS = st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=40)


def changes_of(rule: Rule, steps: list[tuple[int, bool, bool]]) -> list[tuple[int, Change]]:
    """Return the time of each change, in microseconds."""
    incidents: Incidents = {}
    now, found = 0, list[tuple[int, Change]]()
    for seconds, holds, is_complete in steps:
        now += seconds * SECOND
        step = advance(rule, incidents, [""] if holds else [], now, is_complete=is_complete)
        incidents = step.incidents
        found += [(now, change) for change in step.changes]
    return found


@given(EVALUATIONS)
def test_an_incident_ends_only_after_a_whole_window_without_its_condition(steps: list[tuple[int, bool, bool]]) -> None:
    found = changes_of(RULE, steps)
    states = [change for _, change in found if change is not Change.REMINDED]
    assert states == [Change.FIRED, Change.RESOLVED] * (len(states) // 2) + [Change.FIRED] * (len(states) % 2)
    holds_at, now = list[int](), 0
    for seconds, holds, _ in steps:
        now += seconds * SECOND
        holds_at += [now] * holds
    for at, change in found:
        if change is Change.RESOLVED:
            assert not [one for one in holds_at if at - WINDOW < one <= at]
        else:
            assert at in holds_at


@given(EVALUATIONS)
def test_notices_of_an_incident_are_at_least_the_reminder_apart(steps: list[tuple[int, bool, bool]]) -> None:
    last: int | None = None
    for at, change in changes_of(RULE, steps):
        if change is Change.REMINDED:
            assert last is not None
            assert at - last >= REMIND
        last = at


@given(EVALUATIONS, st.integers(0, 40))
def test_a_restart_announces_nothing_again(steps: list[tuple[int, bool, bool]], at: int) -> None:
    """What is stored is the incidents after a change: so the time since when the condition is over may be forgotten."""
    incidents: Incidents = {}
    now, is_open = 0, False
    for number, (seconds, holds, is_complete) in enumerate(steps):
        now += seconds * SECOND
        if number == at:
            incidents = {key: type(one)(one.began_at, one.notified_at) for key, one in incidents.items()}
        step = advance(RULE, incidents, [""] if holds else [], now, is_complete=is_complete)
        incidents = step.incidents
        for change in step.changes:
            assert (change is Change.FIRED) != is_open
            is_open = change is not Change.RESOLVED


def test_nothing_ends_while_data_is_missing() -> None:
    steps = [(0, True, True), (60, False, False), (9_000, False, False), (10, False, True), (299, False, True)]
    assert changes_of(RULE, steps) == [(0, Change.FIRED)]
    ended = changes_of(RULE, [*steps, (1, False, True)])
    assert ended[1:] == [(9_370 * SECOND, Change.RESOLVED)]


def test_a_clock_that_was_set_back_delays_nothing_for_long() -> None:
    step = advance(RULE, {}, [""], 10**15, is_complete=True)
    step = advance(RULE, step.incidents, [""], 0, is_complete=True)
    assert step.changes == {}
    assert list(advance(RULE, step.incidents, [""], REMIND, is_complete=True).changes) == [Change.REMINDED]


def test_each_checkpoint_with_a_near_deadline_is_an_incident() -> None:
    rule = make_rule("due", DUE)
    now = 1_800_000_000 * SECOND
    rows = [
        read_row(identity="late", expires_at="2027-01-15T07:00:00Z"),
        read_row(identity="soon", expires_at="2027-01-15T08:14:00Z"),
        read_row(identity="far", expires_at="2027-01-15T08:16:00Z"),
        read_row(identity="other", expires_at="2027-01-15T08:01:00Z", checkpoint_type="approval"),
        read_row(identity="never"),
    ]
    keys = active_keys(rule, due_checkpoints(rule, rows, QueryContext(now, rows)))
    assert keys == ["late", "soon"]
    step = advance(rule, {}, keys, now, is_complete=True)
    assert step.changes == {Change.FIRED: ["late", "soon"]}
    # An answer is the end at once, and another one is new.
    step = advance(rule, step.incidents, ["soon", "far"], now + SECOND, is_complete=True)
    assert step.changes == {Change.RESOLVED: ["late"], Change.FIRED: ["far"]}


def test_the_number_of_incidents_is_bounded() -> None:
    rule = make_rule("due", DUE)
    step = advance(rule, {}, [f"c{number}" for number in range(MAX_INCIDENTS + 5)], 0, is_complete=True)
    assert len(step.incidents) == len(step.changes[Change.FIRED]) == MAX_INCIDENTS
    after: Mapping[Change, object] = advance(rule, step.incidents, list(step.incidents), 1, is_complete=True).changes
    assert after == {}


def test_another_condition_has_another_digest_and_other_channels_the_same() -> None:
    condition = {"where": "status:failed", "count": 3, "window": "5m"}
    assert make_rule("failures", AlertTable(**condition, remind="2h", bell=True)).digest == RULE.digest  # type: ignore[arg-type]
    for key, value in (("where", "status:completed"), ("count", 4), ("window", "6m")):
        assert make_rule("failures", AlertTable(**condition | {key: value})).digest != RULE.digest  # type: ignore[arg-type]
