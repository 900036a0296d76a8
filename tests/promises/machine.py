"""The state machine: actions of people, servers, disks and networks in any order, and the invariants."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scaicore_tui.actions import Progress, Submission
from scaicore_tui.errors import ScaicoreError
from tests.promises.process import Machine, Process
from tests.promises.server import LATEST_ARRIVAL_S, READ_FAULTS, WRITE_FAULTS, Api, Killed, Post
from tests.support import stored
from tests.support.manual_clock import ManualClock

# The shortest time between two renewals of a token.
RENEWAL_S = 31.0
NAMES = ("first", "second")
APIS = ("team-a", "team-b")
# Most steps concern the API that most processes use.
SOME_API = st.sampled_from(["team-a", "team-a", "team-a", "team-b"])
CHECKPOINT_FAULTS = ("another_id", "somebody_else", "conflict")
SOME_FAULT = st.sampled_from(WRITE_FAULTS)
OPTIONS = ("approve", "reject")
# After this time no sent request can still arrive: twice the client's timeout of an invocation.
LAST_ARRIVAL_S = 2 * LATEST_ARRIVAL_S

Call = Callable[[], Coroutine[Any, Any, object]]


class Promises(RuleBasedStateMachine):
    """Two processes with one ledger, and two APIs behind one host that use the same checkpoint ids."""

    # Totals of all scripts in this process.
    steps_taken = 0
    posts_taken = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.machine = self.make_machine()
        self.apis = {name: Api(name, self.clock) for name in APIS}
        self.running: dict[str, Process] = {}
        # Submissions whose own process showed a likely run.
        self.shown_likely: set[str | None] = set()
        self.pressed_at = 0.0
        for api in self.apis.values():
            self._write_token(api)
            api.on_post = lambda post, api=api: self._on_post(api, post)  # type: ignore[misc]
            api.on_break = self.machine.break_ledger

    def make_machine(self) -> Machine:
        """Return the computer on which the processes run."""
        return Machine(self.folder, self.clock)

    @initialize(page_size=st.sampled_from([3, 50]))
    def begin(self, page_size: int) -> None:
        for api in self.apis.values():
            api.page_size = page_size
            run = api.start_run({"n": 0})
            api.create_checkpoint(run, names_run=True)
        for name in NAMES:
            self.running[name] = self.machine.start(name, self.apis["team-a"])
            self.poll(name)

    def teardown(self) -> None:
        Promises.posts_taken += sum(len(api.posts) for api in self.apis.values())
        self.machine.repair_ledger()
        for process in self.running.values():
            with suppress(ScaicoreError):
                self.machine.end(process)
        self.machine.close()
        shutil.rmtree(self.folder)

    # Actions of the server and of other people.

    @rule(api=SOME_API, n=st.integers(0, 1))
    def another_client_invokes(self, api: str, n: int) -> None:
        self.apis[api].start_run({"n": n})

    @rule(api=SOME_API, names_run=st.booleans(), is_breakpoint=st.booleans())
    def run_creates_checkpoint(self, api: str, names_run: bool, is_breakpoint: bool) -> None:
        run = self.apis[api].start_run({"n": 2})
        self.apis[api].create_checkpoint(run, names_run=names_run, is_breakpoint=is_breakpoint)

    @rule(api=SOME_API, choice=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def another_person_answers(self, api: str, choice: int, resolution: str) -> None:
        rows = list(self.apis[api].checkpoints)
        self.apis[api].resolve(rows[choice % len(rows)], resolution, "usr_ada")

    @rule(api=SOME_API, choice=st.integers(0, 9), ends=st.booleans())
    def run_continues(self, api: str, choice: int, ends: bool) -> None:
        runs = list(self.apis[api].started_at)
        run = runs[choice % len(runs)]
        (self.apis[api].finish if ends else self.apis[api].add_event)(run)

    @rule(api=SOME_API, number=st.integers(1, 8))
    def server_drops_events(self, api: str, number: int) -> None:
        self.apis[api].drop_oldest_events(number)

    @rule(api=SOME_API, kind=st.sampled_from(["resolve", "invoke"]))
    def permission_ends(self, api: str, kind: str) -> None:
        self.apis[api].forbidden.add(kind)

    @rule(api=SOME_API)
    def token_is_replaced(self, api: str) -> None:
        """Issue a token with all permissions; the old token is no longer accepted."""
        self.apis[api].token = f"eyJ-token-{self.apis[api].token.rpartition('-')[2] + '1'}"
        self.apis[api].forbidden.clear()
        self._write_token(self.apis[api])
        self.clock.advance(RENEWAL_S)

    @rule(api=SOME_API, fault=st.sampled_from(READ_FAULTS))
    def reads_fail(self, api: str, fault: str) -> None:
        self.apis[api].read_fault = fault

    @rule(api=SOME_API, fault=SOME_FAULT)
    def next_write_fails(self, api: str, fault: str) -> None:
        self.apis[api].write_fault = fault

    @rule(seconds=st.sampled_from([1.0, 12.0, 70.0, LATEST_ARRIVAL_S + 1, 3_700.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for api in self.apis.values():
            api.deliver_late_posts()

    @rule()
    def ledger_breaks(self) -> None:
        self.machine.break_ledger()

    @rule()
    def ledger_is_repaired(self) -> None:
        self.machine.repair_ledger()

    # Actions of the person at the keyboard.

    @rule(name=st.sampled_from(NAMES))
    def poll(self, name: str) -> None:
        process = self.running[name]
        api = process.api
        is_read = False
        with suppress(ScaicoreError):
            self.machine.run(process, process.session.read_once())
            is_read = True
        if is_read and not process.is_offline:
            process.read_at, process.token = self.clock.monotonic(), api.token
            self._check_gate(process)

    @rule(name=st.sampled_from(NAMES), choice=st.integers(0, 9), resolution=st.sampled_from(OPTIONS), fault=SOME_FAULT)
    def press_answer(self, name: str, choice: int, resolution: str, fault: str = "") -> None:
        """Send an answer; its POST meets `fault`, or the API's next fault if `fault` is empty."""
        process = self.running[name]
        rows = process.session.checkpoints
        process.api.write_fault = fault or process.api.write_fault
        if rows:
            self._press_answer(process, rows[choice % len(rows)].id, resolution)

    @rule(name=st.sampled_from(NAMES), choice=st.integers(0, 9), fault=SOME_FAULT)
    def press_replay(self, name: str, choice: int, fault: str = "") -> None:
        process = self.running[name]
        process.api.write_fault = fault or process.api.write_fault
        runs = stored.ids(process.session.stored_runs)
        if runs:
            run = runs[choice % len(runs)]
            self._press(process, lambda: process.session.replay(run), "invoke", run)

    @rule(choice=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def press_twice_at_once(self, choice: int, resolution: str) -> None:
        """Send the same answer twice in one process, at the same time."""
        process = self.running["first"]
        answer = self._answer_to(process, choice, resolution)
        before = len(process.api.posts)
        if answer is not None:
            self._act(process, partial(_run_together, answer, answer))
        arrived = [post for post in process.api.posts[before:] if post.outcome != "not_connected"]
        assert len(arrived) <= 1, "two presses at once sent two POSTs"

    @rule(name=st.sampled_from(NAMES), choice=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def press_while_polling(self, name: str, choice: int, resolution: str) -> None:
        """Send an answer while a read is running."""
        process = self.running[name]
        answer = self._answer_to(process, choice, resolution)
        if answer is not None:
            self._act(process, partial(_run_together, process.session.read_once, answer))

    @rule(name=st.sampled_from(NAMES), paused=st.booleans())
    def pause(self, name: str, paused: bool) -> None:
        self.running[name].session.pause(paused=paused)

    @rule(name=st.sampled_from(NAMES), api=SOME_API, offline=st.booleans(), is_killed=st.booleans())
    def restart(self, name: str, api: str, offline: bool, is_killed: bool) -> None:
        """End or kill the process; the next one may use another profile, or only the journal."""
        process = self.running[name]
        if is_killed:
            self.machine.kill(process)
        else:
            with suppress(ScaicoreError):
                self.machine.end(process)
        self._start(name, self.apis[api], offline=offline)

    # Invariants.

    @invariant()
    def every_submission_shows_its_true_progress(self) -> None:
        Promises.steps_taken += 1
        for process in self.running.values():
            for submission in process.submissions:
                self._check(process, submission)

    @invariant()
    @precondition(lambda self: not self.machine.is_ledger_broken)
    def every_sent_write_is_in_the_ledger(self) -> None:
        for process in self.running.values():
            written = {entry.id for entry in process.session.tracker.ledger.entries()}
            for submission in process.submissions:
                was_sent = any(post.submission_id == submission.id for post in process.api.posts)
                assert not was_sent or submission.id in written, f"{submission.id} was sent but is not in the ledger"

    def _check(self, process: Process, submission: Submission) -> None:
        posts = [post for post in process.api.posts if post.submission_id == submission.id]
        assert len(posts) <= 1, f"one press sent {len(posts)} POSTs"
        post = posts[0] if posts else None
        progress, description = (
            submission.progress,
            f"{submission.kind} of {submission.target_id}: {submission.message}",
        )
        may_arrive = post is not None and post.arrives_at is not None
        is_done = post is not None and post.is_done
        if progress in (Progress.REFUSED, Progress.NOT_RECEIVED, Progress.CONFLICT):
            assert not is_done, f"{progress}, but the server carried out the write: {description}"
            assert not may_arrive, f"{progress}, but the write may still arrive: {description}"
        if progress is Progress.NOT_SENT:
            assert post is None or post.outcome == "not_connected", (
                f"shown as not sent, but there was a POST: {description}"
            )
        assert progress is not Progress.SENDING, f"still sending after the call ended: {description}"
        if submission.is_replay:
            self._check_replay(process, submission, post, description)
        elif progress in (Progress.ACCEPTED, Progress.CONFIRMED):
            row = process.api.checkpoints.get(submission.target_id)
            assert row is not None, f"a write to another API is shown here: {description}"
            assert row["status"] == "resolved", f"{progress}, but the checkpoint is pending: {description}"
            assert row["resolution"] == submission.resolution, (
                f"{progress}, but the checkpoint has another resolution: {description}"
            )

    def _check_replay(self, process: Process, submission: Submission, post: Post | None, description: str) -> None:
        api, run = process.api, submission.execution_id
        if submission.progress in (Progress.ACCEPTED, Progress.CONFIRMED):
            assert post is not None, f"{submission.progress}, but there was no POST: {description}"
            assert post.is_done, f"{submission.progress}, but the server did not carry out the write: {description}"
        if run is None:
            return
        assert run != submission.target_id, f"the original is shown as its own replay: {description}"
        if submission.is_likely_match:
            if not submission.is_recovered:
                self.shown_likely.add(submission.id)
            # It is unknown how long the budget of a killed process delayed the request.
            known_sent_at = None if post is None else post.pressed_at if submission.is_recovered else post.received_at
            sent_at = (
                self.clock.now() - submission.age(self.clock.monotonic()) if known_sent_at is None else known_sent_at
            )
            assert api.started_at[run] >= sent_at, f"the likely run is older than the POST: {description}"
            assert submission.progress is not Progress.CONFIRMED, (
                f"confirmed by a run that is only likely: {description}"
            )
        else:
            assert post is not None, f"{run} is shown as the replay, but there was no POST: {description}"
            assert run == post.run_id, f"{run} is shown as the replay, but it is another run: {description}"

    def _check_gate(self, process: Process) -> None:
        """Assert that after a successful read only a 403 for this permission and token blocks a write."""
        session = process.session
        for row in session.checkpoints:
            is_refused = ("resolve", process.api.token) in process.refused
            reason = session.why_not_answer(row.id)
            assert is_refused or reason is None or self._may_be_done(process, row.id), f"still blocked: {reason}"
        for run in stored.runs(session.stored_runs):
            if run.has_input and run.core_id is not None:
                reason = session.why_not_replay(run)
                is_refused = ("invoke", process.api.token) in process.refused
                assert is_refused or reason is None or self._may_be_done(process, run.execution_id), (
                    f"still blocked: {reason}"
                )

    def _may_be_done(self, process: Process, target: str) -> bool:
        """Return True if an earlier write to `target` may have been carried out, which also blocks another."""
        return any(not post.is_refused for post in process.api.posts if post.subject == target)

    # Helpers.

    def _start(self, name: str, api: Api, *, offline: bool = False) -> None:
        self.running[name] = self.machine.start(name, api, offline=offline)

    def _write_token(self, api: Api) -> None:
        (self.folder / f"{api.name}.token").write_text(api.token)
        (self.folder / f"{api.name}.token").chmod(0o600)

    def _answer_to(self, process: Process, choice: int, resolution: str) -> Call | None:
        """Return a call that answers one of the process's checkpoints, or None if it has none."""
        rows = process.session.checkpoints
        if not rows:
            return None
        identity = rows[choice % len(rows)].id
        return partial(process.session.answer, identity, self._offered_option(process, identity, resolution))

    def _offered_option(self, process: Process, identity: str, resolution: str) -> str:
        return "continue" if process.api.checkpoints[identity]["options"] == ["continue"] else resolution

    def _press_answer(self, process: Process, identity: str, resolution: str) -> None:
        option = self._offered_option(process, identity, resolution)
        self._press(process, lambda: process.session.answer(identity, option), "resolve", identity)

    def _press(self, process: Process, call: Call, kind: str, target: str) -> None:
        api = process.api
        before = len(api.posts)
        must_be_sent = self._must_be_sent(process, kind, target)
        self._act(process, call)
        sent = api.posts[before:]
        assert len(sent) <= 1, f"one press sent {len(sent)} POSTs"
        assert sent or not must_be_sent, f"{kind} of {target} should have been sent"

    def _must_be_sent(self, process: Process, kind: str, target: str) -> bool:
        """Return True if nothing prevents the write."""
        api = process.api
        is_undisturbed = not (process.is_offline or self.machine.is_ledger_broken or api.read_fault != "ok")
        is_fresh = process.read_at == self.clock.monotonic() and process.token == api.token
        is_pending = kind == "invoke" or api.checkpoints[target]["status"] == "pending"
        is_first = all(post.is_refused for post in api.posts if post.subject == target)
        if kind == "invoke":
            run = process.session.index.runs.get(target)
            is_pending = run is not None and run.has_input and not run.is_loading
        # The clock may move while a call waits for the budget.
        return is_undisturbed and is_fresh and is_pending and is_first and (kind, api.token) not in process.refused

    def _act(self, process: Process, call: Call) -> None:
        """Run `call` in the process. If a fault kills the process, start the next one."""
        before, self.pressed_at = len(process.api.posts), self.clock.now()
        try:
            with suppress(ScaicoreError):
                self.machine.run(process, call())
        except Killed:
            self.shown_likely |= {s.id for s in process.submissions if s.is_likely_match and not s.is_recovered}
            name = next(name for name, other in self.running.items() if other is process)
            self.machine.kill(process)
            self._start(name, process.api)
        for post in process.api.posts[before:]:
            if post.outcome == "forbidden":
                process.refused.add((post.kind, process.api.token))

    def _on_post(self, api: Api, post: Post) -> None:
        process = next(p for p in self.running.values() if p.pid == self.machine.current_pid)
        sending = [
            s for s in process.submissions if s.progress is Progress.SENDING and _target_of(s, post) == post.target
        ]
        assert sending, f"a POST to {post.target} that belongs to no submission"
        post.submission_id, post.subject, post.pressed_at = sending[-1].id, sending[-1].target_id, self.pressed_at
        is_open = post.kind == "invoke" or api.checkpoints[post.target]["status"] == "pending"
        assert is_open, f"{post.target} was already answered, and was not read again before the POST"
        for earlier in api.posts:
            if (earlier.kind, earlier.subject) == (post.kind, post.subject):
                assert self._is_closed(api, earlier), (
                    f"sent twice: {post.kind} of {post.subject}, first with outcome {earlier.outcome}"
                )

    def _has_likely_run(self, post: Post) -> bool:
        """Return True if the process that sent the post has found a likely run for it."""
        sent = [s for process in self.running.values() for s in process.submissions if s.id == post.submission_id]
        return any(submission.is_likely_match and not submission.is_recovered for submission in sent)

    def _is_closed(self, api: Api, post: Post) -> bool:
        """Return True if the outcome of the post was known, or it can no longer arrive."""
        if post.is_refused or self.clock.now() - post.received_at > LAST_ARRIVAL_S:
            return True
        if post.kind == "invoke":
            # Faults that concern only checkpoints do not affect an invocation: it got a response.
            is_answered = post.outcome in ("ok", "ok_without_details", "ledger_breaks_done", *CHECKPOINT_FAULTS)
            # A person who replays again after seeing the likely run wants a second run.
            return is_answered or post.submission_id in self.shown_likely or self._has_likely_run(post)
        return False


async def _run_together(*calls: Call) -> None:
    """Run all calls at the same time. Errors of the program's own type are normal outcomes."""
    for outcome in await asyncio.gather(*(call() for call in calls), return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, ScaicoreError):
            raise outcome


def _target_of(submission: Submission, post: Post) -> str | None:
    """Return the id in the URL of the submission's POST: that of the Core or of the checkpoint."""
    return submission.core_id if post.kind == "invoke" else submission.target_id
