"""Settings come from options, the environment, a profile or defaults, in this order; invalid ones are rejected."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.config import Api, Flags, Target, identity_of, journal_file, load_settings, resolve_target
from scaicore_tui.config.network import network_options
from scaicore_tui.config.profile_docs import KEYS, UI_KEYS
from scaicore_tui.config.profiles import Profile, parse_profiles
from scaicore_tui.config.target import check_url
from scaicore_tui.config.ui import UiTable
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
    """Return a file with `PROFILES`."""
    path = tmp_path / "config.toml"
    path.write_text(PROFILES)
    return path


def resolved(flags: Flags, env: dict[str, str], path: Path) -> Target:
    """Return the target of these settings; fail if there is none."""
    target = resolve_target(flags, env, path)
    assert target is not None
    return target


def test_without_settings_there_is_no_target(tmp_path: Path) -> None:
    assert resolve_target(Flags(), {}, tmp_path / "none.toml") is None


def test_options_override_variables_and_variables_override_profiles(profiles: Path) -> None:
    env = {"SCAICORE_TUI_URL": "https://env.example", "WORK_TOKEN": "t1"}
    assert resolved(Flags(), {}, profiles).url == "https://scaiflow.work.example"
    assert resolved(Flags(), env, profiles).url == "https://env.example"
    assert resolved(Flags(url="https://flag.example"), env, profiles).url == "https://flag.example"
    assert resolved(Flags(core="core_f"), {}, profiles).core == "core_f"
    work = resolved(Flags(), {"WORK_TOKEN": "t1"}, profiles)
    assert (work.core, work.interval, work.token_source) == ("core_w", 7, "WORK_TOKEN")
    assert (work.max_bytes, work.prune_before(0)) == (500_000, None)
    grid = resolved(Flags(), {"SCAICORE_TUI_PROFILE": "grid"}, profiles)
    assert (grid.api, grid.read_only, grid.name) == (Api.SCAIGRID, True, "grid")


def test_with_only_scaigrid_variables_the_scaigrid_is_used(tmp_path: Path) -> None:
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
def test_the_path_of_the_api_is_added_to_the_url(url: str, api: Api, resources: str) -> None:
    assert Target(url=url, api=api).resources_url == resources


@pytest.mark.parametrize("url", ["ftp://h", "h.example", "https://", "https://user:pw@h", "http://far.example"])
def test_invalid_urls_are_rejected(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        resolve_target(Flags(url=url), {"SCAICORE_TUI_TOKEN": "t"}, tmp_path / "none")


@pytest.mark.parametrize(
    "host",
    ["a..example", ".", "xn--a.example", "xn--", f"{'a' * 64}.example", "\udcff.example", "☃.net"],
)
def test_hosts_that_dns_cannot_look_up_are_rejected(host: str) -> None:
    with pytest.raises(ConfigError, match="not a web address"):
        network_options(check_url(f"https://{host}", has_token=True))


@pytest.mark.parametrize("host", ["a.example.", "xn--mnchen-3ya.de", "münchen.de", "[::1]", "a_b", "10.1.2.3"])
def test_hosts_that_dns_can_look_up_are_accepted(host: str) -> None:
    assert network_options(check_url(f"https://{host}", has_token=True))["proxy"] is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_http_without_tls_is_allowed_for_loopback(host: str, tmp_path: Path) -> None:
    target = resolved(Flags(url=f"http://{host}:8001"), {"SCAICORE_TUI_TOKEN": "t"}, tmp_path / "none")
    assert target.is_loopback


def test_a_target_is_printed_without_its_token(tmp_path: Path) -> None:
    target = resolved(Flags(url="https://h"), {"SCAICORE_TUI_TOKEN": "very-secret"}, tmp_path / "none")
    assert "very-secret" not in f"{target} {target!r}"


def test_a_token_file_that_others_can_read_is_rejected(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("tok\n")
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\ntoken_file = "{token}"\n')
    token.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by other users"):
        resolve_target(Flags(), {}, path)
    token.chmod(0o600)
    target = resolved(Flags(), {}, path)
    assert target.token is not None
    assert (target.token.reveal(), target.token_source) == ("tok", str(token))


VAULT = {"SCAIVAULT_URL": "https://vault.example/", "SCAIVAULT_TOKEN": "vt", "SCAICORE_TUI_TENANT": "acme"}
GRID_KEY = {"SCAIGRID_API_KEY": "sgk_env"}


@pytest.mark.parametrize(
    ("keys", "env", "names"),
    [
        ("", {}, []),
        ("", GRID_KEY, ["SCAIGRID_API_KEY"]),
        ("", GRID_KEY | VAULT, ["ScaiVault, tenant acme", "SCAIGRID_API_KEY"]),
        ("", VAULT | {"SCAICORE_TUI_TENANT": ""}, []),
        ('tenant = "beta"', VAULT | {"SCAICORE_TUI_TENANT": ""}, ["ScaiVault, tenant beta"]),
        ('token_env = "MINE"', GRID_KEY | VAULT, ["ScaiVault, tenant acme", "SCAIGRID_API_KEY"]),
        ('token_env = "MINE"', GRID_KEY | VAULT | {"MINE": "t"}, ["MINE"]),
        ('token_command = ["scaikey", "token"]', GRID_KEY | VAULT, ["token_command of profile default"]),
        ('token_command = ["scaikey", "token"]', {"SCAICORE_TUI_TOKEN": "t"}, ["SCAICORE_TUI_TOKEN"]),
    ],
)
def test_credential_sources_are_tried_in_order(
    tmp_path: Path, keys: str, env: dict[str, str], names: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.default]\nurl = "https://h"\n{keys}\n')
    settings = load_settings(Flags(), env, path)
    assert [source.name for source in settings.tokens.sources()] == names
    target = settings.target()
    assert target is not None
    assert target.has_credential == bool(names)


def test_a_token_file_option_is_tried_first(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("tok\n")
    token.chmod(0o600)
    flags = Flags(url="https://h", token_file=token)
    assert resolved(flags, {"SCAICORE_TUI_TOKEN": "t"}, tmp_path / "none").token_source == str(token)


@pytest.mark.parametrize(
    "env", [VAULT | {"SCAIVAULT_URL": "http://vault.example"}, VAULT | {"SCAICORE_TUI_TENANT": "../beta"}]
)
def test_invalid_vault_settings_are_rejected(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        resolve_target(Flags(url="https://h"), env, tmp_path / "none")


def test_the_missing_token_error_names_the_sources_checked(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[profiles.default]\ntoken_env = "MINE"\n')
    error = load_settings(Flags(), {"SCAIVAULT_URL": "https://v"}, path).tokens.missing_token_error("h.example")
    assert error.exit_code == 4
    assert error.message == (
        "no credential for h.example: checked SCAICORE_TUI_TOKEN, profile default (MINE is not set), "
        "ScaiVault (SCAIVAULT_TOKEN, SCAICORE_TUI_TENANT not set), SCAIGRID_API_KEY"
    )
    assert "POST /v1/tenants/me/scaigrid_credentials" in error.hint


def test_each_value_names_its_source(profiles: Path) -> None:
    settings = load_settings(Flags(core="core_f"), {"SCAICORE_TUI_URL": "https://env.example"}, profiles)
    sources = {key: setting.source for key, setting in settings.values.items()}
    assert (sources["url"], sources["core"]) == ("SCAICORE_TUI_URL", "--core")
    assert (sources["interval"], sources["timeout"]) == ("profile work", "default")
    assert not settings.is_url_from_profile
    assert resolved(Flags(), {}, profiles).title == "work"
    assert resolved(Flags(url="https://flag.example"), {}, profiles).title == "flag.example"


def test_a_profile_can_set_false(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[profiles.default]\nread_only = false\n")
    assert load_settings(Flags(), {}, path).values["read_only"] == (False, "profile default")
    assert load_settings(Flags(read_only=True), {}, path).values["read_only"] == (True, "--read-only")


def test_every_key_has_an_explanation() -> None:
    assert set(KEYS) == set(Profile.__struct_fields__)
    assert set(UI_KEYS) == set(UiTable.__struct_fields__)


@pytest.mark.parametrize("key", sorted(UI_KEYS))
def test_every_example_of_the_looks_is_valid(key: str) -> None:
    content, problems = parse_profiles(f"[ui]\n{UI_KEYS[key].line(key)}")
    assert not problems
    assert content is not None
    assert getattr(content.ui, key) is not None


def test_a_profile_overrides_the_looks_of_all(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[ui]\nmouse = false\ntimes = "age"\n[profiles.a]\nui = { mouse = true }\nurl = "https://a.example"\n'
    )
    settings = load_settings(Flags(profile="a"), {}, path)
    assert (settings.ui["mouse"], settings.ui["times"]) == ((True, "profile a"), ("age", "[ui]"))
    assert settings.ui["theme"] == (None, "default")
    target = resolve_target(Flags(profile="a"), {}, path)
    assert target is not None
    assert (target.ui.mouse, target.ui.times, target.ui.theme) == (True, "age", None)


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        ('[ui]\nsort = "durration"', "ui.sort: invalid enum value 'durration'", "did you mean duration?"),
        ('[profiles.a.ui]\ntimes = "clck"', "profiles.a.ui.times: invalid enum value 'clck'", "did you mean clock?"),
        ('[ui]\ntimes = "zzz"', "ui.times: invalid enum value 'zzz'", "known: clock, age"),
        ("[ui]\ntimes = 7", "ui.times: expected text, got a number", 'for example times = "age"'),
        ('[ui]\nthem = "nord"', "unknown key ui.them", "did you mean theme?"),
        ('[profiles.a.ui]\nthem = "nord"', "unknown key profiles.a.ui.them", "did you mean theme?"),
        ("[ui]\nmouse = 1", "ui.mouse: expected true or false, got a number", "for example mouse = false"),
        ('[ui]\ntheme = ""', "ui.theme: expected text of length >= 1", "for example"),
        ('[ui]\ntheme = "' + "x" * 1_000 + '"', "ui.theme: expected text of length <= 200", "for example"),
        ("ui = 7", "ui: expected a table", ""),
        ("[profiles.a]\nui = 7", "profiles.a.ui: expected a table", "for example"),
    ],
    ids=lambda text: text[:30],
)
def test_wrong_looks_are_named_with_a_fix(content: str, message: str, fix: str) -> None:
    _, problems = parse_profiles(content)
    assert any(message in str(problem) and fix in problem.fix for problem in problems), problems


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_example_value_is_valid(key: str) -> None:
    profiles, problems = parse_profiles(f"[profiles.a]\n{KEYS[key].line(key)}")
    assert not problems
    assert profiles is not None
    assert getattr(profiles.profiles["a"], key) is not None


def test_all_problems_are_reported_with_their_locations() -> None:
    _, problems = parse_profiles(
        'defualt = "a"\n[prod]\nurl = "x"\n[profiles.a]\nintervall = 1\ntimeout = 0\ntoken_command = "scaikey token"\n'
        '[profiles.b]\ntoken_env = "A"\ntoken_file = "b"\n'
    )
    reported = [(str(problem), problem.fix) for problem in problems]
    assert [message for message, _ in reported] == [
        "unknown table [prod]",
        "unknown key defualt",
        "unknown key profiles.a.intervall",
        "profiles.a.timeout: expected a number > 0.0",
        "profiles.a.token_command: expected a list, got text",
        "profiles.b: token_env and token_file: use only one of them",
    ]
    fixes = [fix for _, fix in reported]
    assert fixes[:3] == ["a profile begins with [profiles.prod]", "did you mean default?", "did you mean interval?"]
    assert 'token_command = ["scaikey", "token"]' in fixes[4]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("x = [", "config.toml"),
        ('[profiles.a]\nulr = "x"', "did you mean url"),
        ("[profiles.a]\ninterval = 0", "interval"),
        ("[profiles.a]\nkeep_mb = 0", "keep_mb"),
        ('[profiles.a]\napi = "soap"', "api"),
    ],
)
def test_an_invalid_file_or_value_is_named_in_the_error(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as raised:
        resolve_target(Flags(), {}, path)
    assert text in str(raised.value)


def test_the_error_for_an_unknown_profile_lists_the_known_ones(profiles: Path) -> None:
    with pytest.raises(ConfigError, match="work, grid"):
        resolve_target(Flags(profile="home"), {}, profiles)


def test_each_feed_has_its_own_journal() -> None:
    paths = {
        journal_file(identity_of(Target(url=url, core=core)))
        for url in ("https://a", "https://b:1")
        for core in (None, "c/../d")
    }
    assert len(paths) == 4
    assert len({path.parent for path in paths}) == 1


def test_the_journal_of_a_profile_is_on_a_server_and_has_no_password(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[profiles.default]\nurl = "https://h"\njournal = "postgresql://me@db/runs"\n')
    settings = load_settings(Flags(), {}, path)
    assert settings.values["journal"] == ("postgresql://me@db/runs", "profile default")
    target = settings.target()
    assert target is not None
    assert target.journal == "postgresql://me@db/runs"
    for journal, reason in (
        ("/var/lib/j", "is the address of a server"),
        ("postgresql://me:unguessable@db/runs", "~/.pgpass"),
        ("postgresql://db/runs?password=unguessable", "~/.pgpass"),
    ):
        path.write_text(f'[profiles.default]\njournal = "{journal}"\n')
        with pytest.raises(ConfigError, match=reason) as caught:
            load_settings(Flags(), {}, path)
        assert "unguessable" not in str(caught.value)
