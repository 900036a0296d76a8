"""Flag, environment, profile, default; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.config import Api, Flags, Target, journal_file, resolve_target
from scaicore_tui.errors import ConfigError

PROFILES = """
default = "work"
[profiles.work]
url = "https://scaiflow.work.example"
core = "core_w"
interval = 7
token_env = "WORK_TOKEN"
keep_mb = 0.5
[profiles.grid]
url = "https://grid.example"
api = "scaigrid"
read_only = true
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(PROFILES)
    return path


def resolved(flags: Flags, env: dict[str, str], path: Path) -> Target:
    target = resolve_target(flags, env, path)
    assert target is not None
    return target


def test_nothing_at_all(tmp_path: Path) -> None:
    assert resolve_target(Flags(), {}, tmp_path / "none.toml") is None


def test_the_order_of_sources(profiles: Path) -> None:
    env = {"SCAICORE_TUI_URL": "https://env.example", "WORK_TOKEN": "t1"}
    assert resolved(Flags(), {}, profiles).url == "https://scaiflow.work.example"
    assert resolved(Flags(), env, profiles).url == "https://env.example"
    assert resolved(Flags(url="https://flag.example"), env, profiles).url == "https://flag.example"
    assert resolved(Flags(core="core_f"), {}, profiles).core == "core_f"
    work = resolved(Flags(), {"WORK_TOKEN": "t1"}, profiles)
    assert (work.core, work.interval, work.token_source) == ("core_w", 7, "WORK_TOKEN")
    assert (work.kept_bytes, work.kept_from(0)) == (500_000, None)
    grid = resolved(Flags(), {"SCAICORE_TUI_PROFILE": "grid"}, profiles)
    assert (grid.api, grid.read_only, grid.name) == (Api.SCAIGRID, True, "grid")


def test_only_scaigrid_set_speaks_to_the_scaigrid(tmp_path: Path) -> None:
    env = {"SCAIGRID_HOST": "grid.example", "SCAIGRID_API_KEY": "sgk_1"}
    target = resolved(Flags(), env, tmp_path / "none")
    assert (target.api, target.url, target.token_source) == (Api.SCAIGRID, "https://grid.example", "SCAIGRID_API_KEY")
    env["SCAIGRID_BASE_URL"] = "https://base.example"
    assert resolved(Flags(), env, tmp_path / "none").url == "https://base.example"


@pytest.mark.parametrize(
    ("url", "api", "resources"),
    [
        ("https://h", Api.SCAIFLOW, "https://h/api/v1/scaicore"),
        ("https://h/", Api.SCAIFLOW, "https://h/api/v1/scaicore"),
        ("http://127.0.0.1:8001/v1", Api.SCAIFLOW, "http://127.0.0.1:8001/v1/scaicore"),
        ("https://h", Api.SCAIGRID, "https://h/v1/modules/scaicore"),
        ("https://h/grid/", Api.SCAIGRID, "https://h/grid/v1/modules/scaicore"),
        ("https://h/v1/modules/scaicore", Api.SCAIGRID, "https://h/v1/modules/scaicore"),
    ],
)
def test_the_usual_paths(url: str, api: Api, resources: str) -> None:
    assert Target(url=url, api=api).resources == resources


@pytest.mark.parametrize("url", ["ftp://h", "h.example", "https://", "https://user:pw@h", "http://far.example"])
def test_addresses_that_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        resolve_target(Flags(url=url), {"SCAICORE_TUI_TOKEN": "t"}, tmp_path / "none")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_is_for_loopback(host: str, tmp_path: Path) -> None:
    target = resolved(Flags(url=f"http://{host}:8001"), {"SCAICORE_TUI_TOKEN": "t"}, tmp_path / "none")
    assert target.is_loopback


def test_a_token_does_not_print(tmp_path: Path) -> None:
    target = resolved(Flags(url="https://h"), {"SCAICORE_TUI_TOKEN": "very-secret"}, tmp_path / "none")
    assert "very-secret" not in f"{target} {target!r}"


def test_a_token_file_must_be_its_owner_s(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("tok\n")
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\ntoken_file = "{token}"\n')
    token.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        resolve_target(Flags(), {}, path)
    token.chmod(0o600)
    target = resolved(Flags(), {}, path)
    assert target.token is not None
    assert (target.token.reveal(), target.token_source) == ("tok", str(token))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = [", "config.toml"),
        ('[profiles.a]\nulr = "x"', "did you mean url"),
        ("[profiles.a]\ninterval = 0", "interval"),
        ("[profiles.a]\nkeep_mb = 0", "keep_mb"),
        ('[profiles.a]\napi = "soap"', "api"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=words):
        resolve_target(Flags(), {}, path)


def test_an_unknown_profile_names_the_known(profiles: Path) -> None:
    with pytest.raises(ConfigError, match="work, grid"):
        resolve_target(Flags(profile="home"), {}, profiles)


def test_each_feed_has_a_journal_of_its_own() -> None:
    paths = {
        journal_file(Target(url=url, core=core)) for url in ("https://a", "https://b:1") for core in (None, "c/../d")
    }
    assert len(paths) == 4
    assert len({path.parent for path in paths}) == 1
