"""Identities of feeds: each has its own file name, and a renewed token belongs to the same caller."""

from __future__ import annotations

import pytest

from scaicore_tui.auth import caller_of, identify
from scaicore_tui.config import Api, Caller, Identity, Target, identity_of
from scaicore_tui.config.token_sources import TokenCommand, VaultKey
from scaicore_tui.secrets import Secret
from tests.support.proxy import jwt

URL = "https://api.example.com"
ALICE, BOB = Caller("usr_alice", "tnt_a"), Caller("usr_bob", "tnt_a")
OTHER_TENANT = Caller("usr_alice", "tnt_b")
KEY = Secret("sgk_" + "k" * 32)


def identity(
    url: str = URL, profile: str = "default", core: str | None = None, caller: Caller | None = None
) -> Identity:
    return identity_of(Target(url=url, name=profile, core=core), caller)


def test_everything_that_identifies_a_feed_is_in_its_file_name() -> None:
    found = {
        identity(url, profile, core, caller).file_stem.casefold()
        for url in (URL, "http://api.example.com", f"{URL}:8443", f"{URL}/team-a/api/v1", f"{URL}/Team-a/api/v1")
        for profile in (
            "default",
            "kunde ä",
            "kunde ö",
            "Kunde ö",
            "kunde_",
            "a@b",
            "a",
            "x" * 300,
            "x" * 301,
            "\udcff",
        )
        for core in (None, "core_1", "Core_1", "b@core_1")
        for caller in (None, ALICE, BOB, OTHER_TENANT, Caller(key="0" * 8))
    }
    assert len(found) == 5 * 10 * 4 * 5


def test_file_names_are_short_and_portable() -> None:
    longest = identity(f"https://{'a.' * 120}example.com/{'p' * 900}", "é/../" * 100, "c" * 900, ALICE).file_stem
    assert len(f"{longest}.journal.lock") < 255
    assert longest.replace("@", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert longest.isascii()


def test_spellings_of_one_url_are_one_identity() -> None:
    spellings = (URL, f"{URL}/", "https://API.example.com", f"{URL}:443", f"{URL}/api/v1", f"{URL}/api/v1/scaicore/")
    assert {identity(url) for url in spellings} == {identity()}
    assert identity("http://[::1]:80").url == "http://[::1]/api/v1/scaicore"


def test_two_apis_on_one_host_differ() -> None:
    assert identity_of(Target(url=URL, api=Api.SCAIGRID)) != identity_of(Target(url=URL))


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (ALICE, ALICE, True),
        (ALICE, BOB, False),
        (ALICE, OTHER_TENANT, False),
        (ALICE, Caller(tenant="tnt_a"), True),
        (Caller("usr_alice"), ALICE, True),
        (Caller("usr_alice"), Caller(tenant="tnt_a"), None),
        (Caller(key="1"), Caller(key="2"), False),
        (Caller(key="1"), ALICE, None),
    ],
)
def test_callers_are_compared_by_the_fields_that_both_have(ours: Caller, theirs: Caller, same: bool | None) -> None:
    assert ours.is_same(theirs) is same
    assert theirs.is_same(ours) is same


def test_feeds_differ_by_caller_core_and_url() -> None:
    own = identity(caller=ALICE)
    assert own.is_same_feed(identity(profile="renamed", caller=ALICE))
    assert not own.is_same_feed(identity(caller=BOB))
    assert not own.is_same_feed(identity(core="core_1", caller=ALICE))
    assert not own.is_same_feed(identity(f"{URL}/team-b/api/v1", caller=ALICE))


def test_the_profile_decides_where_callers_cannot_be_compared() -> None:
    assert identity().is_same_feed(identity(caller=ALICE))
    assert not identity().is_same_feed(identity(profile="other", caller=ALICE))
    assert not identity(profile="other").is_same_feed(identity())


def test_a_checkpoint_id_is_unique_within_a_tenant() -> None:
    """The checkpoint is the same for another person, profile or Core filter on this machine."""
    own = identity(caller=ALICE)
    assert own.has_same_targets(identity(profile="other", core="core_1", caller=BOB))
    assert own.has_same_targets(identity())
    assert not own.has_same_targets(identity(caller=OTHER_TENANT))
    assert not own.has_same_targets(identity(f"{URL}/team-b/api/v1", caller=ALICE))


def test_a_renewed_token_is_the_same_caller() -> None:
    first, renewed = (caller_of(Secret(jwt(sub="usr_alice", tenant_id="tnt_a", exp=at))) for at in (1, 2))
    assert first == renewed == ALICE


def test_the_claims_of_a_jwt_take_precedence_over_the_settings() -> None:
    assert caller_of(Secret(jwt(sub="usr_alice", tenant_id="tnt_a")), "tnt_b") == ALICE
    assert caller_of(Secret(jwt(exp=1)), "tnt_b") == Caller(tenant="tnt_b")


def test_api_keys_are_distinguished_but_not_shown() -> None:
    keys = [caller_of(KEY), caller_of(Secret("sgk_" + "l" * 32))]
    assert None not in keys
    assert len(set(keys)) == 2
    assert all(key is not None and len(key.key or "") == 8 and "k" * 8 not in key.label for key in keys)


def test_api_keys_of_a_configured_tenant_are_one_caller() -> None:
    assert caller_of(KEY, "tnt_a") == caller_of(Secret("sgk_" + "l" * 32), "tnt_a") == Caller(tenant="tnt_a")


def test_an_opaque_token_has_no_known_caller() -> None:
    assert caller_of(Secret("opaque-token")) is None
    assert caller_of(None) is None


def test_no_command_is_run_to_know_the_caller() -> None:
    command = TokenCommand("default", ("/does/not/exist",))
    assert identify(Target(url=URL, sources=(command,), tenant="tnt_a")).caller is None
    vault = VaultKey("https://vault.example.com", KEY, "tnt_a")
    assert identify(Target(url=URL, sources=(vault,), tenant="tnt_a")).caller == Caller(tenant="tnt_a")


def test_the_label_names_url_profile_core_and_caller() -> None:
    label = identity(f"{URL}/team-a/api/v1", "kunde ä", "core_1", ALICE).label
    assert label == f"{URL}/team-a/api/v1/scaicore (profile kunde ä, Core core_1, usr_alice of tnt_a)"
