"""The machine: what people, servers, disks and networks may do, in any order; and what must hold after each step."""

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
from tests.support.manual_clock import ManualClock

# A token is asked for again at most this often.
RENEWAL_S = 31.0
NAMES = ("first", "second")
APIS = ("team-a", "team-b")
# Most happens at the API that most processes show.
SOME_API = st.sampled_from(["team-a", "team-a", "team-a", "team-b"])
CHECKPOINT_FAULTS = ("another_id", "somebody_else", "conflict")
SOME_FAULT = st.sampled_from(WRITE_FAULTS)
OPTIONS = ("approve", "reject")
# After this long nothing that was sent can still arrive, by the longest time that the client gives an invocation.
NOTHING_ARRIVES_S = 2 * LATEST_ARRIVAL_S

Call = Callable[[], Coroutine[Any, Any, object]]


class Promises(RuleBasedStateMachine):
    """Two processes and two APIs behind one host, which name their checkpoints alike; one ledger."""

    # Over all scripts that this process ran.
    steps_taken = 0
    posts_taken = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.machine = Machine(self.folder, self.clock)
        self.apis = {name: Api(name, self.clock) for name in APIS}
        self.running: dict[str, Process] = {}
        # Submissions of which the process that sent them showed the likely run.
        self.shown_likely: set[str | None] = set()
        self.pressed_at = 0.0
        for api in self.apis.values():
            self._write_token(api)
            api.on_post = lambda post, api=api: self._on_post(api, post)  # type: ignore[misc]
            api.on_break = self.machine.break_ledger

    @initialize(page_size=st.sampled_from([3, 50]))
    def begin(self, page_size: int) -> None:
        for api in self.apis.values():
            api.page_size = page_size
            run = api.start_run({"n": 0})
            api.wait_for_person(run, names_run=True)
        for name in NAMES:
            self.running[name] = self.machine.start(name, self.apis["team-a"])
            self.poll(name)

    def teardown(self) -> None:
        Promises.posts_taken += sum(len(api.posts) for api in self.apis.values())
        self.machine.mend_ledger()
        for process in self.running.values():
            with suppress(ScaicoreError):
                self.machine.end(process)
        self.machine.close()
        shutil.rmtree(self.folder)

    # The server, and people elsewhere.

    @rule(api=SOME_API, n=st.integers(0, 1))
    def somebody_invokes(self, api: str, n: int) -> None:
        self.apis[api].start_run({"n": n})

    @rule(api=SOME_API, names_run=st.booleans(), is_breakpoint=st.booleans())
    def run_waits(self, api: str, names_run: bool, is_breakpoint: bool) -> None:
        run = self.apis[api].start_run({"n": 2})
        self.apis[api].wait_for_person(run, names_run=names_run, is_breakpoint=is_breakpoint)

    @rule(api=SOME_API, which=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def somebody_answers(self, api: str, which: int, resolution: str) -> None:
        rows = list(self.apis[api].checkpoints)
        self.apis[api].resolve(rows[which % len(rows)], resolution, "usr_ada")

    @rule(api=SOME_API, which=st.integers(0, 9), ends=st.booleans())
    def run_moves(self, api: str, which: int, ends: bool) -> None:
        runs = list(self.apis[api].started_at)
        run = runs[which % len(runs)]
        (self.apis[api].finish if ends else self.apis[api].move_on)(run)

    @rule(api=SOME_API, number=st.integers(1, 8))
    def server_forgets(self, api: str, number: int) -> None:
        self.apis[api].forget(number)

    @rule(api=SOME_API, kind=st.sampled_from(["resolve", "invoke"]))
    def permission_ends(self, api: str, kind: str) -> None:
        self.apis[api].may_not.add(kind)

    @rule(api=SOME_API)
    def token_is_replaced(self, api: str) -> None:
        """A new token, which may do everything; the old one is no longer taken."""
        self.apis[api].token = f"eyJ-token-{self.apis[api].token.rpartition('-')[2] + '1'}"
        self.apis[api].may_not.clear()
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
            api.deliver_due()

    @rule()
    def ledger_breaks(self) -> None:
        self.machine.break_ledger()

    @rule()
    def ledger_is_mended(self) -> None:
        self.machine.mend_ledger()

    # The person at the keyboard.

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

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 9), resolution=st.sampled_from(OPTIONS), fault=SOME_FAULT)
    def press_answer(self, name: str, which: int, resolution: str, fault: str = "") -> None:
        """Press an answer; its POST meets a `fault`, or where that is empty the one that waits for it."""
        process = self.running[name]
        rows = process.session.checkpoints
        process.api.write_fault = fault or process.api.write_fault
        if rows:
            self._press_answer(process, rows[which % len(rows)].id, resolution)

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 9), fault=SOME_FAULT)
    def press_replay(self, name: str, which: int, fault: str = "") -> None:
        process = self.running[name]
        process.api.write_fault = fault or process.api.write_fault
        runs = [summary.execution_id for summary in process.session.index.order]
        if runs:
            run = runs[which % len(runs)]
            self._press(process, lambda: process.session.replay(run), "invoke", run)

    @rule(which=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def both_press_at_once(self, which: int, resolution: str) -> None:
        """Two presses of the same answer in one process, at the same moment."""
        process = self.running["first"]
        answer = self._answer_to(process, which, resolution)
        before = len(process.api.posts)
        if answer is not None:
            self._act(process, partial(_together, answer, answer))
        arrived = [post for post in process.api.posts[before:] if post.outcome != "not_connected"]
        assert len(arrived) <= 1, "two presses at once sent two POSTs"

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 9), resolution=st.sampled_from(OPTIONS))
    def press_while_polling(self, name: str, which: int, resolution: str) -> None:
        """A read is under way when the key is pressed."""
        process = self.running[name]
        answer = self._answer_to(process, which, resolution)
        if answer is not None:
            self._act(process, partial(_together, process.session.read_once, answer))

    @rule(name=st.sampled_from(NAMES), paused=st.booleans())
    def pause(self, name: str, paused: bool) -> None:
        self.running[name].session.pause(paused=paused)

    @rule(name=st.sampled_from(NAMES), api=SOME_API, offline=st.booleans(), is_killed=st.booleans())
    def restart(self, name: str, api: str, offline: bool, is_killed: bool) -> None:
        """The process ends or is killed; the next one may show another profile, or only the journal."""
        process = self.running[name]
        if is_killed:
            self.machine.kill(process)
        else:
            with suppress(ScaicoreError):
                self.machine.end(process)
        self._start(name, self.apis[api], offline=offline)

    # What must hold.

    @invariant()
    def every_submission_says_what_is_true(self) -> None:
        Promises.steps_taken += 1
        for process in self.running.values():
            for submission in process.submissions:
                self._check(process, submission)

    @invariant()
    @precondition(lambda self: not self.machine.is_ledger_broken)
    def what_is_shown_as_sent_is_in_the_ledger(self) -> None:
        for process in self.running.values():
            written = {entry.id for entry in process.session.tracker.ledger.entries()}
            for submission in process.submissions:
                is_sent = any(post.submission_id == submission.id for post in process.api.posts)
                assert not is_sent or submission.id in written, f"{submission.id} was sent and is in no ledger"

    def _check(self, process: Process, submission: Submission) -> None:
        posts = [post for post in process.api.posts if post.submission_id == submission.id]
        assert len(posts) <= 1, f"one press sent {len(posts)} POSTs"
        post = posts[0] if posts else None
        progress, where = submission.progress, f"{submission.kind} of {submission.target_id}: {submission.message}"
        may_arrive = post is not None and post.due is not None
        is_done = post is not None and post.is_done
        if progress in (Progress.REFUSED, Progress.NOT_RECEIVED, Progress.CONFLICT):
            assert not is_done, f"{progress}, and the server did it: {where}"
            assert not may_arrive, f"{progress}, and it may still arrive: {where}"
        if progress is Progress.NOT_SENT:
            assert post is None or post.outcome == "not_connected", f"not sent, and there was a POST: {where}"
        assert progress is not Progress.SENDING, f"sending for ever: {where}"
        if submission.is_replay:
            self._check_replay(process, submission, post, where)
        elif progress in (Progress.ACCEPTED, Progress.CONFIRMED):
            row = process.api.checkpoints.get(submission.target_id)
            assert row is not None, f"a write to another API is shown here: {where}"
            assert row["status"] == "resolved", f"{progress}, and it is pending: {where}"
            assert row["resolution"] == submission.resolution, f"{progress}, and the answer is another: {where}"

    def _check_replay(self, process: Process, submission: Submission, post: Post | None, where: str) -> None:
        api, run = process.api, submission.execution_id
        if submission.progress in (Progress.ACCEPTED, Progress.CONFIRMED):
            assert post is not None, f"{submission.progress}, and there was no POST: {where}"
            assert post.is_done, f"{submission.progress}, and the server did not do it: {where}"
        if run is None:
            return
        assert run != submission.target_id, f"the original is called its own replay: {where}"
        if submission.is_likely_match:
            if not submission.is_recovered:
                self.shown_likely.add(submission.id)
            # Of a process that died nobody knows how long the budget held its request back.
            known = None if post is None else post.pressed_at if submission.is_recovered else post.at
            sent_at = self.clock.now() - submission.age(self.clock.monotonic()) if known is None else known
            assert api.started_at[run] >= sent_at, f"the likely run is older than the POST: {where}"
            assert submission.progress is not Progress.CONFIRMED, f"confirmed by what is only likely: {where}"
        else:
            assert post is not None, f"{run} is called the replay, and there was no POST: {where}"
            assert run == post.run_id, f"{run} is called the replay, it is not: {where}"

    def _check_gate(self, process: Process) -> None:
        """After a good read only a refusal of this very permission, with this very token, closes the gate."""
        session = process.session
        for row in session.checkpoints:
            known = ("resolve", process.api.token) in process.refused
            reason = session.why_not_answer(row.id)
            assert known or reason is None or self._is_done_here(process, row.id), f"the gate stays shut: {reason}"
        for summary in session.index.order:
            run = session.index.runs[summary.execution_id]
            if run.has_input and run.core_id is not None:
                reason = session.why_not_replay(run)
                known = ("invoke", process.api.token) in process.refused
                assert known or reason is None or self._is_done_here(process, run.execution_id), (
                    f"the gate stays shut: {reason}"
                )

    def _is_done_here(self, process: Process, target: str) -> bool:
        """Whether an earlier write to it is not refuted, so that the gate may also say so."""
        return any(not post.is_refused for post in process.api.posts if post.subject == target)

    # How.

    def _start(self, name: str, api: Api, *, offline: bool = False) -> None:
        self.running[name] = self.machine.start(name, api, offline=offline)

    def _write_token(self, api: Api) -> None:
        (self.folder / f"{api.name}.token").write_text(api.token)
        (self.folder / f"{api.name}.token").chmod(0o600)

    def _answer_to(self, process: Process, which: int, resolution: str) -> Call | None:
        """The answer to one of the checkpoints that a process shows; None where it shows none."""
        rows = process.session.checkpoints
        if not rows:
            return None
        identity = rows[which % len(rows)].id
        return partial(process.session.answer, identity, self._offered(process, identity, resolution))

    def _offered(self, process: Process, identity: str, resolution: str) -> str:
        return "continue" if process.api.checkpoints[identity]["options"] == ["continue"] else resolution

    def _press_answer(self, process: Process, identity: str, resolution: str) -> None:
        choice = self._offered(process, identity, resolution)
        self._press(process, lambda: process.session.answer(identity, choice), "resolve", identity)

    def _press(self, process: Process, call: Call, kind: str, target: str) -> None:
        api = process.api
        before = len(api.posts)
        is_due = self._must_be_sent(process, kind, target)
        self._act(process, call)
        sent = api.posts[before:]
        assert len(sent) <= 1, f"one press sent {len(sent)} POSTs"
        assert sent or not is_due, f"{kind} of {target} should have been sent"

    def _must_be_sent(self, process: Process, kind: str, target: str) -> bool:
        """Whether nothing stands in the way of that write."""
        api = process.api
        is_well = not (process.is_offline or self.machine.is_ledger_broken or api.read_fault != "ok")
        is_fresh = process.read_at == self.clock.monotonic() and process.token == api.token
        is_pending = kind == "invoke" or api.checkpoints[target]["status"] == "pending"
        is_first = all(post.is_refused for post in api.posts if post.subject == target)
        if kind == "invoke":
            run = process.session.index.runs.get(target)
            is_pending = run is not None and run.has_input and not run.is_loading
        # The clock may move while a call waits for the budget.
        return is_well and is_fresh and is_pending and is_first and (kind, api.token) not in process.refused

    def _act(self, process: Process, call: Call) -> None:
        """Do what a press does; the process may be killed by it."""
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
        assert sending, f"a POST to {post.target} that is no submission's"
        post.submission_id, post.subject, post.pressed_at = sending[-1].id, sending[-1].target_id, self.pressed_at
        is_open = post.kind == "invoke" or api.checkpoints[post.target]["status"] == "pending"
        assert is_open, f"{post.target} was answered before, and is not read again before the POST"
        for old in api.posts:
            if (old.kind, old.subject) == (post.kind, post.subject):
                assert self._is_closed(api, old), f"sent twice: {post.kind} of {post.subject}, first was {old.outcome}"

    def _is_found(self, post: Post) -> bool:
        """Whether the process that sent it knows its likely run by now."""
        sent = [s for process in self.running.values() for s in process.submissions if s.id == post.submission_id]
        return any(submission.is_likely_match and not submission.is_recovered for submission in sent)

    def _is_closed(self, api: Api, post: Post) -> bool:
        """Whether the end of that write was known, or nothing of it can still happen."""
        if post.is_refused or self.clock.now() - post.at > NOTHING_ARRIVES_S:
            return True
        if post.kind == "invoke":
            # What may go wrong with the answer to a checkpoint alone is an answer here.
            is_answered = post.outcome in ("ok", "ok_without_details", "ledger_breaks_done", *CHECKPOINT_FAULTS)
            # A person who saw the likely run, and replays again, means a second one.
            return is_answered or post.submission_id in self.shown_likely or self._is_found(post)
        return False


async def _together(*calls: Call) -> None:
    """Do all of them at once. What goes wrong in words is one of their ends, too."""
    for outcome in await asyncio.gather(*(call() for call in calls), return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, ScaicoreError):
            raise outcome


def _target_of(submission: Submission, post: Post) -> str | None:
    """What the URL of its POST names: the Core, or the checkpoint."""
    return submission.core_id if post.kind == "invoke" else submission.target_id
