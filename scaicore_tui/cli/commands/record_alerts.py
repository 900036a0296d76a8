"""Notice alerts during a recording, beside it: a command or a webhook that fails or hangs never stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from scaicore_tui.alerting.channels import Channels
from scaicore_tui.alerting.incident_file import IncidentFile, StoredRule, incidents_of
from scaicore_tui.analysis.alert_incidents import Change, Incident, Incidents, advance
from scaicore_tui.analysis.alert_notices import NoticeDocument, notice_document
from scaicore_tui.analysis.alert_rules import Match, Rule, active_keys, due_checkpoints, match_of_run
from scaicore_tui.cli.output import stderr
from scaicore_tui.config.alerts import MAX_COUNT
from scaicore_tui.errors import StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.session import Session
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_time
from scaicore_tui.units import Micros

# Rules are evaluated once a poll, and no more often than this.
MIN_INTERVAL_S = 1.0
# Notices that are being sent; more are only printed.
MAX_SENDING = 50
# Time for notices to be sent when the recording ends.
FINISH_S = 3.0
_log = Log(__name__)


class AlertRecording:
    """Evaluates rules while `session` records, and announces what changes.

    An incident is remembered in `file` once its notice was sent, or given up: a process that is killed before announces
    it again.
    """

    def __init__(
        self,
        session: Session,
        rules: Sequence[tuple[Rule, Channels]],
        file: IncidentFile,
        is_leader: Callable[[], bool] = lambda: True,
    ) -> None:
        self._session = session
        self._channels = {rule.name: channels for rule, channels in rules}
        self._rules = [rule for rule, _ in rules]
        self._file = file
        self._is_leader = is_leader
        self._incidents: dict[str, Incidents] = {}
        self._stored: dict[str, StoredRule] = {}
        self._locks = {rule.name: asyncio.Lock() for rule in self._rules}
        self._saving = asyncio.Lock()
        self._sending: set[asyncio.Task[None]] = set()
        # The problem of each rule, and of each channel of a rule, that was reported last.
        self._problems: dict[tuple[str, str], str] = {}
        self._crash: BaseException | None = None

    async def load(self) -> None:
        """Read which incidents were announced before."""
        stored = await asyncio.to_thread(self._file.load)
        self._incidents = {rule.name: incidents_of(rule, stored) for rule in self._rules}
        self._stored = {rule.name: StoredRule(rule.digest, dict(self._incidents[rule.name])) for rule in self._rules}

    async def run(self) -> None:
        """Evaluate the rules after each poll, until cancelled."""
        while True:
            connection = self._session.connection
            if connection.polls and self._is_leader():
                await self.evaluate()
            await self._session.clock.sleep(max(MIN_INTERVAL_S, connection.poll_interval))

    async def evaluate(self) -> None:
        """Evaluate all rules once. Notices are sent in the background."""
        for rule in self._rules:
            try:
                matches, now, is_complete = await self._matches(rule)
            except StorageError as error:
                self._report((rule.name, ""), f"alert {rule.name}: not evaluated: {error.message}")
                continue
            self._problems.pop((rule.name, ""), None)
            self._advance(rule, matches, now, is_complete=is_complete)

    async def finish(self) -> None:
        """Wait a short time for notices that are being sent, then cancel them. Raises an internal error from before."""
        if sending := set(self._sending):
            await asyncio.wait(sending, timeout=FINISH_S)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        if self._crash is not None:
            raise self._crash

    async def _matches(self, rule: Rule) -> tuple[list[Match], Micros, bool]:
        """Return what matches a rule now, that time, and whether nothing can be missing in it."""
        session = self._session
        connection, clock = session.connection, session.clock.monotonic()
        if rule.deadline is not None:
            context = session.query_context()
            is_complete = not session.is_listing and not connection.is_stale(connection.checkpoints, clock)
            is_complete = is_complete and not session.pending_status.cut_short
            found = await asyncio.to_thread(due_checkpoints, rule, session.checkpoints, context)
            return found, context.now, is_complete
        # While the API does not answer, time stands still: nothing leaves the window.
        now = session.known_until
        is_complete = connection.behind is None and not connection.is_stale(connection.events, clock)
        runs = await session.queries.newest_among(rule.query, rule.recent, MAX_COUNT, now)
        return [match_of_run(summary) for summary in runs], now, is_complete

    def _advance(self, rule: Rule, matches: Sequence[Match], now: Micros, *, is_complete: bool) -> None:
        before = self._incidents[rule.name]
        step = advance(rule, before, active_keys(rule, matches), now, is_complete=is_complete)
        self._incidents[rule.name] = step.incidents
        for change, keys in step.changes.items():
            known = [incident for key in keys if (incident := step.incidents.get(key) or before.get(key)) is not None]
            meant = [match for match in matches if rule.deadline is None or match.key in keys]
            self._announce(rule, change, min(known, key=_began_at), meant, now)

    def _announce(self, rule: Rule, change: Change, incident: Incident, matches: Sequence[Match], now: Micros) -> None:
        document = notice_document(rule, change, incident, matches, now, self._session.target.link_profile)
        link = document["link"]
        self._say(f"{document['text']}{f' · {link}' if link and change is not Change.RESOLVED else ''}")
        if len(self._sending) >= MAX_SENDING:
            self._report((rule.name, ""), f"alert {rule.name}: not sent, {MAX_SENDING} others are being sent")
            return
        is_sent = change is not Change.RESOLVED or rule.resolves
        delivery = self._deliver(rule, document if is_sent else None, self._incidents[rule.name])
        task = asyncio.create_task(delivery)
        self._sending.add(task)
        task.add_done_callback(self._on_delivered)

    def _on_delivered(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.on_crash(error)

    def on_crash(self, error: BaseException) -> None:
        """Report an internal error. It is raised when the recording ends, which goes on until then."""
        if self._crash is None:
            self._crash = error
            self._say(f"alerts: internal error {type(error).__name__}; recording goes on", is_problem=True)

    async def _deliver(self, rule: Rule, document: NoticeDocument | None, incidents: Incidents) -> None:
        """Send a notice after those before it of the same rule, if it is to be sent, and remember the incidents."""
        async with self._locks[rule.name]:
            if document is not None:
                for channel, problem in (await self._channels[rule.name].send(document)).items():
                    self._note(rule, channel, problem)
            self._stored[rule.name] = StoredRule(rule.digest, dict(incidents))
            await self._save()

    async def _save(self) -> None:
        try:
            async with self._saving:
                await asyncio.to_thread(self._file.save, dict(self._stored))
        except OSError as error:
            _log.warning("announced alerts cannot be remembered", **error_fields(error))
            self._report(("", ""), f"alerts: cannot be remembered: {error.strerror}; a restart announces them again")

    def _note(self, rule: Rule, channel: str, problem: str) -> None:
        """Report a channel that fails, once for each problem, and when it works again."""
        if problem:
            self._report((rule.name, channel), f"alert {rule.name}: {channel}: {problem}; recording goes on")
        elif self._problems.pop((rule.name, channel), None) is not None:
            self._say(f"alert {rule.name}: {channel} works again")

    def _report(self, subject: tuple[str, str], text: str) -> None:
        if self._problems.get(subject) != text:
            self._problems[subject] = text
            self._say(text, is_problem=True)

    def _say(self, text: str, *, is_problem: bool = False) -> None:
        now = self._session.now
        write = stderr.warn if is_problem else stderr.say
        write(f"{format_time(int(now * MICROS_PER_SECOND), now)} {text}")


def _began_at(incident: Incident) -> Micros:
    return incident.began_at


@asynccontextmanager
async def noticing(alerts: AlertRecording) -> AsyncIterator[None]:
    """Notice alerts inside the block."""
    await alerts.load()
    running = asyncio.create_task(alerts.run())
    running.add_done_callback(lambda task: None if task.cancelled() else alerts.on_crash(_error_of(task)))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await alerts.finish()


def _error_of(task: asyncio.Task[None]) -> BaseException:
    return task.exception() or RuntimeError("the rules are not evaluated any more")
