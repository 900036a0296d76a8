"""Tokens: their claims, the command that prints one, and when a token is renewed."""

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
        (jwt(scope=["a", 2], groups=["finance", None]), Claims(scopes=("a",), groups=("finance",))),
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
def test_claims_are_read_from_any_token(token: str, claims: Claims | None) -> None:
    assert read_claims(token) == claims


def python(code: str) -> tuple[str, ...]:
    """Return a command that runs `code`."""
    return (sys.executable, "-c", code)


async def test_a_command_prints_the_token() -> None:
    assert await run_command(python("print('  a.b.c')")) == Secret("a.b.c")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("no-such-program",), "cannot run no-such-program"),
        (python(""), "printed nothing"),
        (python("print('two words')"), "printed something that is not a token"),
        (python("print('a.b.c'); raise SystemExit('sign in first')"), "ended with code 1: sign in first"),
        (python("raise SystemExit('not aaaaaaaaaa.bbbbbbbbbb.cc, nor sgk_12')"), "code 1: not …, nor …"),
        (python("input()"), "EOF"),
    ],
)
async def test_a_command_without_a_token_is_an_error_with_a_reason(arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        await run_command(arguments)
    assert text in raised.value.message
    assert "a.b.c" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
async def test_after_the_timeout_neither_the_command_nor_its_children_are_waited_for() -> None:
    """A child process keeps the pipe open, so the end of the output would never come."""
    running = run_command(("sh", "-c", "sleep 600 & wait"), timeout_s=0.2)
    with pytest.raises(CredentialsError, match="printed no token"):
        await asyncio.wait_for(running, 60)


class CountingCommand:
    """A token command that prints the content of a file, and counts its runs."""

    def __init__(self, folder: Path, token: str) -> None:
        self._file = folder / "token"
        self._runs = folder / "runs"
        self._runs.touch()
        self.set_token(token)
        code = "import sys; open(sys.argv[2], 'a').write('x'); print(open(sys.argv[1]).read())"
        self.source = TokenCommand("work", (*python(code), str(self._file), str(self._runs)))

    def set_token(self, token: str) -> None:
        self._file.write_text(token)

    @property
    def runs(self) -> int:
        return len(self._runs.read_text())


def provider_of(source: TokenCommand | TokenFile, clock: ManualClock, token: str | None = None) -> TokenProvider:
    known = None if token is None else Secret(token)
    return TokenProvider(Target(url="https://h", token=known, sources=(source,)), clock)


async def test_the_command_runs_when_needed_and_again_before_expiry(tmp_path: Path) -> None:
    clock = ManualClock()
    first, second = (jwt(exp=clock.now() + hours * HOUR, n=hours) for hours in (1, 2))
    command = CountingCommand(tmp_path, first)
    provider = provider_of(command.source, clock)
    assert (command.runs, provider.seconds_left) == (0, None)
    assert set(await asyncio.gather(provider.token(), provider.token())) == {Secret(first)}
    assert (command.runs, provider.source, provider.seconds_left) == (1, "token_command of profile work", HOUR)
    clock.advance(HOUR - RENEW_BEFORE_S - 1)
    assert await provider.token() == Secret(first)
    command.set_token(second)
    clock.advance(2)
    assert await provider.token() == Secret(second)
    assert command.runs == 2


async def test_a_token_is_used_until_it_expires_if_renewal_fails(tmp_path: Path) -> None:
    clock = ManualClock()
    token = jwt(exp=clock.now() + RENEW_BEFORE_S / 2)
    command = CountingCommand(tmp_path, "")
    provider = provider_of(command.source, clock, token)
    assert await provider.token() == Secret(token)
    assert await provider.token() == Secret(token)
    assert command.runs == 1
    clock.advance(RENEW_BEFORE_S)
    with pytest.raises(CredentialsError, match="printed nothing"):
        await provider.token()
    assert command.runs == 2


async def test_repeated_401s_run_the_command_at_most_once_per_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    command = CountingCommand(tmp_path, "sgk_old")
    provider = provider_of(command.source, clock)
    rejected = await provider.token()
    assert not await provider.renew(rejected)
    assert command.runs == 1
    clock.advance(MIN_RENEW_INTERVAL_S)
    assert not await provider.renew(rejected)
    assert not await provider.renew(rejected)
    assert command.runs == 2
    clock.advance(MIN_RENEW_INTERVAL_S)
    command.set_token("sgk_new")
    assert set(await asyncio.gather(provider.renew(rejected), provider.renew(rejected))) == {True}
    assert (await provider.token(), command.runs) == (Secret("sgk_new"), 3)


async def test_a_new_token_in_the_file_is_found_after_a_401(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("sgk_new\n")
    path.chmod(0o600)
    provider = provider_of(TokenFile(str(path), path), ManualClock(), "sgk_old")
    rejected = await provider.token()
    assert await provider.renew(rejected)
    assert await provider.token() == Secret("sgk_new")


def test_a_401_for_an_expired_token_names_the_expiry() -> None:
    clock = ManualClock()
    target = Target(url="https://h", token=Secret(jwt(exp=clock.now() - 7_300)), token_source="HERE")
    explained = TokenProvider(target, clock).explain(CredentialsError("no", status=401, request_id="req_1"))
    assert "the token from HERE expired 2h ago" in str(explained)
    assert (explained.request_id, explained.status) == ("req_1", 401)
    unrelated = CredentialsError("no", status=412)
    assert TokenProvider(target, clock).explain(unrelated) is unrelated


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
async def test_background_processes_of_a_command_are_not_waited_for(tmp_path: Path) -> None:
    """A background process, for example an agent that caches tokens, keeps the pipes of the command open."""
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


async def test_a_token_of_the_maximum_length_is_read_completely() -> None:
    token = "x" * (MAX_OUTPUT_BYTES - 1)
    assert await run_command(python(f"print('x' * {len(token)})")) == Secret(token)


async def test_an_impossible_program_name_is_an_error() -> None:
    with pytest.raises(CredentialsError, match="embedded null byte"):
        await run_command(("a\0b",))
