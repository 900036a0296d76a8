"""The alert rules of the configuration file, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scaicore_tui.analysis.alert_rules import Rule, make_rule
from scaicore_tui.analysis.query import CHECKPOINTS, RUNS, QueryError, parse_query
from scaicore_tui.cli.queries import point_at
from scaicore_tui.config import config_file
from scaicore_tui.config.alerts import AlertTable, table_problems
from scaicore_tui.config.profiles import ConfigProblem, read_profiles
from scaicore_tui.errors import ConfigError


class ConfiguredRule(NamedTuple):
    """A rule, and its table."""

    rule: Rule
    table: AlertTable


def alert_problems(alerts: Mapping[str, AlertTable]) -> Iterator[ConfigProblem]:
    """Yield everything in alert rules that cannot work."""
    for name, table in alerts.items():
        for key, error in table_problems(name, table):
            yield ConfigProblem(f"alerts.{name}{f'.{key}' if key else ''}", error.message, error.hint)
        text, subject = table.where or "", RUNS if table.deadline is None else CHECKPOINTS
        try:
            parse_query(text, subject)
        except QueryError as wrong:
            yield ConfigProblem(f"alerts.{name}.where", point_at(text, wrong), wrong.hint)


def read_rules(effect: str) -> dict[str, ConfiguredRule]:
    """Return the rules by name. Raises ConfigError, with `effect`, if one of them cannot work."""
    path = config_file()
    alerts = read_profiles(path).alerts
    problems = list(alert_problems(alerts))
    if problems:
        more = f"; and {len(problems) - 1} more: scaicore-tui config check" if len(problems) > 1 else ""
        raise ConfigError(f"{path}: {problems[0]}", effect=effect, hint=f"{problems[0].fix}{more}".lstrip("; "))
    return {name: ConfiguredRule(make_rule(name, table), table) for name, table in alerts.items()}
