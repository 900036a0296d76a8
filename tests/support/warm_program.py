"""The program in forked processes of a server that has its modules loaded already.

Most of the processor time of a start is spent on imports. Tests of what is on the screen, of the output and of the end
use this; tests of a start start a new interpreter. A forked process has the same descriptors, environment, working
folder, session, signals and end as a new one.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from select import select

MAX_REQUEST_BYTES = 1 << 20
# Read by Python when it starts: a program with another value needs an interpreter of its own.
_READ_AT_START = ("PYTHON", "LC_", "LANG")
_WITHOUT_EFFECT = ("PYTHONDONTWRITEBYTECODE",)


class WarmServer:
    """A server process of this test process, with the modules of these packages. It ends when this process does."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self.environment = dict(os.environ)
        command = [sys.executable, "-m", "tests.support.warm_program", str(theirs.fileno()), *packages]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        descriptors: tuple[int, int, int],
        *,
        in_session: bool = False,
    ) -> Running:
        """Start the program with these arguments, environment, and standard input, output and error.

        `in_session`: as the leader of a session of its own, whose terminal is its standard input.
        """
        assert self.can_run(env), "this environment needs an interpreter of its own"
        request = json.dumps([list(arguments), dict(env), str(Path.cwd()), in_session]).encode()
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            socket.send_fds(self._socket, [request], [*descriptors, theirs.fileno()])
        return Running(ours)

    def run(
        self, arguments: Sequence[str], env: Mapping[str, str], text: str, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the program to its end, with `text` as its standard input and pipes as all three streams."""
        (stdin, our_stdin), (our_stdout, stdout), (our_stderr, stderr) = os.pipe(), os.pipe(), os.pipe()
        running = self.start(arguments, env, (stdin, stdout, stderr))
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        with ThreadPoolExecutor() as threads:
            threads.submit(_write_all, our_stdin, text)
            outputs = [threads.submit(_read_all, each) for each in (our_stdout, our_stderr)]
            code = running.wait(timeout_s)
        return subprocess.CompletedProcess(arguments, code, *(output.result() for output in outputs))

    def can_run(self, env: Mapping[str, str]) -> bool:
        """Return True if a forked process with `env` behaves as a new one would."""
        return _start_variables(env) == _start_variables(self.environment)


class Running:
    """A running program. Its process id is the first line of the socket, its exit code the second."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self._lines = status.makefile()
        self._code: int | None = None
        self.pid = int(self._lines.readline())

    def wait(self, timeout_s: float) -> int:
        """Return the exit code, negative for a signal. Raises TimeoutExpired and kills it if it does not end."""
        if self._code is None and not select([self._status], [], [], timeout_s)[0]:
            self.kill()
            raise subprocess.TimeoutExpired(str(self.pid), timeout_s)
        if self._code is None:
            with self._status, self._lines:
                self._code = int(self._lines.readline())
        return self._code

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self.wait(0) if self._code is not None or select([self._status], [], [], 0)[0] else None

    def kill(self) -> None:
        """Kill the program."""
        os.kill(self.pid, signal.SIGKILL)


@cache
def warm_server() -> WarmServer:
    """Return the server for commands of this process, started at the first call."""
    return WarmServer(("cli", "session"))


@cache
def warm_app_server() -> WarmServer:
    """Return the server for the app, which has more modules, started at the first call."""
    return WarmServer(("cli", "session", "tui", "sync", "store"))


def _write_all(descriptor: int, text: str) -> None:
    with suppress(BrokenPipeError), open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _read_all(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8") as stream:
        return stream.read()


def _start_variables(env: Mapping[str, str]) -> dict[str, str]:
    names = [name for name in env if name.startswith(_READ_AT_START) and name not in _WITHOUT_EFFECT]
    return {name: env[name] for name in names}


def _load(packages: Sequence[str]) -> None:
    """Import the modules of these packages, and what Typer imports for the first option that it reads."""
    from typer import Typer
    from typer.testing import CliRunner

    app = Typer()
    app.command()(lambda: None)
    CliRunner().invoke(app, [])
    for name in packages:
        package = import_module(f"scaicore_tui.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    gc.collect()
    gc.freeze()


def _serve(requests: socket.socket) -> None:
    """Fork a process for each request; report the end of each. Returns in each forked process, which then exits."""
    wake, woken = socket.socketpair()
    for each in (wake, woken):
        each.setblocking(False)  # noqa: FBT003
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select([requests, woken], [], [])
        if woken in ready:
            woken.recv(1024)
            _report_ended(running)
        if requests in ready:
            data, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
            if not data:
                os._exit(0)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (requests, wake, woken, *running.values()):
                    each.close()
                arguments, env, folder, in_session = json.loads(data)
                _become_program(arguments, env, folder, descriptors, in_session=in_session)
                return
            status = socket.socket(fileno=descriptors.pop())
            status.sendall(f"{pid}\n".encode())
            running[pid] = status
            for descriptor in descriptors:
                os.close(descriptor)


def _report_ended(running: dict[int, socket.socket]) -> None:
    for pid, status in list(running.items()):
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid):
                status.sendall(f"{os.waitstatus_to_exitcode(code)}\n".encode())


def _become_program(
    arguments: Sequence[str], env: Mapping[str, str], folder: str, descriptors: list[int], *, in_session: bool
) -> None:
    """Take over what a new process would be started with."""
    os.close(descriptors.pop())
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if in_session:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["scaicore_tui", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = _standard_stream(descriptor)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _standard_stream(descriptor: int) -> io.TextIOWrapper:
    """Open a standard stream as the interpreter does at its start."""
    old: io.TextIOWrapper = (sys.__stdin__, sys.__stdout__, sys.__stderr__)[descriptor]  # type: ignore[assignment]
    stream = open(  # noqa: SIM115  (open until the process ends)
        descriptor, "w" if descriptor else "r", encoding=old.encoding, errors=old.errors, closefd=False
    )
    stream.reconfigure(line_buffering=stream.isatty() or descriptor == 2)
    return stream


def main() -> None:
    """Serve until the test process ends; in a forked process, run the program."""
    # A program that is interrupted must not interrupt this server of others, and the other way round.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load(sys.argv[2:])
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        _serve(requests)
    runpy.run_module("scaicore_tui", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
