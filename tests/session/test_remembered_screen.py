"""What was chosen on the screen comes back at the next start; a broken file, or a changed configuration, does not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from scaicore_tui.config.ui import Times, UiTable
from scaicore_tui.config.views import Sort
from scaicore_tui.session.remembered import MAX_FILE_BYTES, MAX_PROFILES, MAX_QUERY_CHARS, ProfileValues
from scaicore_tui.session.remembered_screen import RememberedScreen, ScreenChoices, _valid

PROD = "prod"


def opened(path: Path, profile: str = PROD, **configured: object) -> RememberedScreen:
    """Return the choices of a profile as the next start sees them."""
    screen = RememberedScreen(path, profile, UiTable(**configured))  # type: ignore[arg-type]
    screen.load()
    return screen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "screens.json"


def test_choices_come_back_by_profile(path: Path) -> None:
    first = opened(path)
    assert opened(path).choices == ScreenChoices()
    first.change(theme="nord", view="failed", query="core:a", sort=Sort.DURATION, times=Times.AGE, mine=True)
    first.save()
    chosen = {"theme": "nord", "view": "failed", "query": "core:a", "sort": Sort.DURATION, "times": Times.AGE}
    assert asdict(opened(path).choices) == chosen | {"mine": True}
    assert not first.has_unsaved
    assert opened(path, "staging").choices == ScreenChoices()
    assert path.stat().st_mode & 0o77 == 0
    first.change(query="")
    first.save()
    assert opened(path).choices.query == ""


def test_two_processes_keep_each_others_choices(path: Path) -> None:
    one, other = opened(path), opened(path)
    one.change(theme="nord")
    other.change(view="failed")
    one.save()
    other.save()
    assert opened(path).choices == ScreenChoices(theme="nord", view="failed")


def test_the_configuration_wins_where_it_was_changed_later(path: Path) -> None:
    assert opened(path, theme="dracula", times=Times.AGE).choices == ScreenChoices(theme="dracula", times=Times.AGE)
    screen = opened(path, theme="dracula")
    screen.change(theme="nord", view="failed")
    screen.save()
    assert opened(path, theme="dracula").choices == ScreenChoices(theme="nord", view="failed")
    later = opened(path, theme="light")
    assert later.choices == ScreenChoices(theme="light", view="failed")
    assert opened(path).choices == ScreenChoices(view="failed")
    # What was overtaken is gone with the next choice.
    later.change(mine=True)
    later.save()
    assert opened(path, theme="dracula").choices == ScreenChoices(theme="dracula", view="failed", mine=True)


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    screen = RememberedScreen(None, PROD, UiTable(view="failed"))
    screen.load()
    screen.change(theme="nord")
    assert not screen.has_unsaved
    screen.save()
    assert screen.choices == ScreenChoices(theme="nord", view="failed")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"7",
        b"[" * 100_000,
        b'{"prod": 7}',
        b'{"prod": {"theme": "nord", "view": [], "query": [7, null], "sort": ["size", null], "other": [1, null]}}',
        b'{"prod": {"theme": [null, {}], "times": ["age", "clock"], "mine": ["yes", null]}}',
        b'{"prod": {"query": ["' + b"x" * (MAX_QUERY_CHARS + 1) + b'", null]}}',
        b'{"prod": {"theme": ["nord", null]}}' + b" " * MAX_FILE_BYTES + b"}",
    ],
    ids=lambda content: content[:30],
)
def test_a_file_that_cannot_be_used_is_like_none(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    screen = opened(path)
    if b" " * MAX_FILE_BYTES not in content:
        assert screen.choices == ScreenChoices()
    screen.change(view="failed")
    screen.save()
    assert opened(path).choices.view == "failed"


def test_a_place_that_cannot_be_written_or_read_is_no_error(path: Path) -> None:
    path.mkdir(parents=True)
    screen = opened(path)
    screen.change(view="failed")
    screen.save()
    assert screen.choices.view == "failed"
    path.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert opened(path).choices == ScreenChoices()


def test_the_file_is_bounded(path: Path) -> None:
    values = ProfileValues(path)
    for number in range(MAX_PROFILES + 5):
        values.change(str(number), lambda _: 1)
    assert len(json.loads(path.read_text())) == MAX_PROFILES
    assert (values.get("0"), values.get(str(MAX_PROFILES + 4))) == (None, 1)
    screen = opened(path)
    screen.change(query="x" * (MAX_QUERY_CHARS + 1))
    screen.save()
    assert opened(path).choices.query is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*Sort, *Times]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ScreenChoices.__struct_fields__, "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_as_choices_of_the_right_types(stored: object) -> None:
    found = _valid(stored, dict.fromkeys(ScreenChoices.__struct_fields__))
    choices = ScreenChoices(**found)
    assert isinstance(choices.query, str | None)
    assert choices.sort in (None, *Sort)
    assert choices.mine in (None, True, False)
