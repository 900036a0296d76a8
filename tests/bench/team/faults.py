"""The faults of a team's day, each with the time until events are stored again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from tests.bench.team.__main__ import Recorder
    from tests.bench.team.observer import Observer
    from tests.bench.team.postgres import Postgres

# Seconds for which a fault lasts that does not end by itself.
OUTAGE_S = 20.0
_LEADER = "SELECT convert_from(name, 'UTF8') FROM recorders WHERE is_leader = 1 ORDER BY seen_at DESC"


@dataclass(frozen=True)
class Team:
    """What faults act on."""

    server: Postgres
    recorders: list[Recorder]
    observer: Observer

    def leader(self) -> Recorder:
        """Return the recorder that leads, by the heartbeats in the journal."""
        for _ in range(200):
            with suppress(psycopg.Error), self.server.connect() as connection:
                row = connection.execute(_LEADER).fetchone()
                for recorder in self.recorders:
                    assert recorder.process is not None
                    if row is not None and f"/{recorder.process.pid}/" in str(row[0]):
                        return recorder
            self.observer.wait(0.1)
        raise AssertionError("no recorder leads")


@dataclass(frozen=True)
class Fault:
    """`act` begins and ends the fault; `share` is when, as a part of the whole time."""

    name: str
    share: float
    act: Callable[[Team], float]

    def run(self, team: Team, at: float) -> float:
        """Wait for the time, act, and return the seconds from the fault, or its end, to the next stored events."""
        team.observer.wait(max(0.0, at - time.monotonic()))
        begin = self.act(team)
        return team.observer.next_commit(begin) - begin


def kill_leader(team: Team) -> float:
    """Kill the leader with SIGKILL; it is started again as a stand-by once another one leads."""
    leader, begin = team.leader(), team.observer.now
    leader.send(signal.SIGKILL)
    team.observer.next_commit(begin)
    leader.start()
    return begin


def stop_leader(team: Team) -> float:
    """Stop the leader with SIGSTOP; continue it after another one leads."""
    leader, begin = team.leader(), team.observer.now
    leader.send(signal.SIGSTOP)
    team.observer.next_commit(begin)
    team.observer.wait(OUTAGE_S)
    leader.send(signal.SIGCONT)
    return begin


def cut_leader(team: Team) -> float:
    """Cut the leader's link to PostgreSQL, but not the one to the API."""
    leader, begin = team.leader(), team.observer.now
    assert leader.namespace is not None
    leader.namespace.set_postgres_link(is_up=False)
    team.observer.next_commit(begin)
    team.observer.wait(OUTAGE_S)
    leader.namespace.set_postgres_link(is_up=True)
    return begin


def crash_server(team: Team) -> float:
    """Kill PostgreSQL, and start it after a while. The time counts from its start."""
    team.server.kill()
    team.observer.wait(OUTAGE_S)
    team.server.start()
    return team.observer.now


def stop_server(team: Team) -> float:
    """Stop PostgreSQL, and start it after a while. The time counts from its start."""
    team.server.stop()
    team.observer.wait(OUTAGE_S)
    team.server.start()
    return team.observer.now


FAULTS = (
    Fault("leader killed", 0.1, kill_leader),
    Fault("leader stopped with SIGSTOP", 0.25, stop_leader),
    Fault("PostgreSQL crashed", 0.45, crash_server),
    Fault("leader cut off from PostgreSQL", 0.6, cut_leader),
    Fault("PostgreSQL stopped", 0.8, stop_server),
)
