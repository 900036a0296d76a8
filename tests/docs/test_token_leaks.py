"""The check for token leaks finds tokens in outputs, files and file names; no picture in the project contains one."""

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
def unchecked_folder() -> Iterator[Path]:
    """Return a folder that is deleted before the tokens of all tests are searched for at the end."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", ["manager", "viewer", "proxy", "jwt", "demo"])
def test_every_token_of_the_tests_is_recognizable_and_found(name: str, unchecked_folder: Path) -> None:
    tokens = {
        "manager": MANAGER,
        "viewer": VIEWER,
        "proxy": TOKEN,
        "jwt": jwt(sub="usr_1"),
        "demo": _token("usr", name),
    }
    token = tokens[name]
    assert MARK in token or token.startswith(TOKEN_HEAD)
    leaks = Leaks()
    leaks.check("a screen", f"\x1b[1mBearer {token}\x1b[m")
    leaks.check("a screen", "nothing")
    (unchecked_folder / "state").mkdir()
    (unchecked_folder / "state" / "journal").write_bytes(b"\0" + token.encode() + b"\0")
    (unchecked_folder / f"{token}.journal").touch()
    leaks.check_folder(unchecked_folder)
    assert [location.partition(": ")[0] for location in leaks.found] == [
        "a screen",
        *sorted(map(str, (unchecked_folder / "state" / "journal", unchecked_folder / f"{token}.journal"))),
    ]
    assert leaks.checked["outputs"] + leaks.checked["files"] == 4


@pytest.mark.parametrize("reading", ["communicate", "read", "readline"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_all_output_of_a_process_is_checked(reading: str, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leaks = Leaks()
    monkeypatch.setattr(token_leaks, "LEAKS", leaks)
    script = f"import sys; print('Bearer {MARK}', file=sys.{stream})"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), -1)
    with CheckedProcess([sys.executable, "-c", script], **pipes) as process:
        read = process.communicate if reading == "communicate" else getattr(getattr(process, stream), reading)
        assert MARK in str(read())
    assert len(leaks.found) == 1


@pytest.mark.parametrize("folder", ["tests/tui/__snapshots__", "screenshots"])
def test_no_picture_contains_a_token(folder: str) -> None:
    leaks = Leaks()
    leaks.check_folder(PROJECT / folder)
    assert leaks.checked["files"] > 5
    assert leaks.found == []
