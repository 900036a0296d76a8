"""Events of a local journal are delivered to the journal of a team once, in order, whatever others stored meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scaicore_tui.protocol import Event
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.delivery import BATCH_EVENTS, deliver, is_delivered
from scaicore_tui.store.gaps import OpenGap
from tests.support.builders import MILLISECOND, NOON, entered
from tests.support.journals import Journals

Content = list[Event | str]


def event(number: int) -> Event:
    return entered(f"n{number}", NOON + number * MILLISECOND, f"exec_{number // 4}")


def events(*numbers: int) -> list[Event]:
    return list(map(event, numbers))


@pytest.fixture
def team(journals: Journals) -> Iterator[Journal]:
    with journals.scratch() as journal:
        yield journal


@pytest.fixture
def local() -> Iterator[Journal]:
    with Journal.in_memory() as journal:
        yield journal


def fill(journal: Journal, *parts: list[Event] | str) -> None:
    """Store events, with a gap above each of them after a text: "lost", or the cursor of an open gap."""
    writer = JournalWriter(journal)
    writer.prepare()
    gap = ""
    for part in parts:
        if isinstance(part, str):
            gap = part
        elif gap == "lost":
            writer.append_new(part, NOON)
        elif gap:
            writer.append_above_gap(part, NOON, gap)
        else:
            writer.append_new(part)
        gap = gap if isinstance(part, str) else ""


def content(journal: Journal) -> list[str | tuple[str, ...]]:
    """Return the nodes of all events in order; a gap is "lost", or the cursor of an open one."""
    cursors = {gap.after: gap.cursor or "open" for gap in journal.open_gaps()}
    gaps = {gap.after: cursors.get(gap.after, "lost") for gap in journal.gaps() if not gap.is_history}
    found: list[str | tuple[str, ...]] = []
    for position, stored in journal.read_between(-(2**62), 2**62):
        found += [gaps.pop(after) for after in sorted(gaps) if after < position]
        found.append(stored.node_id or "")
    return [*found, *gaps.values()]


def nodes(*parts: int | str) -> list[str | tuple[str, ...]]:
    return [part if isinstance(part, str) else f"n{part}" for part in parts]


def delivered(team: Journal, local: Journal) -> list[str | tuple[str, ...]]:
    """Deliver, and then again, which must change nothing; return the content."""
    is_complete = is_delivered(local, team)
    count = deliver(local, team)
    assert is_complete == (count == 0)
    found = content(team)
    assert deliver(local, team) == 0
    assert is_delivered(local, team)
    assert content(team) == found
    summaries = JournalWriter(team).stored_positions()
    assert sum(len(positions) for positions in summaries.values()) == len(
        {stored.execution_id for stored in team.events()}
    )
    return found


def test_events_follow_those_they_begin_with(team: Journal, local: Journal) -> None:
    fill(team, events(1, 2, 3))
    fill(local, events(2, 3, 4, 5))
    assert delivered(team, local) == nodes(1, 2, 3, 4, 5)


def test_an_empty_journal_gets_everything_with_the_history_to_read(team: Journal, local: Journal) -> None:
    writer = JournalWriter(local)
    writer.prepare()
    writer.begin_history("older", NOON)
    fill(local, events(2, 3), "lost", events(7))
    assert delivered(team, local) == nodes(2, 3, "lost", 7)
    history = team.unread_history()
    assert history is not None
    assert history.cursor == "older"


@pytest.mark.parametrize("cursor", ["older", None])
def test_a_local_journal_that_begins_elsewhere_is_added_above_a_gap(
    team: Journal, local: Journal, cursor: str | None
) -> None:
    fill(team, events(1, 2))
    if cursor:
        writer = JournalWriter(local)
        writer.prepare()
        writer.begin_history(cursor, NOON)
    fill(local, events(5, 6))
    assert delivered(team, local) == nodes(1, 2, cursor or "lost", 5, 6)


def test_gaps_of_the_local_journal_are_kept(team: Journal, local: Journal) -> None:
    fill(team, events(1))
    fill(local, events(1, 2), "lost", events(5), "cursor", events(9, 10))
    assert delivered(team, local) == nodes(1, 2, "lost", 5, "cursor", 9, 10)


@pytest.mark.parametrize("gap", ["lost", "cursor"])
def test_a_gap_of_another_leader_is_filled(team: Journal, local: Journal, gap: str) -> None:
    fill(team, events(1, 2), gap, events(6, 7))
    fill(local, events(1, 2, 3, 4, 5, 6))
    assert delivered(team, local) == nodes(1, 2, 3, 4, 5, 6, 7)
    assert team.gaps() == []


@pytest.mark.parametrize("gap", ["lost", "cursor"])
def test_a_gap_stays_above_what_fills_it_in_part(team: Journal, local: Journal, gap: str) -> None:
    fill(team, events(1, 2), gap, events(8, 9))
    fill(local, events(2, 3, 4))
    assert delivered(team, local) == nodes(1, 2, 3, 4, gap, 8, 9)


def test_a_local_gap_inside_a_gap_of_another_leader(team: Journal, local: Journal) -> None:
    fill(team, events(1), "cursor", events(9, 10))
    fill(local, events(1, 2), "lost", events(4, 5), "lower", events(7, 8, 9, 10, 11))
    assert delivered(team, local) == nodes(1, 2, "lost", 4, 5, "lower", 7, 8, 9, 10, 11)


def test_what_is_newer_than_the_other_leader_follows_at_the_end(team: Journal, local: Journal) -> None:
    fill(team, events(1), "lost", events(5, 6))
    fill(local, events(1), "lost", events(8, 9))
    assert delivered(team, local) == nodes(1, "lost", 5, 6, "lost", 8, 9)


def test_equal_events_are_counted(team: Journal, local: Journal) -> None:
    fill(team, events(1, 2, 2))
    fill(local, events(1, 2, 2, 2, 3, 3))
    assert delivered(team, local) == nodes(1, 2, 2, 2, 3, 3)


def test_late_events_are_added_at_the_end(team: Journal, local: Journal) -> None:
    fill(team, events(1, 2, 5, 6))
    fill(local, events(1, 2, 4, 5))
    assert delivered(team, local) == nodes(1, 2, 5, 6, 4)


def test_more_than_one_batch_fills_a_gap_that_stays_open_for_the_api(team: Journal, local: Journal) -> None:
    count = 2 * BATCH_EVENTS + 7
    fill(team, events(0), "cursor", events(count, count + 1))
    fill(local, events(*range(count)))
    assert delivered(team, local) == nodes(*range(count), "cursor", count, count + 1)
    (gap,) = team.open_gaps()
    writer = JournalWriter(team)
    writer.prepare()
    between = events(count)[0]
    writer.fill_gap(OpenGap(gap.after, gap.until, gap.found_at), [between], None)
    assert content(team)[count : count + 2] == ["open", f"n{count}"]
