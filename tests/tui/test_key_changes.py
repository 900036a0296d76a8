"""The keys of the configuration: names, clashes, keys that would write by accident, and what a changed key does."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_letters, digits, punctuation

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key

from scaicore_tui.config.profiles import parse_profiles
from scaicore_tui.config.template import render_profile
from scaicore_tui.tui.configured import MOVEMENT_KEYS, app_problems, parse_changes
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.key_names import NAMED_KEYS, parse_key, shown_key
from scaicore_tui.tui.keymap import (
    ACTIONS,
    action_now_on,
    actions_in,
    default_actions_in,
    is_write_key,
    key_name,
    to_default_key,
    use_keys,
)


@pytest.fixture(autouse=True)
def default_keys() -> Iterator[None]:
    """Use the default keys again after each test."""
    yield
    use_keys({})


def problems_of(toml: str) -> list[tuple[str, str]]:
    """Return each problem of a configuration with its fix, as people see them."""
    content, found = parse_profiles(toml)
    if content is not None:
        found = parse_changes(content.keys)[1]
    return [(str(problem), problem.fix) for problem in found]


def use(toml: str) -> None:
    content, _ = parse_profiles(toml)
    assert content is not None
    changed, found = parse_changes(content.keys)
    assert not found, found
    use_keys(changed)


def test_characters_have_the_names_that_textual_gives_their_keys() -> None:
    for character in ascii_letters + digits + punctuation + "ßé€":
        assert parse_key(character) == _character_to_key(character)
        assert shown_key(_character_to_key(character)) in (character, "euro_sign")
    assert parse_key(" ") == "space"


def test_every_default_key_can_be_written_by_name_and_as_it_is_shown() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert parse_key(key) == key
            assert parse_key(shown_key(key)) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ctrl+R", "ctrl+r"),
        ("shift+ctrl+f5", "ctrl+shift+f5"),
        ("alt++", "alt+plus"),
        ("pgdn", "pagedown"),
        ("↓", "down"),
        ("shift+a", None),
        ("ctrl+ctrl+a", None),
        ("control+a", None),
        ("", None),
        ("ctrl+", None),
        ("f99", None),
        ("\x1b[31m", None),
        ("\x07", None),
        ("\u0301", None),
        ("combining_acute_accent", None),
    ],
)
def test_names_of_keys(written: str, key: str | None) -> None:
    assert parse_key(written) == key


@given(st.text(max_size=12))
def test_any_text_is_a_key_or_none(text: str) -> None:
    key = parse_key(text)
    assert key is None or (shown_key(key) and parse_key(shown_key(key)) in (key, None))


def test_no_context_has_two_actions_on_one_key() -> None:
    for context in KeyContext:
        keys = [key for action in default_actions_in(context) for key in action.keys]
        assert len(keys) == len({*keys}), context


@pytest.mark.parametrize(
    ("toml", "message", "fix"),
    [
        ('[keys]\nreplya = "x"', "keys.replya: no action has that name", "did you mean replay?"),
        ('[keys.inbx]\nmine = "n"', "keys.inbx: no part of the app has that name", "did you mean inbox?"),
        ('[keys.inbox]\nreply = "n"', "keys.inbox.reply: no action in inbox has that name", "did you mean replay?"),
        ('[keys]\nmine = "pagedwn"', "keys.mine: no key is named 'pagedwn'", "did you mean pagedown?"),
        ('[keys]\nmine = "\\u001b[2J"', "keys.mine: no key is named '␛[2J'", "for example R"),
        ('[keys]\nmine = "ctrl+m"', "keys.mine: most terminals send ctrl+m as enter", "use another key"),
        (
            '[keys]\nmine = "x"',
            "keys.mine: x is also the key of follow_link, in inbox",
            "use another key, or give follow",
        ),
        ('[keys]\nreplay = "p"', "keys.replay: p is also the key of pause, in runs, nodes, checkpoints and 4 more", ""),
        ('[keys]\nreplay = "j"', "keys.replay: j moves the cursor: an action that writes cannot have it", ""),
        ('[keys]\nreplay = "enter"', "enter is pressed again and again: an action that writes cannot have it", ""),
        ('[keys.form]\nreplay = "ctrl+j"', "keys.form.replay: enter is pressed again and again", ""),
        ('[keys]\ncursor_down = "n"\n[keys.inbox]\nreplay = "n"', "keys.inbox.replay: n moves the cursor", ""),
        ('[keys]\nreplay = "alt+r"', "keys.replay: esc and then r may arrive as alt+r: an action that writes", ""),
        ('[keys.runs]\ncontinue = "9"', "keys.runs.continue: 9 chooses an answer: an action that writes cannot", ""),
        ('[keys.answer]\nback = "1"', "keys.answer.back: 1 chooses an answer there", ""),
        ('[keys]\nback = "x"', "keys.back: in comment, input, entity, typing-out a text field takes x", "ctrl+"),
        ('[keys.inbox]\nchoose = ["q"]', "keys.inbox.choose: these keys are the numbers of the answers", "remove"),
        ("[keys]\nmine = 7", "keys.mine: expected the name of a key", "for example"),
        ("[keys]\nmine = []", "keys.mine: expected the name of a key, or a list of 1 to 9", ""),
        ("keys = 7", "keys: expected a table", ""),
        ("[keys.inbox]\nmine = {}", "keys.inbox.mine: expected the name of a key", ""),
        ('[keys.inbox]\nmine = ["' + "n" * 100 + '"]', "keys.inbox.mine: expected the name of a key", ""),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_wrong_is_named_with_a_fix(toml: str, message: str, fix: str) -> None:
    found = problems_of(toml)
    assert any(message in text and fix in hint for text, hint in found), found
    assert all(text.isprintable() and hint.isprintable() for text, hint in found)


@pytest.mark.parametrize(
    "toml",
    [
        '[keys]\nreplay = "ctrl+r"',
        '[keys]\nreplay = "p"\npause = "R"',
        '[keys]\nmine = ["m", "f5"]\n[keys.runs]\nopen = "o"',
        '[keys.all]\nreplay = "ctrl+r"\n[keys.replay]\nsend = "ctrl+g"',
        '[keys.typing-out]\nsend = ["enter", "f2"]',
        '[keys.inbox]\nsend = "enter"',
        '[keys]\nsuspend_process = "f9"',
        '[keys]\npause = "alt+p"',
    ],
)
def test_other_changes_are_allowed(toml: str) -> None:
    assert problems_of(toml) == []


def test_a_changed_key_acts_as_the_default_one_and_that_does_nothing() -> None:
    use('[keys]\nreplay = ["ctrl+r", "!"]\n[keys.runs]\nopen = "o"\npage_down = "u"\n[keys.causes]\npage_down = "u"')
    runs, inbox = KeyContext.RUNS, KeyContext.INBOX
    assert [to_default_key(runs, key) for key in ("ctrl+r", "exclamation_mark", "R", "j", "o")] == [
        *("R", "R", None, "j", "enter")
    ]
    assert [to_default_key(inbox, key) for key in ("ctrl+r", "R", "enter", "o")] == ["R", None, "enter", "o"]
    assert [to_default_key(runs, key) for key in ("u", "pagedown", "space")] == ["pagedown", None, "space"]
    # Both entries of an action that has two.
    assert [to_default_key(KeyContext.CAUSES, key) for key in ("u", "pagedown", "space")] == ["pagedown", None, None]
    assert [to_default_key(KeyContext.NODES, key) for key in ("u", "pagedown", "space")] == ["u", "pagedown", "space"]
    assert key_name("replay", runs) == "ctrl+r"
    assert action_now_on(runs, "R") == "R: replay is on ctrl+r now"
    shown = {action.id: action.key_names for action in actions_in(runs)}
    assert (shown["replay"], shown["open"], shown["page_down"], shown["pause"]) == ("ctrl+r !", "o", "u", "p")
    assert [action.id for action in actions_in(KeyContext.CAUSES)].count("page_down") == 1
    # It is asked about keys after their translation.
    assert is_write_key(runs, "R")
    assert "replay" not in [action.id for action in actions_in(runs, read_only=True)]


def test_two_keys_can_be_exchanged() -> None:
    use('[keys]\nreplay = "p"\npause = "R"')
    assert [to_default_key(KeyContext.RUNS, key) for key in ("p", "R")] == ["R", "p"]


def test_movement_keys_are_those_that_people_hold() -> None:
    assert {"j", "k", "up", "down", "space", "tab", "G", "pagedown", "left"} <= MOVEMENT_KEYS
    assert {"down", "space"} <= {*NAMED_KEYS}
    assert not MOVEMENT_KEYS & {"R", "a", "c", "C"}


def test_the_tables_that_config_init_suggests_are_valid() -> None:
    text = render_profile("default", {"url": "https://scaiflow.example.com"})
    _, mark, tables = text.partition("# [ui]")
    content, problems = parse_profiles((mark + tables).replace("# [", "[").replace("\n# ", "\n"))
    assert not problems
    assert content is not None
    assert content.ui.theme == "nord"
    assert content.keys == {"replay": "ctrl+r", "inbox": {"mine": ("m", "f5")}}
    assert not list(app_problems(content))
