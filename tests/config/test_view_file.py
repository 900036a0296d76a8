"""A view that is saved changes nothing else in the configuration file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from scaicore_tui.config import view_file
from scaicore_tui.config.view_file import ViewExists, save_view, with_view
from scaicore_tui.config.views import Grouping, SavedView, Sort
from scaicore_tui.errors import ConfigError

VIEW = SavedView('error:"bank x"', Sort.DURATION, Grouping.ERROR)
TABLE = {"query": 'error:"bank x"', "sort": "duration", "group": "error"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        'default = "a"  # mine\r\n[profiles.a]\r\nurl = "u"\r\n',
        '[views.b]\nquery = """\n[views.a b]\n"""\n',
    ],
)
@pytest.mark.parametrize("name", ["plain-1", "a b", 'q"uote', "ünï"])
def test_the_rest_of_the_file_stays(text: str, name: str) -> None:
    found = with_view(text, name, VIEW, replace=False)
    assert found.startswith(text)
    assert tomllib.loads(found)["views"][name] == TABLE


def test_a_view_is_replaced_where_the_person_agrees() -> None:
    text = '# head\n[views.x]\nquery = "q" # c\n\n# about p\n[profiles.p]\nurl = "u"  # keep\n'
    with pytest.raises(ViewExists):
        with_view(text, "x", VIEW, replace=False)
    found = with_view(text, "x", SavedView("new"), replace=True)
    assert found == '# head\n\n# about p\n[profiles.p]\nurl = "u"  # keep\n\n[views.x]\nquery = "new"\n'


@pytest.mark.parametrize(
    "text", ['[views]\nx = {query="q"}\n', '[views]\nx.query="q"\n', 'views.x.query="q"\n', "views = 7\n", "x = "]
)
def test_what_cannot_be_changed_safely_is_left_alone(text: str) -> None:
    with pytest.raises(ConfigError, match="the file was not changed"):
        with_view(text, "x", VIEW, replace=True)


def test_the_mode_stays_and_a_file_that_changed_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "config.toml"
    save_view(path, "x", VIEW)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    save_view(path, "y", VIEW)
    assert path.stat().st_mode & 0o777 == 0o640
    texts = [path.read_text(), '[views.z]\nquery = "other"\n']
    with monkeypatch.context() as patched:
        patched.setattr(view_file, "read_config", lambda _: texts.pop(0))
        with pytest.raises(ConfigError, match="was changed meanwhile"):
            save_view(path, "w", VIEW)
    assert "views.w" not in path.read_text()
    assert [found.name for found in path.parent.iterdir()] == ["config.toml"]
    path.write_bytes("\ufeff# mark\n".encode())
    with pytest.raises(ConfigError, match="not plain UTF-8"):
        save_view(path, "x", VIEW)
