"""The embedded ScaiGrid and `serve` in front of it, each in its own process: `python -m tests.bench.upstream`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import bind, serve_app, stdin_closed
from tests.support.terminal import DEBUGGER

TOKEN = "sgk_bench"
LOOPBACK = "127.0.0.1"
DIRECT, PROXIED = "/v1/modules/scaicore", "/v1/scaicore"


@dataclass(frozen=True)
class Front:
    """A running `serve`: its URL, and the file with its access log."""

    url: str
    log: Path

    @property
    def upstream_calls(self) -> int:
        """Return the number of requests to the grid so far."""
        lines = self.log.read_text().splitlines()
        return sum(json.loads(line)["upstream_calls"] for line in lines if line.startswith("{"))


@contextmanager
def grid() -> Iterator[str]:
    """Run a grid with past runs, no new ones and no rate limit; yield its URL."""
    command = [sys.executable, "-m", "tests.bench.upstream"]
    with _process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


@contextmanager
def front(upstream: str, *flags: str) -> Iterator[Front]:
    """Run `serve` in front of a grid; yield once it listens."""
    command = [*DEBUGGER, "serve", "--upstream", upstream, "--port", "0", *flags]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        with log.open("w") as written, _process(command, stderr=written) as process:
            while not (printed := log.read_text()).endswith("\n"):
                assert process.poll() is None, "serve did not start"
            yield Front(printed.removeprefix("serving ").partition("/api/v1")[0], log)


@contextmanager
def _process(command: list[str], **pipes: int | IO[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, encoding="utf-8", **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


async def serve() -> None:
    """Serve a grid until standard input closes; print its URL."""
    bound, url = bind(LOOPBACK, 0)
    app = build_grid(GridConfig(rate=0, rate_limits=False, tokens={TOKEN: "viewer"}))
    async with serve_app(app, bound):
        print(url, flush=True)  # noqa: T201  (the parent process reads the URL)
        await stdin_closed()


if __name__ == "__main__":
    asyncio.run(serve())
