"""A PostgreSQL server on an address of its own, which can be stopped, killed and started again. It loses no commit."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import missing, programs

PORT = 54_329
_SCHEMA = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'feed_')"
_START_ATTEMPTS = 20
_OPTIONS = "max_connections=200 shared_buffers=64MB fsync=off unix_socket_directories=''"


class Postgres:
    """The server with its data in `folder`. It runs as another user if this one is root."""

    def __init__(self, folder: Path, host: str) -> None:
        self._data = folder / "data"
        self._host = host
        bin_folder = programs()
        assert bin_folder is not None, missing()
        self._bin = bin_folder
        self._account = pwd.getpwnam("postgres" if not os.getuid() else pwd.getpwuid(os.getuid()).pw_name)
        os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")

    @property
    def url(self) -> str:
        """The URL of the database of the team."""
        return f"postgresql://tester@{self._host}:{PORT}/postgres"

    def start(self) -> None:
        """Start, and return once connections are accepted. A killed server must first be gone, so it is tried again."""
        options = " ".join(f"-c {option}" for option in _OPTIONS.split())
        words = ("start", "-w", "-l", str(self._data / "log"), "-o", f"-h {self._host} -p {PORT} {options}")
        for _ in range(_START_ATTEMPTS):
            with suppress(subprocess.CalledProcessError):
                self._run("pg_ctl", *words)
                return
        raise AssertionError((self._data / "log").read_text())

    def stop(self) -> None:
        """Stop as a service manager does: open connections are ended."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def kill(self) -> None:
        """Kill the server and its processes as a crash does."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a connection that looks at the tables of the only feed. Raises psycopg.Error."""
        connection = psycopg.connect(self.url, autocommit=True, connect_timeout=2)
        row = connection.execute(_SCHEMA).fetchone()
        if row is not None:
            connection.execute("SELECT set_config('search_path', %s, false)", row)
        return connection

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), "-D", str(self._data), *words]
        # `pg_ctl start` leaves its output open in the server.
        user = None if os.getuid() else self._account.pw_uid
        group = None if os.getuid() else self._account.pw_gid
        quiet = subprocess.DEVNULL
        subprocess.run(
            command, check=True, stdout=quiet, stderr=quiet, cwd="/", user=user, group=group, extra_groups=[]
        )


@contextmanager
def postgres(host: str) -> Iterator[Postgres]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="pg-team-") as name:
        server = Postgres(Path(name), host)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):
                server.stop()
