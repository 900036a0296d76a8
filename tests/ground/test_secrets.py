"""Secrets are printed as `…`, cannot be serialised, and are redacted from every error message."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import sys
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from scaicore_tui import secrets
from scaicore_tui.config import Flags, Target, resolve_target
from scaicore_tui.errors import ConfigError, Unreachable
from scaicore_tui.secrets import FRAGMENT_CHARS, Secret, redact

TEXT = "sgk_never-to-be-seen"
SECRET = Secret(TEXT)
# About as long as a part of a JWT; no substring of 11 characters occurs twice.
LONG, ANOTHER = "".join(f"{number:x}-Zq" for number in range(100, 160)), "sgk_short"
SECRETS = [Secret(LONG), Secret(ANOTHER)]
OTHER_TEXT = st.text("xyz ü…0", max_size=30)


@dataclass
class Holder:
    token: Secret


def traceback_with_locals(render: Callable[[BaseException], str]) -> str:
    """Return a rendered traceback of an error in a function that has a secret in its locals."""
    target = Target(url="https://h", token=SECRET)
    error = KeyError(SECRET, target)
    with pytest.raises(KeyError):
        raise error
    return render(error)


def render_with_python(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def render_with_rich(error: BaseException) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "render",
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
        lambda _: traceback_with_locals(render_with_python),
        lambda _: traceback_with_locals(render_with_rich),
        lambda secret: " ".join(map(str, ValueError(secret).args)),
    ],
)
def test_a_secret_is_printed_as_an_ellipsis(render: Callable[[Secret], str]) -> None:
    shown = render(SECRET)
    assert TEXT not in shown
    assert "Secret(…)" in shown or "Secret(\\u2026)" in shown


@pytest.mark.parametrize(
    "serialise",
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
def test_a_secret_cannot_be_serialised_copied_or_concatenated(serialise: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as error:
        serialise(SECRET)
    assert TEXT not in str(error.value)


def test_secrets_are_compared_by_their_text() -> None:
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
    for text in (str(error), repr(error), error.message, *map(str, error.args)):
        assert TEXT not in text
        assert "-and-more" not in text
        assert "pw" not in text
    assert str(error) == "no such key: … · … · https://…@h/x?k=… a@b"


@given(st.data())
def test_fragments_of_a_secret_are_redacted_and_nothing_else(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(LONG)))
    part = LONG[start : data.draw(st.integers(start, len(LONG)))]
    before, after = data.draw(OTHER_TEXT), data.draw(OTHER_TEXT)
    redacted = redact(f"{before} {part} {after}")
    assert redacted == f"{before} {part if len(part) < FRAGMENT_CHARS else '…'} {after}"


@given(st.lists(st.sampled_from([LONG[:11], LONG[5:18], LONG, LONG[-12:], ANOTHER, " ", "a", "sgk_"]), max_size=12))
def test_fragments_of_all_secrets_are_redacted(parts: list[str]) -> None:
    redacted = redact("".join(parts))
    assert not any(
        secret[start : start + FRAGMENT_CHARS] in redacted
        for secret in (LONG, TEXT)
        for start in range(len(secret) - FRAGMENT_CHARS + 1)
    )
    assert ANOTHER not in redacted


def test_parts_of_a_token_that_a_server_quotes_are_redacted() -> None:
    error = Unreachable(f"invalid token {LONG[:20]}…{LONG[-30:]}", effect=f"ends in {LONG[-11:]}")
    assert str(error) == f"invalid token ……… · ends in {LONG[-11:]}"


def test_adjacent_secrets_are_redacted_as_one() -> None:
    assert redact(f"a{LONG}{LONG[20:40]}{ANOTHER}b {ANOTHER}") == "a…b …"


def test_redacting_takes_linear_time() -> None:
    """Each position is looked up once; slices are only compared where a fragment of a secret begins."""
    text = SliceCounter("no token is in here. " * 500)
    redact(text)
    assert text.slices < 2 * len(text)


class SliceCounter(str):
    """A string that counts its slices."""

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
def test_the_error_for_an_invalid_address_contains_no_credential(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        resolve_target(Flags(url=url), {}, tmp_path / "none")
    assert "hush" not in f"{error.value!r} {error.value}"


@pytest.mark.parametrize("token", ["hush hush", "hush\nhush", "hüsh", "\udcffhush", " "])
def test_the_error_for_an_unsendable_token_does_not_contain_it(token: str, tmp_path: Path) -> None:
    env = {"SCAICORE_TUI_TOKEN": token, "SCAICORE_TUI_URL": "https://h"}
    with pytest.raises(ConfigError, match="SCAICORE_TUI_TOKEN does not hold a token") as error:
        resolve_target(Flags(), env, tmp_path / "none")
    assert "hush" not in f"{error.value!r} {error.value}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('token = "hush"', r"unknown key profiles\.default\.token · do not put tokens here: set token_env"),
        ('api_key = "hush"', r"token_file to a file that only you can read"),
        ('token_file = "hush"', "token_file of profile default cannot be read: No such file"),
        ('token_file = ["hush"]', "expected a path, got list"),
        ('token_file = "/"', "token_file of profile default cannot be read: Is a directory"),
    ],
)
def test_the_error_for_a_token_under_a_wrong_key_does_not_contain_it(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\n{line}\n')
    with pytest.raises(ConfigError, match=message) as error:
        resolve_target(Flags(), {}, path)
    assert "hush" not in f"{error.value!r} {error.value}"


def test_a_token_file_that_others_can_read_is_rejected_with_the_command_to_fix_it(tmp_path: Path) -> None:
    token = tmp_path / "my token"
    token.write_text("hush-hush\n")
    token.chmod(0o640)
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\ntoken_file = "{token}"\n')
    with pytest.raises(ConfigError) as error:
        resolve_target(Flags(), {}, path)
    assert error.value.hint == f"chmod 600 '{token}'"


def test_a_text_can_be_redacted_while_another_thread_adds_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the thread does that writes the log."""
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setattr(secrets, "_chunks", {})
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        add_secrets(range(2_000))
        with ThreadPoolExecutor(1) as threads:
            redacted = threads.submit(lambda: [redact("abcdef-00001-abcdef") for _ in range(30)])
            for number in range(2_000, 8_000):
                add_secrets([] if redacted.done() else [number])
    finally:
        sys.setswitchinterval(before)
    assert len(redacted.result()) == 30


def add_secrets(numbers: Iterable[int]) -> None:
    """Add a short secret, and a long one with a common beginning, for each number."""
    for number in numbers:
        Secret(f"{number:08x}")
        Secret(f"abcdef-{number:08x}")
