"""A viewer of a journal on a server: notified, polling, without a recorder, without a server, and writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import httpx
import psycopg
import pytest

from scaicore_tui.actions import Progress, gate
from scaicore_tui.actions.tracker import NOT_RECEIVED_AFTER_S
from scaicore_tui.api.client import Client
from scaicore_tui.config import Identity, Target
from scaicore_tui.errors import CredentialsError, StorageError, UsageError
from scaicore_tui.runs import Delta, RunStatus
from scaicore_tui.session import ConnectionState, Session
from scaicore_tui.session.journal_follower import UNNOTIFIED_INTERVAL_S
from scaicore_tui.session.recorder_status import GONE_AFTER_S, age_note
from scaicore_tui.session.viewer import ViewerSession
from scaicore_tui.store import JournalWriter
from scaicore_tui.store.leadership import Report
from scaicore_tui.store.postgres import connection, open_recorders
from scaicore_tui.store.postgres.address import schema_of
from scaicore_tui.store.postgres.writer import ServerWriter
from tests.support import postgres
from tests.support.builders import MILLISECOND, NOON, SECOND, checkpoint, completed, entered, read_row, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.server_journals import ServerJournals, ServerPlace
from tests.support.viewers import TARGET, put_recorder, recorded, viewer_on
from tests.support.waiting import running_session, wait_until
from tests.support.write_feed import WriteServer, accept_write, lose_response, one_checkpoint


@pytest.fixture
def place(server_journals: ServerJournals, tmp_path: Path) -> ServerPlace:
    return server_journals.place(tmp_path)


async def test_what_a_recorder_commits_is_published_at_once(place: ServerPlace) -> None:
    """A real session records; the viewer sends no request, and shows runs, events, checkpoints and gaps."""
    sim = FeedSim([started(), started(NOON + 1, "exec_2")])
    client = sim.client()
    async with Session(client.target, place.open(), ManualClock(), client=client) as recorder:
        await recorder.read_once()
        async with viewer_on(place) as viewer, running_session(viewer):
            deltas: list[Delta] = []
            viewer.subscribe(deltas.append)
            await wait_until(lambda: viewer.connection.polls)
            await wait_until(lambda: not viewer.index.runs["exec_1"].is_loading)
            sim.log += [entered("a", NOON + 2), completed(NOON + 3, "exec_2")]
            sim.checkpoints.append(checkpoint())
            began = monotonic()
            await recorder.read_once()
            await wait_until(lambda: viewer.index.counts[RunStatus.COMPLETED] and viewer.checkpoints)
            # Without a notification, the next look would be a second later, or five.
            assert viewer._follower._is_notified
            assert monotonic() - began < UNNOTIFIED_INTERVAL_S
            assert viewer.index.runs["exec_1"].event_count == 2
            assert viewer.index.runs["exec_1"].status is RunStatus.WAITING
            assert [delta.is_history for delta in deltas if "exec_2" in delta.upserted][-1] is False
            sim.log[:] = [entered("b", NOON + 50 * SECOND)]
            await recorder.read_once()
            await wait_until(lambda: viewer.index.gaps)
            assert viewer.index.gaps == recorder.index.gaps
            assert viewer.index.event_count == recorder.index.event_count == 5
            assert viewer.request_count == 0
        await viewer.close()  # a second time


async def test_without_notifications_the_revision_is_polled(place: ServerPlace) -> None:
    clock = ManualClock()
    with recorded(place) as writer:
        with writer._journal.using() as database:
            assert isinstance(database, ServerWriter)
            database._can_notify = False
        async with viewer_on(place, clock) as viewer, running_session(viewer):
            for key in ("exec_1", "exec_2", "exec_3"):
                await wait_until(lambda: clock.sleepers)
                writer.append_new([started(NOON, key)])
                assert viewer.index.get(key) is None
                clock.advance(UNNOTIFIED_INTERVAL_S)
                await wait_until(lambda: clock.sleepers or viewer.index.get("exec_3"))
                clock.advance(UNNOTIFIED_INTERVAL_S)
                await wait_until(partial(viewer.index.get, key))
            assert not viewer._follower._is_notified


async def test_the_status_is_that_of_the_recorder(place: ServerPlace) -> None:
    clock = ManualClock()
    with recorded(place):
        async with viewer_on(place, clock) as viewer:

            async def problem() -> tuple[ConnectionState, str]:
                await viewer.read_once()
                error = viewer.connection.events.error
                return viewer.connection.state(clock.monotonic()), "" if error is None else error.message

            assert await problem() == (ConnectionState.STALE, "no recorder runs")
            put_recorder(place)
            assert await problem() == (ConnectionState.LIVE, "")
            assert viewer.connection.recorded_by == "record on host-a"
            assert (viewer.unread_reasons, viewer.journal_problem) == ([], "")
            put_recorder(place, problem="the disk is nearly full")
            assert await problem() == (ConnectionState.LIVE, "")
            assert viewer.journal_problem == "recorder: the disk is nearly full"
            put_recorder(place, polled_s=60, problem="HTTP 502")
            assert await problem() == (ConnectionState.STALE, "recorder: HTTP 502")
            assert viewer.connection.age(clock.monotonic()) == pytest.approx(60, abs=5)
            put_recorder(place, polled_s=130)
            assert await problem() == (ConnectionState.STALE, "the API has not answered the recorder for 2m")
            assert (viewer.why_not_replay(None), viewer._staleness()[1]) == (
                "no run is selected",
                "the data shown is 2m old: the API has not answered the recorder for 2m",
            )
            put_recorder(place, seen_s=125, polled_s=130)
            assert await problem() == (ConnectionState.STALE, "recorder silent for 2m")
            assert viewer.unread_reasons[0].startswith("the data is 2m old: recorder silent for 2m")
            put_recorder(place, seen_s=GONE_AFTER_S + 9, polled_s=None)
            assert (await problem())[1] == "no recorder runs: the last one, on host-a, was seen 1h ago"
            state = viewer._follower.state
            assert state is not None
            assert age_note(state, 5).startswith("the API was never read: no recorder runs")


async def test_the_age_is_shown_after_the_last_recorder_ended(place: ServerPlace) -> None:
    clock = ManualClock()
    with recorded(place):
        with closing(open_recorders(place.url, place.identity)) as recorders:
            report = Report("one", "host-a", 1, polled_age_us=40_000_000, interval_s=5, problem="")
            recorders.report(report)
            recorders.end("one")
            assert recorders.report(report).leader is None
        async with viewer_on(place, clock) as viewer:
            await viewer.read_once()
            assert str(viewer.connection.events.error).startswith("no recorder runs")
            assert viewer.connection.age(clock.monotonic()) == pytest.approx(40, abs=5)


async def test_commits_that_a_crash_of_the_server_lost_are_not_shown_any_more(
    server_journals: ServerJournals, place: ServerPlace
) -> None:
    schema = schema_of(place.identity)
    with recorded(place) as writer:
        writer.append_new([started()])
        async with viewer_on(place) as viewer:
            await viewer.read_once()
            writer.append_new([started(NOON + 1, "exec_lost")])
            await viewer.read_once()
            seen = viewer._follower.state
            assert len(viewer.index.order) == 2
            with psycopg.connect(server_journals.url) as other:
                for table, column in (("runs", "place"), ("events", "pos")):
                    other.execute(f"DELETE FROM {schema}.{table} WHERE {column} = 1".encode())  # noqa: S608
                state = f"UPDATE {schema}.journal_state SET revision = revision - 1, event_count = event_count - 1"  # noqa: S608
                other.execute(state.encode())
            server_journals.lose_connection(writer._journal)
            with suppress(StorageError):
                writer.append_new([])
            writer.append_new([started(NOON + 2, "exec_3")])
            await viewer.read_once()
            assert seen is not None
            assert viewer._follower.state is not None
            assert viewer._follower.state.revision == seen.revision
            assert [viewer.index.get(key) is not None for key in ("exec_1", "exec_lost", "exec_3")] == [
                True,
                False,
                True,
            ]
            assert (len(viewer.index.order), viewer.index.event_count) == (2, 2)


async def test_a_viewer_goes_on_when_a_stopped_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "POOL_TIMEOUT_S", 0.5)
    with postgres.restartable_server() as server:
        place = ServerPlace(server.url, Identity("https://one.example"))
        with recorded(place) as writer:
            writer.append_new([started()])
            put_recorder(place)
        async with viewer_on(place) as viewer, running_session(viewer):
            await wait_until(lambda: viewer.connection.polls)
            await wait_until(lambda: not viewer.index.runs["exec_1"].is_loading)
            server.stop()
            await wait_until(lambda: viewer.connection.failures)
            error = viewer.connection.events.error
            assert "the journal's server is unreachable; shown as of" in str(error)
            assert viewer.connection.state(viewer.clock.monotonic()) is ConnectionState.OFFLINE
            await viewer.reader.load_ids(["exec_unknown"])
            assert viewer.journal_problem
            server.start()
            with recorded(place) as writer:
                writer.append_new([completed(NOON + SECOND)])
            viewer.refresh()
            await wait_until(lambda: viewer.index.counts[RunStatus.COMPLETED])
            await wait_until(lambda: not viewer.index.runs["exec_1"].is_loading)
            assert viewer.index.runs["exec_1"].event_count == 2
            assert (viewer.journal_problem, viewer.connection.failures) == ("", 0)


@contextmanager
def recorded_question(place: ServerPlace) -> Iterator[JournalWriter]:
    """Yield the writer of a journal with a run, its pending checkpoint, and a recorder."""
    with recorded(place) as writer:
        writer.append_new([started()])
        writer.save_pending([read_row()])
        put_recorder(place)
        yield writer


def viewer_with(place: ServerPlace, server: WriteServer, target: Target = TARGET) -> ViewerSession:
    """Return a viewer whose client writes to `server`."""
    clock = ManualClock(NOON / SECOND)
    return viewer_on(place, clock, Client(target, httpx.MockTransport(server.respond), clock))


async def test_an_answer_is_sent_with_the_own_token_and_confirmed_by_the_journal(place: ServerPlace) -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    with recorded_question(place) as writer:
        async with viewer_with(place, server) as viewer:
            await viewer.read_once()
            submission = await viewer.answer("ckpt_1", "approve")
            assert (submission.progress, len(server.posts)) == (Progress.ACCEPTED, 1)
            seen = [submission.progress]
            await viewer.read_once()
            writer.append_new([entered("a", NOON + MILLISECOND)])
            writer.save_pending([])
            await viewer.read_once()
            assert [*seen, submission.progress] == [Progress.ACCEPTED, Progress.CONFIRMED]
            assert viewer.checkpoints == ()
            assert not [path for path in server.sim.requests if path.endswith("/events")]


async def test_a_lost_answer_is_looked_up_at_the_api(place: ServerPlace) -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    with recorded_question(place):
        async with viewer_with(place, server) as viewer:
            await viewer.read_once()
            submission = await viewer.answer("ckpt_1", "approve")
            seen = [submission.progress]
            assert isinstance(viewer.clock, ManualClock)
            viewer.clock.advance(NOT_RECEIVED_AFTER_S)
            await viewer.read_once()
            assert [*seen, submission.progress] == [Progress.UNKNOWN, Progress.NOT_RECEIVED]


async def test_without_a_token_a_viewer_watches_and_says_what_is_missing(place: ServerPlace) -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    with recorded_question(place):
        async with viewer_with(place, server, Target(url="https://grid.example/api/v1")) as viewer:
            await viewer.read_once()
            assert [row.id for row in (await viewer.list_checkpoints("pending")).rows] == ["ckpt_1"]
            assert viewer.why_not_answer("ckpt_1") == gate.WITHOUT_CREDENTIAL
            with pytest.raises(UsageError, match="no token is set"):
                await viewer.answer("ckpt_1", "approve")
            with pytest.raises(CredentialsError, match="no token to ask the API"):
                await viewer.list_checkpoints("resolved")
    assert (server.posts, server.sim.requests) == ([], [])
