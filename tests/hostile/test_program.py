"""The program on a real terminal, in front of a server that writes the corpus into every field.

What must come of it is nothing: no sequence on the terminal that is not ours, nothing sent that nobody asked for, no
crash. Three sizes divide the views among them, each with looks and settings of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.hostile.walkthrough import walking

STRINGS = list(CORPUS.values())
# What is pasted, and what a server says: some of every kind.
SOME = STRINGS[::37]
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
        walk.answers(SOME[:4])
        walk.bulk_answer(SOME)
        assert not walk.quit()


def test_shows_all_details_of_a_run(tmp_path: Path) -> None:
    with walking(tmp_path, HostileFeed(STRINGS), (120, 40), "--ascii") as walk:
        walk.main(14)
        walk.run_view(200)
        walk.replay(SOME[:4])
        walk.inputs(SOME[:4])
        walk.errors(SOME)
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
        walk.paste(SOME[0])
        walk.press("escape", "escape", "escape", "g", "enter", "pagedown", "pagedown", "R", "tab")
        assert not walk.quit()
