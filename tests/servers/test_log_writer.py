"""A server's log is written in a thread: a blocked log delays no request, and dropped lines are counted."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scaicore_tui.cli.output import stderr
from scaicore_tui.servers.hosting import EXHAUSTION_REPORT_INTERVAL_S, handle_loop_errors
from scaicore_tui.servers.log_writer import LogWriter
from tests.support.manual_clock import ManualClock
from tests.support.waiting import TIMEOUT_S, wait_until

FULL_DEVICE = Path("/dev/full")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def start_reading(end: int) -> Callable[[], bytes]:
    """Start to read in a thread. The returned function waits for the end of the pipe and returns all its bytes."""
    found: list[bytes] = []

    def read() -> None:
        while part := os.read(end, 65536):
            found.append(part)

    thread = threading.Thread(target=read)
    thread.start()

    def finish() -> bytes:
        thread.join(TIMEOUT_S)
        return b"".join(found)

    return finish


def end_pipe(descriptor: int) -> None:
    """Close the pipe's writing end for its reader; the descriptor itself stays open, on /dev/null."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def test_all_lines_are_written_in_order(pipe: tuple[int, int]) -> None:
    written = start_reading(pipe[0])
    writer = LogWriter(pipe[1])
    for number in range(2000):
        writer.write(f"{number}\n")
    writer.close(TIMEOUT_S)
    end_pipe(pipe[1])
    assert written().split() == [b"%d" % number for number in range(2000)]


def test_a_stalled_reader_blocks_nothing_and_the_dropped_lines_are_counted(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], max_queued_bytes=10_000)
    count = 500
    for number in range(count):
        # Far more than fits into the pipe and the queue: a writer without a thread would block here.
        writer.write(f"{number:03} {'x' * 995}\n")
    written = start_reading(pipe[0])
    writer.close(TIMEOUT_S)
    end_pipe(pipe[1])
    lines = written().decode().splitlines()
    notices = [line for line in lines if "dropped" in line]
    kept = [int(line[:3]) for line in lines if "dropped" not in line]
    counts = [re.fullmatch(r"(\d+) log lines dropped: nothing read the log", line) for line in notices]
    dropped = sum(int(found[1]) for found in counts if found)
    assert kept == sorted(kept)
    assert None not in counts
    assert 0 < dropped == count - len(kept)


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="this system has no disk that is always full")
async def test_writing_resumes_when_a_full_disk_has_room_again(pipe: tuple[int, int]) -> None:
    log = os.open(FULL_DEVICE, os.O_WRONLY)
    writer = LogWriter(log)
    writer.write("one\ntwo\n")
    await wait_until(lambda: writer._dropped == 2)
    os.dup2(pipe[1], log)
    writer.write("three\n")
    writer.close(TIMEOUT_S)
    os.close(log)
    assert os.read(pipe[0], 999) == b"2 log lines dropped: No space left on device\nthree\n"


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="this system has no disk that is always full")
def test_messages_of_commands_resume_when_there_is_room_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = os.open(FULL_DEVICE, os.O_WRONLY)
    monkeypatch.setattr(sys, "stderr", os.fdopen(log, "w", 1, closefd=False))
    stderr.say("one")
    os.dup2(pipe[1], log)
    stderr.say("two")
    os.close(log)
    assert os.read(pipe[0], 999) == b"two\n"


def test_after_a_partly_written_line_the_next_starts_on_its_own_line(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failed = os.write, threading.Event()

    def write_half(descriptor: int, data: bytes) -> int:
        if failed.is_set() or descriptor != pipe[1]:
            return write(descriptor, data)
        if data == b"x\nhalf\n":
            return write(descriptor, data[:4])
        failed.set()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", write_half)
    writer = LogWriter(pipe[1])
    writer.write("x\nhalf\n")
    assert failed.wait(TIMEOUT_S)
    writer.write("next\n")
    writer.close(TIMEOUT_S)
    assert os.read(pipe[0], 999).splitlines() == [b"x", b"ha", b"1 log line dropped: No space left on device", b"next"]


def test_lines_that_cannot_be_written_at_the_end_are_abandoned(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1])
    writer.write(f"{'x' * 500_000}\n")
    writer.close(0)
    assert writer._thread.is_alive()
    written = start_reading(pipe[0])
    writer._thread.join(TIMEOUT_S)
    end_pipe(pipe[1])
    assert len(written()) == 500_001


async def test_running_out_of_descriptors_is_reported_once_a_minute_and_is_no_crash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    passed: list[object] = []
    clock, loop = ManualClock(), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: passed.append(context))
    fault = {"message": "socket.accept() out of system resource", "exception": OSError(errno.EMFILE, "Too many files")}
    handle_loop_errors(clock)
    for _ in range(3):
        loop.call_exception_handler(fault)
    assert [line.partition(" · ")[0] for line in caplog.messages] == [
        "scaicore-tui: Too many files: new connections wait until others close"
    ]
    clock.advance(EXHAUSTION_REPORT_INTERVAL_S)
    loop.call_exception_handler(fault)
    assert len(caplog.messages) == 2
    # asyncio tries again a second later, and maybe finds the socket closed.
    error_context = {"message": "Exception in callback Loop._start_serving()", "exception": ValueError("closed")}
    loop.call_exception_handler(error_context)
    assert passed == []
    other = {"message": "x", "exception": OSError(errno.EACCES, "no")}
    loop.call_exception_handler(other)
    assert passed == [other]
