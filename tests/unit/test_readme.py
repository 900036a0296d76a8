"""What the README says of the program is what the program says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from scaicore_tui.cli.app import app
from scaicore_tui.cli.flags import Common
from scaicore_tui.config.keys import KEYS
from scaicore_tui.runs.status import BREAKPOINT, GAP, NODE_LOOKS, REVIEW, RUN_LOOKS, Look
from scaicore_tui.tui.actions import key_table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def section(mark: str) -> str:
    """What stands between a mark and its end."""
    return README.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- /{mark} -->")[0].strip()


def test_key_table_comes_from_the_registry() -> None:
    assert section("keys").splitlines() == key_table()


@pytest.mark.parametrize(
    "look", [*RUN_LOOKS.values(), *NODE_LOOKS.values(), BREAKPOINT, REVIEW, GAP], ids=lambda x: x.word
)
def test_every_sign_is_in_the_legend(look: Look) -> None:
    assert f"| `{look.glyph}` | `{look.ascii}` | {look.colour} |" in README


@pytest.mark.parametrize("name", KEYS)
def test_every_key_of_a_profile_is_told(name: str) -> None:
    assert KEYS[name].explained(name) in section("profile")


def test_every_command_and_flag_is_told() -> None:
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`{name}" in README or f"| `{name} " in README
    for flag in Common.__struct_fields__:
        assert f"--{flag.replace('_', '-')}" in README
