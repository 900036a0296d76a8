"""The program on a real terminal, with a server that has a string of the corpus in every field.

There must be no foreign escape sequence on the terminal, no unrequested write and no crash. Three screen sizes share
the views, each with other settings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.hostile.walkthrough import walking

STRINGS = list(CORPUS.values())
# For pasting and for server errors: some strings of every kind.
SAMPLE = STRINGS[::37]
PROTECTED = "[profiles.default]\nprotected = true\n"


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 150
    assert len(set(STRINGS)) == len(STRINGS)


def test_lists_and_dialogs(tmp_path: Path) -> None:
    with walking(tmp_path, HostileFeed(STRINGS), (80, 24)) as walk:
        walk.main(8)
        walk.inbox(12)
        walk.dialogs(16, step=14)
        walk.press("g")
        walk.answers(SAMPLE[:4])
        walk.bulk_answer(SAMPLE)
        assert not walk.quit()


def test_shows_all_details_of_a_run(tmp_path: Path) -> None:
    with walking(tmp_path, HostileFeed(STRINGS), (120, 40), "--ascii") as walk:
        walk.main(14)
        walk.run_view(200)
        walk.replay(SAMPLE[:4])
        walk.inputs(SAMPLE[:4])
        walk.errors(SAMPLE)
        assert not walk.quit()


@pytest.mark.parametrize("flags", [("--low-bandwidth",), ("--read-only",)], ids=" ".join)
def test_shows_everything_on_a_small_screen_without_colours(tmp_path: Path, flags: tuple[str, ...]) -> None:
    config = tmp_path / ".config" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(PROTECTED)
    with walking(tmp_path, HostileFeed(STRINGS[::3]), (60, 20), *flags, env={"NO_COLOR": "1"}) as walk:
        walk.main(4)
        walk.inbox(4)
        walk.dialogs(10, step=9)
        walk.press("g", "enter", "1", "tab", "tab", *"approve")
        walk.paste(SAMPLE[0])
        walk.press("escape", "escape", "escape", "g", "enter", "pagedown", "pagedown", "R", "tab")
        assert not walk.quit()
