"""Tokens: what they say of themselves, the command that prints one, and when another one is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from scaicore_tui.auth import Claims, TokenProvider, read_claims
from scaicore_tui.auth.provider import MIN_RENEW_INTERVAL_S, RENEW_BEFORE_S
from scaicore_tui.auth.sources import MAX_OUTPUT_BYTES, run_command
from scaicore_tui.config import Target
from scaicore_tui.config.token_sources import TokenCommand, TokenFile
from scaicore_tui.errors import CredentialsError
from scaicore_tui.secrets import Secret
from tests.support.manual_clock import ManualClock
from tests.support.proxy import jwt

HOUR = 3_600.0


@pytest.mark.parametrize(
    ("token", "claims"),
    [
        (jwt(sub="usr_1", tenant_id="t", exp=17, scope="a b"), Claims("usr_1", "t", 17.0, ("a", "b"))),
        (jwt(scope=["a", 2]), Claims(scopes=("a",))),
        (jwt(sub=3, exp="soon", tenant_id="", scope=None), Claims()),
        (jwt(exp=True), Claims()),
        (jwt(exp=float("nan")), Claims()),
        (jwt(exp=10**400), Claims()),
        ("a.b.c", None),
        ("sgk_key", None),
        ("é.é.é", None),
        ("", None),
    ],
)
def test_claims_are_read_from_whatever_comes(token: str, claims: Claims | None) -> None:
    assert read_claims(token) == claims


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def test_a_command_prints_the_token() -> None:
    assert await run_command(python("print('  a.b.c')")) == Secret("a.b.c")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-program",), "cannot run no-such-program"),
        (python(""), "printed nothing"),
        (python("print('two words')"), "printed something that is not a token"),
        (python("print('a.b.c'); raise SystemExit('sign in first')"), "ended with code 1: sign in first"),
        (python("raise SystemExit('not aaaaaaaaaa.bbbbbbbbbb.cc, nor sgk_12')"), "code 1: not …, nor …"),
        (python("input()"), "EOF"),
    ],
)
async def test_a_command_without_a_token_is_an_error_with_a_reason(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        await run_command(arguments)
    assert words in raised.value.message
    assert "a.b.c" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="a shell")
async def test_a_command_is_not_waited_for_nor_what_it_started() -> None:
    """What it started holds the pipe: it would be waited for in its place."""
    running = run_command(("sh", "-c", "sleep 600 & wait"), timeout_s=0.2)
    with pytest.raises(CredentialsError, match="printed no token"):
        await asyncio.wait_for(running, 60)


class Printer:
    """A command that prints what a file holds, and counts how often it is run."""

    def __init__(self, folder: Path, token: str) -> None:
        self._file = folder / "token"
        self._runs = folder / "runs"
        self._runs.touch()
        self.now_prints(token)
        code = "import sys; open(sys.argv[2], 'a').write('x'); print(open(sys.argv[1]).read())"
        self.source = TokenCommand("work", (*python(code), str(self._file), str(self._runs)))

    def now_prints(self, token: str) -> None:
        self._file.write_text(token)

    @property
    def runs(self) -> int:
        return len(self._runs.read_text())


def bearer(source: TokenCommand | TokenFile, clock: ManualClock, token: str | None = None) -> TokenProvider:
    known = None if token is None else Secret(token)
    return TokenProvider(Target(url="https://h", token=known, sources=(source,)), clock)


async def test_the_command_runs_when_needed_and_again_before_expiry(tmp_path: Path) -> None:
    clock = ManualClock()
    first, second = (jwt(exp=clock.now() + hours * HOUR, n=hours) for hours in (1, 2))
    printer = Printer(tmp_path, first)
    mine = bearer(printer.source, clock)
    assert (printer.runs, mine.seconds_left) == (0, None)
    assert set(await asyncio.gather(mine.token(), mine.token())) == {Secret(first)}
    assert (printer.runs, mine.source, mine.seconds_left) == (1, "token_command of profile work", HOUR)
    clock.advance(HOUR - RENEW_BEFORE_S - 1)
    assert await mine.token() == Secret(first)
    printer.now_prints(second)
    clock.advance(2)
    assert await mine.token() == Secret(second)
    assert printer.runs == 2


async def test_a_token_is_used_until_it_expires_if_renewal_fails(tmp_path: Path) -> None:
    clock = ManualClock()
    token = jwt(exp=clock.now() + RENEW_BEFORE_S / 2)
    printer = Printer(tmp_path, "")
    mine = bearer(printer.source, clock, token)
    assert await mine.token() == Secret(token)
    assert await mine.token() == Secret(token)
    assert printer.runs == 1
    clock.advance(RENEW_BEFORE_S)
    with pytest.raises(CredentialsError, match="printed nothing"):
        await mine.token()
    assert printer.runs == 2


async def test_repeated_401s_run_the_command_at_most_once_per_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    printer = Printer(tmp_path, "sgk_old")
    mine = bearer(printer.source, clock)
    refused = await mine.token()
    assert not await mine.renew(refused)
    assert printer.runs == 1
    clock.advance(MIN_RENEW_INTERVAL_S)
    assert not await mine.renew(refused)
    assert not await mine.renew(refused)
    assert printer.runs == 2
    clock.advance(MIN_RENEW_INTERVAL_S)
    printer.now_prints("sgk_new")
    assert set(await asyncio.gather(mine.renew(refused), mine.renew(refused))) == {True}
    assert (await mine.token(), printer.runs) == (Secret("sgk_new"), 3)


async def test_a_new_token_in_the_file_is_found_after_a_401(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("sgk_new\n")
    path.chmod(0o600)
    mine = bearer(TokenFile(str(path), path), ManualClock(), "sgk_old")
    refused = await mine.token()
    assert await mine.renew(refused)
    assert await mine.token() == Secret("sgk_new")


def test_a_401_for_an_expired_token_names_the_expiry() -> None:
    clock = ManualClock()
    target = Target(url="https://h", token=Secret(jwt(exp=clock.now() - 7_300)), token_source="HERE")
    told = TokenProvider(target, clock).explain(CredentialsError("no", status=401, request_id="req_1"))
    assert "the token from HERE expired 2h ago" in str(told)
    assert (told.request_id, told.status) == ("req_1", 401)
    other = CredentialsError("no", status=412)
    assert TokenProvider(target, clock).explain(other) is other


@pytest.mark.skipif(os.name != "posix", reason="a shell")
async def test_background_processes_of_a_command_are_not_waited_for(tmp_path: Path) -> None:
    """What it leaves in the background holds its pipes: an agent that caches tokens, say."""
    child = tmp_path / "pid"
    script = f"sleep 600 & echo $! >{child}; echo a.b.c"
    try:
        assert await asyncio.wait_for(run_command(("sh", "-c", script), timeout_s=500), 60) == Secret("a.b.c")
    finally:
        os.kill(int(child.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_command_with_endless_output_is_stopped(stream: str) -> None:
    endless = f"import sys\nwhile True: sys.{stream}.write('x' * 4096)"
    with pytest.raises(CredentialsError, match="printed far more than a token"):
        await asyncio.wait_for(run_command(python(endless), timeout_s=600), 60)


async def test_a_long_token_is_taken_whole() -> None:
    token = "x" * (MAX_OUTPUT_BYTES - 1)
    assert await run_command(python(f"print('x' * {len(token)})")) == Secret(token)


async def test_an_impossible_program_name_is_an_error() -> None:
    with pytest.raises(CredentialsError, match="embedded null byte"):
        await run_command(("a\0b",))
