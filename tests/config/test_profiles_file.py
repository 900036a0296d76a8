"""The profiles file is only used if other users cannot write it; invalid content is reported without a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scaicore_tui.config.files import MAX_CONFIG_BYTES, read_config
from scaicore_tui.config.profiles import parse_profiles, read_profiles
from scaicore_tui.errors import ConfigError

OTHER_USER_ID = 54_321
PROFILES = '[profiles.work]\ntoken_command = ["evil"]\n'

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
needs_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="needs root to change the owner of a file"
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a profiles file; only this user can access the file and its folder."""
    folder = tmp_path / "scaicore-tui"
    folder.mkdir(mode=0o700)
    file = folder / "config.toml"
    file.write_text(PROFILES)
    file.chmod(0o600)
    return file


@needs_posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_not_used(mode: int, config: Path) -> None:
    config.chmod(mode)
    with pytest.raises(ConfigError, match=f"{config} can be changed by other users") as raised:
        read_profiles(config)
    assert f"chmod go-w {config}" in raised.value.hint


@needs_posix
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_file_in_a_folder_that_others_can_write_is_not_used(mode: int, config: Path) -> None:
    config.parent.chmod(mode)
    with pytest.raises(ConfigError, match=f"{config.parent} can be changed by other users"):
        read_profiles(config)


@needs_posix
def test_a_file_in_a_sticky_folder_is_used(config: Path) -> None:
    config.parent.chmod(0o1777)
    assert read_profiles(config).profiles["work"].token_command == ("evil",)


@needs_posix
def test_a_symbolic_link_is_followed_before_the_check(config: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "config.toml").symlink_to(config)
    assert read_profiles(linked / "config.toml").profiles.keys() == {"work"}
    config.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="can be changed"):
        read_profiles(linked / "config.toml")


@needs_root
@pytest.mark.parametrize("owned_by_other", ["file", "folder"])
def test_a_file_of_another_user_is_not_used(owned_by_other: str, config: Path) -> None:
    path = config if owned_by_other == "file" else config.parent
    os.chown(path, OTHER_USER_ID, -1)
    with pytest.raises(ConfigError, match=f"{path} belongs to another user"):
        read_profiles(config)


@needs_posix
def test_without_a_file_there_are_no_profiles(tmp_path: Path) -> None:
    assert read_config(tmp_path / "none") is None
    assert read_config(Path("/dev/null/config.toml")) is None


@needs_posix
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigError, match=r"is not a file|Is a directory"):
            read_config(path)


def test_a_file_above_the_size_limit_is_not_read(config: Path) -> None:
    os.truncate(config, MAX_CONFIG_BYTES + 1)
    with pytest.raises(ConfigError, match="larger than"):
        read_config(config)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a = " + "[" * 3_000 + "]" * 3_000, "nested too deeply"),
        ("a = " + "{a=" * 3_000 + "1" + "}" * 3_000, "nested too deeply"),
        ("[" + ".".join("a" * 3_000) + "]\nx = 1", "unknown table [a]"),
        ("[profiles.a]\ninterval = " + "9" * 5_000, "not TOML"),
        ("[profiles.a]\ninterval = " + "9" * 400, "profiles.a.interval: "),
        ("[profiles.a]\ninterval = nan", "profiles.a.interval: "),
        ("[profiles.a]\ninterval = inf", "profiles.a.interval: "),
        ("[profiles.a]\nkeep_days = 1e300", "profiles.a.keep_days: "),
        ("[profiles.a]\nkeep_mb = 1e305", "profiles.a.keep_mb: "),
        ("[profiles.a]\nurl = 2020-01-01", "profiles.a.url: expected text"),
        ("[profiles.a]\ntoken_command = [10:00:00]", "profiles.a.token_command: expected text"),
        ("profiles = 1979-05-27T07:32:00Z", "profiles: expected a table"),
    ],
    ids=lambda value: value[:20],
)
def test_invalid_values_are_reported_with_their_location(content: str, text: str) -> None:
    profiles, problems = parse_profiles(content)
    assert profiles is None
    assert str(problems[0]).startswith(text) or text in str(problems[0])
