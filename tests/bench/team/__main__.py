"""Run a team in real time and print what was lost, doubled and rejected, and how long each takeover took."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg

from tests.bench.ceiling import event
from tests.bench.team.faults import FAULTS, Fault, Team
from tests.bench.team.network import API_HOST, POSTGRES_HOST, Namespace, namespaces
from tests.bench.team.observer import Observer
from tests.bench.team.postgres import postgres
from tests.support.terminal import DEBUGGER

INTERVAL_S = 5.0
VIEWERS_PER_PROCESS = 10
# Seconds after the end of the feed within which everything must be read.
MAX_REMAINDER_S = 240.0


class Recorder:
    """A recorder as a process, in a namespace if there is one; `home` keeps its state when it is started again."""

    def __init__(self, home: Path, feed: str, journal: str, namespace: Namespace | None = None) -> None:
        self.namespace = namespace
        self._home = home
        words = ["record", "--url", f"{feed}/api/v1", "--journal", journal, "--json"]
        words += [f"--interval={INTERVAL_S}", "--backfill=1000000000"]
        self._command = [*(namespace.prefix if namespace else ()), *DEBUGGER, *words]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process."""
        env = os.environ | {"HOME": str(self._home), "SCAICORE_TUI_TOKEN": "sk-team"}
        log = (self._home / "log").open("a")
        self.process = subprocess.Popen(self._command, env=env, stdout=subprocess.PIPE, stderr=log, encoding="utf-8")

    def send(self, number: signal.Signals) -> None:
        """Send a signal. The command of the namespace replaces itself by the recorder, so it has the same number."""
        assert self.process is not None
        self.process.send_signal(number)

    def finish(self) -> dict[str, object]:
        """End the process with SIGINT; return its summary."""
        assert self.process is not None
        self.send(signal.SIGINT)
        output, _ = self.process.communicate(timeout=60)
        return dict(json.loads(output)) if output.strip() else {}

    @property
    def messages(self) -> str:
        """What it wrote on standard error."""
        return (self._home / "log").read_text()


@contextmanager
def helper_process(*words: str) -> Iterator[str]:
    """Run a process that prints one line once it is ready, and ends with its standard input; yield that line."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def feed(seconds: float) -> AbstractContextManager[str]:
    """Run a feed; yield its URL."""
    return helper_process(sys.executable, "-m", "tests.bench.team.feed", str(seconds))


def relay(namespace: Namespace, feed_url: str) -> AbstractContextManager[str]:
    """Make the feed reachable by the same URL in a namespace."""
    words = (sys.executable, "-m", "tests.bench.team.relay", API_HOST, str(urlsplit(feed_url).port))
    return helper_process(*namespace.prefix, *words)


class Viewers:
    """Processes with some viewers each."""

    def __init__(self, count: int, feed_url: str, journal: str, folder: Path) -> None:
        self._files = [folder / f"viewers{number}" for number in range(-(-count // VIEWERS_PER_PROCESS))]
        env = os.environ | {"HOME": str(folder), "SCAICORE_TUI_TOKEN": "sk-team"}
        self._processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.bench.team.viewers", f"{feed_url}/api/v1", journal),
                    *(str(min(VIEWERS_PER_PROCESS, count - index * VIEWERS_PER_PROCESS)), str(file)),
                ],
                env=env,
                stdin=subprocess.PIPE,
            )
            for index, file in enumerate(self._files)
        ]

    def finish(self) -> list[list[tuple[float, int]]]:
        """End all; return for each viewer the times and numbers of events that it showed."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._processes:
            process.wait(60)
        return [row for file in self._files for row in json.loads(file.read_text())]


def run(seconds: float, viewers: int, faults: tuple[Fault, ...]) -> dict[str, object]:
    """Run two recorders and `viewers`, and beside them one recorder alone with its own feed; return the results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        spaces = stack.enter_context(namespaces(2))
        server = stack.enter_context(postgres(POSTGRES_HOST))
        team_feed, lone_feed = (stack.enter_context(feed(seconds)) for _ in range(2))
        for space in spaces:
            stack.enter_context(relay(space, team_feed))
        homes = [folder / name for name in ("one", "two", "alone", "viewers")]
        for home in homes:
            home.mkdir()
        recorders = [Recorder(homes[index], team_feed, server.url, space) for index, space in enumerate(spaces)]
        lone = Recorder(homes[2], lone_feed, str(folder / "journal"))
        for recorder in (*recorders, lone):
            recorder.start()
        observer = Observer(server)
        stack.callback(observer.stop)
        assert observer.next_commit(0.0) < float("inf"), [recorder.messages for recorder in recorders]
        shown = Viewers(viewers, team_feed, server.url, homes[3])
        team = Team(server, recorders, observer)
        begin = time.monotonic()
        takeovers = [fault.run(team, begin + fault.share * seconds) for fault in faults]
        offered = _wait_until_read(team_feed, observer, begin + seconds)
        team_counts, lone_counts = (httpx.get(f"{url}/counts").json() for url in (team_feed, lone_feed))
        series = shown.finish()
        summaries = [recorder.finish() for recorder in (*recorders, lone)]
        messages = [recorder.messages.splitlines() for recorder in recorders]
        with server.connect() as connection:
            found = Counter(_stored(connection))
    expected = Counter(event(number) for number in range(offered))
    return {
        "offered": offered,
        "lost": (expected - found).total(),
        "doubled": (found - expected).total(),
        "rejected": team_counts["rejected"],
        "requests": team_counts["requests"],
        "requests_of_one_recorder": lone_counts["requests"],
        "faults": [
            {"fault": fault.name, "seconds": round(took, 1), "intervals": round(took / INTERVAL_S, 2)}
            for fault, took in zip(faults, takeovers, strict=True)
        ],
        "viewers": len(series),
        "viewers_incomplete": sum(row[-1][1] != offered for row in series),
        "lag_s": observer.lags(series),
        "summaries": summaries,
        "messages": messages,
    }


def _wait_until_read(url: str, observer: Observer, end: float) -> int:
    """Wait until all events are stored; return how many were offered."""
    offered = 0
    while time.monotonic() < end + MAX_REMAINDER_S:
        observer.wait(1.0)
        offered = int(httpx.get(f"{url}/counts").json()["offered"])
        if time.monotonic() > end and observer.count >= offered:
            break
    return offered


def _stored(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[bytes]:
    with connection.transaction(), connection.cursor("events", binary=True) as cursor:
        for (raw,) in cursor.execute("SELECT raw FROM events"):
            yield bytes(raw)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.team", description="Run a team on one journal.")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--viewers", type=int, default=40)
    parser.add_argument("--faults", action="store_true", help="kill, stop, and cut off recorders and server")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        found = run(options.seconds, options.viewers, FAULTS if options.faults else ())
        sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
