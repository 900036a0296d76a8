"""What looks for tokens finds them, wherever they are; and no picture in the project holds one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scaicore_tui.cli.commands.demo import _token
from tests.support import token_leaks
from tests.support.grid import MANAGER, VIEWER
from tests.support.proxy import TOKEN, jwt
from tests.support.token_leaks import MARK, TOKEN_HEAD, CheckedProcess, Leaks

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def passing() -> Iterator[Path]:
    """A folder of which nothing is left to be looked at when the tests are over."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("who", ["manager", "viewer", "proxy", "jwt", "demo"])
def test_every_token_carries_a_mark_and_is_found(who: str, passing: Path) -> None:
    made = {"manager": MANAGER, "viewer": VIEWER, "proxy": TOKEN, "jwt": jwt(sub="usr_1"), "demo": _token("usr", who)}
    token = made[who]
    assert MARK in token or token.startswith(TOKEN_HEAD)
    seen = Leaks()
    seen.check("a screen", f"\x1b[1mBearer {token}\x1b[m")
    seen.check("a screen", "nothing")
    (passing / "state").mkdir()
    (passing / "state" / "journal").write_bytes(b"\0" + token.encode() + b"\0")
    (passing / f"{token}.journal").touch()
    seen.check_folder(passing)
    assert [place.partition(": ")[0] for place in seen.found] == [
        "a screen",
        *sorted(map(str, (passing / "state" / "journal", passing / f"{token}.journal"))),
    ]
    assert seen.checked["outputs"] + seen.checked["files"] == 4


@pytest.mark.parametrize("reading", ["communicate", "read", "readline"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_word_of_a_process_gets_past_it(reading: str, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Leaks()
    monkeypatch.setattr(token_leaks, "LEAKS", seen)
    script = f"import sys; print('Bearer {MARK}', file=sys.{stream})"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), -1)
    with CheckedProcess([sys.executable, "-c", script], **pipes) as process:
        read = process.communicate if reading == "communicate" else getattr(getattr(process, stream), reading)
        assert MARK in str(read())
    assert len(seen.found) == 1


@pytest.mark.parametrize("folder", ["tests/tui/__snapshots__", "screenshots"])
def test_no_picture_holds_a_token(folder: str) -> None:
    seen = Leaks()
    seen.check_folder(PROJECT / folder)
    assert seen.checked["files"] > 5
    assert seen.found == []
