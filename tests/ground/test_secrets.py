"""A secret gets into nothing that is written; and errors tell none, whoever chose their words."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from scaicore_tui.config import Flags, Target, resolve_target
from scaicore_tui.errors import ConfigError, Unreachable
from scaicore_tui.secrets import FRAGMENT_CHARS, Secret, redact

TEXT = "sgk_never-to-be-seen"
SECRET = Secret(TEXT)
# As long as a JWT's parts are, with no stretch of it anywhere twice.
LONG, ANOTHER = "".join(f"{number:x}-Zq" for number in range(100, 160)), "sgk_short"
SECRETS = [Secret(LONG), Secret(ANOTHER)]
OTHERS = st.text("xyz ü…0", max_size=30)


@dataclass
class Holder:
    token: Secret


def traceback_with_locals(draw: Callable[[BaseException], str]) -> str:
    target = Target(url="https://h", token=SECRET)
    error = KeyError(SECRET, target)
    with pytest.raises(KeyError):
        raise error
    return draw(error)


def by_python(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def by_rich(error: BaseException) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "printed",
    [
        repr,
        str,
        "{}".format,
        "{!r:>20}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        pprint.pformat,
        ascii,
        lambda secret: repr(Holder(secret)),
        lambda secret: repr(Target(url="https://h", token=secret)),
        lambda secret: repr([{"token": secret}, {secret}]),
        lambda secret: json.dumps({"token": secret}, default=str),
        lambda _: traceback_with_locals(by_python),
        lambda _: traceback_with_locals(by_rich),
        lambda secret: " ".join(map(str, ValueError(secret).args)),
    ],
)
def test_it_prints_as_a_dot(printed: Callable[[Secret], str]) -> None:
    shown = printed(SECRET)
    assert TEXT not in shown
    assert "Secret(…)" in shown or "Secret(\\u2026)" in shown


@pytest.mark.parametrize(
    "written",
    [
        vars,
        pickle.dumps,
        lambda secret: pickle.dumps(secret, 0),
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        lambda secret: msgspec.json.encode(Target(url="https://h", token=secret)),
        lambda secret: f"{secret:>20}",
        lambda secret: secret + "",
        lambda secret: "".join([secret]),
    ],
)
def test_a_secret_cannot_be_pickled_or_copied(written: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        written(SECRET)
    assert TEXT not in str(refused.value)


def test_it_is_what_it_was_made_of() -> None:
    assert SECRET.reveal() == TEXT
    assert Secret(TEXT) == SECRET
    assert SECRET not in (TEXT, Secret("another"))
    assert Secret("\udcff") != Secret("?")
    assert {SECRET, Secret(TEXT)} == {SECRET}


@pytest.mark.parametrize(("text", "sendable"), [("a.b-c_1", True), ("a b", False), ("a\nb", False), ("ü", False)])
def test_only_printable_ascii_is_sendable(text: str, sendable: bool) -> None:
    assert Secret(text).is_sendable is sendable


def test_error_texts_contain_no_secret() -> None:
    longer = Secret(f"{TEXT}-and-more")
    error = Unreachable(f"no such key: {TEXT}", effect=longer.reveal(), hint=f"https://me:pw@h/x?k={TEXT} a@b")
    for told in (str(error), repr(error), error.message, *map(str, error.args)):
        assert TEXT not in told
        assert "-and-more" not in told
        assert "pw" not in told
    assert str(error) == "no such key: … · … · https://…@h/x?k=… a@b"


@given(st.data())
def test_fragments_of_a_secret_are_redacted_and_nothing_else(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(LONG)))
    part = LONG[begin : data.draw(st.integers(begin, len(LONG)))]
    before, after = data.draw(OTHERS), data.draw(OTHERS)
    told = redact(f"{before} {part} {after}")
    assert told == f"{before} {part if len(part) < FRAGMENT_CHARS else '…'} {after}"


@given(st.lists(st.sampled_from([LONG[:11], LONG[5:18], LONG, LONG[-12:], ANOTHER, " ", "a", "sgk_"]), max_size=12))
def test_fragments_of_all_secrets_are_redacted(parts: list[str]) -> None:
    told = redact("".join(parts))
    assert not any(
        secret[at : at + FRAGMENT_CHARS] in told
        for secret in (LONG, TEXT)
        for at in range(len(secret) - FRAGMENT_CHARS + 1)
    )
    assert ANOTHER not in told


def test_an_error_tells_no_part_of_a_token_that_a_server_quotes() -> None:
    error = Unreachable(f"invalid token {LONG[:20]}…{LONG[-30:]}", effect=f"ends in {LONG[-11:]}")
    assert str(error) == f"invalid token ……… · ends in {LONG[-11:]}"


def test_secrets_side_by_side_are_one() -> None:
    assert redact(f"a{LONG}{LONG[20:40]}{ANOTHER}b {ANOTHER}") == "a…b …"


def test_redacting_takes_time_in_proportion_to_the_text() -> None:
    """It looks each place up, and compares only where a piece of a secret stands."""
    text = Counted("no token is in here. " * 500)
    redact(text)
    assert text.slices < 2 * len(text)


class Counted(str):
    """Counts how often a part of it is looked at."""

    slices = 0

    def __getitem__(self, key: object) -> str:
        self.slices += 1
        return super().__getitem__(key)  # type: ignore[index]


def test_very_short_secrets_are_not_redacted() -> None:
    Secret("a")
    assert redact("a cat") == "a cat"


@pytest.mark.parametrize(
    "url",
    [
        "me:hush-hush@h",
        "ftp://me:hush-hush@h",
        "https://me:hush-hush@h",
        "https://hush-hush@h",
        "https://h/x?token=hush-hush",
        "h/x?token=hush-hush",
        "https://h/#hush-hush",
        "https://me:hush-hush@[h",
        "https://me:hush-hush@h:port",
    ],
)
def test_an_address_that_is_refused_is_told_without_what_it_carries(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        resolve_target(Flags(url=url), {}, tmp_path / "none")
    assert "hush" not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize("token", ["hush hush", "hush\nhush", "hüsh", "\udcffhush", " "])
def test_a_token_that_can_not_be_sent_is_refused_without_telling_it(token: str, tmp_path: Path) -> None:
    env = {"SCAICORE_TUI_TOKEN": token, "SCAICORE_TUI_URL": "https://h"}
    with pytest.raises(ConfigError, match="SCAICORE_TUI_TOKEN does not hold a token") as refused:
        resolve_target(Flags(), env, tmp_path / "none")
    assert "hush" not in f"{refused.value!r} {refused.value}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('token = "hush"', r"unknown key profiles\.default\.token · do not put tokens here: set token_env"),
        ('api_key = "hush"', r"token_file to a file that only you can read"),
        ('token_file = "hush"', "token_file of profile default cannot be read: No such file"),
        ('token_file = ["hush"]', "expected a path, got list"),
        ('token_file = "/"', "token_file of profile default cannot be read: Is a directory"),
    ],
)
def test_a_token_in_the_wrong_place_is_not_told(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\n{line}\n')
    with pytest.raises(ConfigError, match=words) as refused:
        resolve_target(Flags(), {}, path)
    assert "hush" not in f"{refused.value!r} {refused.value}"


def test_a_file_that_others_can_read_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    token = tmp_path / "my token"
    token.write_text("hush-hush\n")
    token.chmod(0o640)
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\ntoken_file = "{token}"\n')
    with pytest.raises(ConfigError) as refused:
        resolve_target(Flags(), {}, path)
    assert refused.value.hint == f"chmod 600 '{token}'"
