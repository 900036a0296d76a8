"""Alert rules in the configuration file: what is wrong in them is named with its key and what to do."""

from __future__ import annotations

import pytest

from scaicore_tui.cli.alert_settings import alert_problems
from scaicore_tui.config.alerts import AlertTable, seconds_of
from scaicore_tui.config.profiles import parse_profiles


def problems_of(lines: str, name: str = "a") -> list[str]:
    """Return the problems of a rule, each with what to do."""
    content, problems = parse_profiles(f"[alerts.{name}]\n{lines}\n")
    found = problems if content is None else list(alert_problems(content.alerts))
    return [f"{problem} → {problem.fix}" for problem in found]


@pytest.mark.parametrize(
    "lines",
    [
        'where = "status:failed"',
        'where = "is:waiting age>1h"\ncount = 5\nwindow = "90m"\nremind = "1d"\nresolve = true',
        'deadline = "15m"\nwhere = "is:mine"\nbell = true',
        'where = ""\ncommand = ["page"]\nwebhook = "https://hooks.example.com/a/b?c=d"\ntoken_env = "T"',
        'deadline = "1h"\nwebhook = "http://127.0.0.1:9/x"\ntoken_file = "~/t"\ntoken_header = "X-Api-Key"',
    ],
)
def test_usable_rules_have_no_problems(lines: str) -> None:
    assert problems_of(lines) == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", 'alerts.a: no condition is set → set where = "status:failed", or deadline = "15m"'),
        ('where = "colour:red"', "alerts.a.where: runs have no field colour"),
        ('deadline = "5m"\nwhere = "status:failed"', "alerts.a.where: checkpoints have no field status"),
        ('deadline = "5m"\ncount = 2', "alerts.a.count: not used with deadline → remove count: each"),
        ('where = "x"\nwindow = "5 minutes"', "alerts.a.window: expected text matching regex"),
        ('where = "x"\nwindow = "31d"', "alerts.a.window: 31d is too long → at most 30d"),
        ('where = "x"\nremind = "5s"', "alerts.a.remind: 5s is too short → at least 1m"),
        ('where = "x"\ncount = 0', "alerts.a.count: expected a number >= 1"),
        ('where = "x"\ncomand = ["x"]', "unknown key alerts.a.comand → did you mean command?"),
        ('where = "x"\ncommand = "page me"', 'for example command = ["/usr/local/bin/page", "flows"]'),
        ('where = "x"\ntoken_env = "T"', "alerts.a.token_env: there is no webhook → set webhook, or remove token_env"),
        (
            'where = "x"\nwebhook = "https://h"\ntoken_env = "T"\ntoken_file = "f"',
            "alerts.a.token_file: token_env and token_file are given → use only one of them",
        ),
        ('where = "x"\nwebhook = "https://h"\ntoken_header = "X-K"', "alerts.a.token_header: there is no token"),
        (
            'where = "x"\nwebhook = "https://h"\ntoken_env = "T"\ntoken_header = "Host"',
            'alerts.a.token_header: not a header for a token → for example "X-Api-Key"',
        ),
        ('where = "x"\nprofiles = []', "alerts.a.profiles: expected a list of length >= 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(lines: str, problem: str) -> None:
    found = problems_of(lines)
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://host/hidden-path", "not a web address"),
        ("https:///hidden-path", "not a web address"),
        ("https://me:hidden-path@host/", "not a web address"),
        ("http://host.example.com/hidden-path", "alerts are never sent unencrypted"),
        ("https://host/hidden-path#x", "the address must not have a fragment"),
        ("https://host/hidden-path ä", "the address has characters that no URL can have"),
    ],
)
def test_the_address_of_a_webhook_is_checked_and_not_shown(url: str, problem: str) -> None:
    (found,) = problems_of(f'where = "x"\nwebhook = "{url}"')
    assert found.startswith(f"alerts.a.webhook: {problem} → ")
    assert "hidden-path" not in found


def test_names_of_rules_are_plain() -> None:
    (found,) = problems_of('where = "x"', '"a b"')
    assert found.startswith("alerts.a b: not a name for an alert → use up to 64 of letters")


def test_all_problems_of_all_rules_are_reported() -> None:
    content, problems = parse_profiles('[alerts.a]\ncount = 0\n[alerts.b]\nwindow = "x"\n[alerts]\nc = 3\n')
    assert content is None
    assert problems
    content, problems = parse_profiles('[alerts.a]\ncount = 0\n[alerts.b]\nwindow = "x"\n')
    assert sorted(problem.location for problem in problems) == ["alerts.a.count", "alerts.b.window"]


def test_spans_and_profiles() -> None:
    assert [seconds_of(span) for span in ("90s", "5m", "2h", "1d")] == [90, 300, 7_200, 86_400]
    assert AlertTable().is_for("any")
    assert [AlertTable(profiles=("prod",)).is_for(name) for name in ("prod", "staging")] == [True, False]
