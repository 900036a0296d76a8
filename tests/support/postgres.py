"""A real PostgreSQL server for the tests, on a Unix socket in a temporary folder: one for all worker processes.

It ends when the last process that uses it does, also if that is killed: a shell waits for the end of a named pipe that
each of them holds open.
"""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from scaicore_tui.lock import Lock

# Nothing is to survive a crash of the machine.
_FAST = "fsync=off full_page_writes=off synchronous_commit=off shared_buffers=32MB max_connections=60 autovacuum=off"
_OPTIONS = " ".join(f"-c {option}" for option in _FAST.split())
# `$1` programs, `$2` folder. The role `locked` needs a password.
_SUPERVISE = f"""
"$1/initdb" -D "$2/data" -A trust -U tester -E UTF8 --locale=C --no-sync >"$2/log" 2>&1 || exit 1
printf 'local all locked scram-sha-256\nlocal all all trust\n' >"$2/data/pg_hba.conf"
"$1/postgres" -D "$2/data" -k "$2" -h '' {_OPTIONS} >>"$2/log" 2>&1 &
server=$!
read _ <"$2/users"
kill -INT $server
wait $server
rm -r "$2"
"""
_INITIALISE = """"$1/initdb" -D "$2/data" -A trust -U tester -E UTF8 --locale=C --no-sync >"$2/log" 2>&1"""
# Reads the signal that ends the server; without one, as this process was killed, the server ends as well. What was
# committed survives the end of the server, which without `synchronous_commit` it would not.
_RUN = f"""
"$1/postgres" -D "$2/data" -k "$2" -h '' {_OPTIONS} -c synchronous_commit=on >>"$2/log" 2>&1 &
server=$!
read signal
kill -${{signal:-INT}} $server
wait $server
"""
START_TIMEOUT_S = 60


def programs() -> Path | None:
    """Return the folder of the newest server that is installed: of Debian, of the PATH, or of a Python wheel.

    `TEST_POSTGRES_BIN` names another one, to test with its version.
    """
    chosen = os.environ.get("TEST_POSTGRES_BIN")
    folders = [Path(chosen)] if chosen else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    wheel = find_spec("pgserver")
    folders += [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel is not None and wheel.origin else []
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _unprivileged() -> str | None:
    """Return the user that runs the server, which refuses to be run by root; None if there is none."""
    if os.getuid():
        return getpass.getuser()
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def missing() -> str:
    """Return why no server can be started; empty if one can."""
    if programs() is None:
        return "no PostgreSQL server: install Debian's package postgresql, or the wheel pgserver"
    return "" if _unprivileged() else "PostgreSQL refuses to be run by root, and there is no other user"


def _new_folder() -> Path:
    """Return a new folder for a server, with a short path: that of a socket has about 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="pg-test-", dir="/tmp"))
    os.mkfifo(folder / "users", 0o600)
    account = _account()
    for path in (folder, folder / "users") if not os.getuid() else ():
        os.chown(path, account.pw_uid, account.pw_gid)
    return folder


def _account() -> pwd.struct_passwd:
    user = _unprivileged()
    assert user is not None
    return pwd.getpwnam(user)


def _shell(script: str, folder: Path, stdin: int) -> subprocess.Popen[bytes]:
    """Run a script with the folder of the programs and that of the server, as the user that runs the server."""
    bin_folder, account, is_root = programs(), _account(), not os.getuid()
    assert bin_folder is not None
    return subprocess.Popen(
        ["sh", "-c", script, "sh", bin_folder, folder],
        cwd="/",
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        user=account.pw_uid if is_root else None,
        group=account.pw_gid if is_root else None,
        extra_groups=[] if is_root else None,
    )


def _start() -> Path:
    """Start a server; return its folder, in which its socket is."""
    folder = _new_folder()
    _shell(_SUPERVISE, folder, subprocess.DEVNULL).returncode = 0  # It outlives this process, perhaps.
    return folder


class OwnServer:
    """A server that a test starts and stops."""

    def __init__(self) -> None:
        self.folder = _new_folder()
        self.url = address(self.folder, "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        assert _shell(_INITIALISE, self.folder, subprocess.DEVNULL).wait() == 0

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        self._process = _shell(_RUN, self.folder, subprocess.PIPE)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url):
                return
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {(self.folder / 'log').read_text()}")

    def stop(self, signal: str = "INT") -> None:
        """Stop the server; with QUIT, at once as in a crash: it recovers when it is started again."""
        if self._process is not None:
            self._process.communicate(f"{signal}\n".encode())
            self._process = None


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Yield a server that is running."""
    running = OwnServer()
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(running.folder)


def _join(folder: Path) -> int | None:
    """Return a descriptor that keeps the server in `folder` running; None if it has ended."""
    try:
        return os.open(folder / "users", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@contextmanager
def server(shared: Path) -> Iterator[Path]:
    """Yield the folder with the socket of a server, which all processes with the same folder `shared` use."""
    note = shared / "postgres"
    with Lock(note, START_TIMEOUT_S):
        folder = Path(note.read_text()) if note.exists() else None
        user = None if folder is None else _join(folder)
        if folder is None or user is None:
            folder = _start()
            user = _wait_until_ready(folder)
            note.write_text(str(folder))
    try:
        yield folder
    finally:
        os.close(user)


def _wait_until_ready(folder: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError), psycopg.connect(address(folder, "postgres")):
            user = _join(folder)
            if user is not None:
                return user
        time.sleep(0.05)
    raise AssertionError(f"the server did not start: {(folder / 'log').read_text()}")


def address(folder: Path, database: str, user: str = "tester") -> str:
    """Return the URL of a database."""
    return f"postgresql://{user}@/{database}?host={quote(str(folder), safe='')}"
