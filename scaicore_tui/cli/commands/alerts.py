"""The command `alerts test`: what a rule would send now, as the journal tells."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice

from scaicore_tui.alerting.channels import Channels
from scaicore_tui.analysis.alert_incidents import Change, Incident
from scaicore_tui.analysis.alert_notices import NoticeDocument, notice_document
from scaicore_tui.analysis.alert_rules import Match, Rule, active_keys, due_checkpoints, match_of_run
from scaicore_tui.cli.alert_settings import ConfiguredRule, read_rules
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.queries import context_of
from scaicore_tui.cli.sessions import load_common_settings, recorded_file
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import config_file
from scaicore_tui.config.alerts import MAX_COUNT
from scaicore_tui.config.profiles import nearest
from scaicore_tui.errors import ConfigError, NotFound, UsageError
from scaicore_tui.session import open_recording
from scaicore_tui.timefmt import MICROS_PER_SECOND

NOTHING_SENT = "nothing was sent"


async def try_rule(common: Common, name: str, state: str, *, send: bool) -> int:
    """Print the notice of a rule, and send it if asked to; return the exit code."""
    found = _find_rule(name)
    clock = SystemClock()
    now = int(clock.now() * MICROS_PER_SECOND)
    matches, source = _matches(common, found.rule)
    settings = load_common_settings(common)
    target = settings.target()
    profile = settings.name if target is None else target.link_profile
    notice = notice_document(found.rule, Change(state), Incident(now, now), matches, now, profile)
    document: NoticeDocument = {**notice, "test": True}
    stdout.document(document)
    holds = "holds" if active_keys(found.rule, matches) else "does not hold"
    channels = Channels(found.table, os.environ, clock, stderr.write_sequence)
    to = f"notices go to {', '.join(channels.names)}" if channels.names else "record only prints notices"
    stderr.say(f"{source}: {len(matches):,} match, and the condition {holds}; {to}")
    if not found.table.is_for(settings.name):
        stderr.say(f"not evaluated for the profile {settings.name}: the rule is for others")
    return await _send(channels, document) if send else 0


def _find_rule(name: str) -> ConfiguredRule:
    rules = read_rules(NOTHING_SENT)
    if name not in rules:
        hint = nearest(name, rules) if rules else f"add a table [alerts.{name}]"
        raise UsageError(f"no alert {name!r} in {config_file()}", effect=NOTHING_SENT, hint=hint)
    return rules[name]


def _matches(common: Common, rule: Rule) -> tuple[Sequence[Match], str]:
    """Return what matches in the journal, and where that was looked for; nothing if there is no journal."""
    try:
        path = recorded_file(common)
        with open_recording(path) as recorded:
            if rule.deadline is not None:
                return due_checkpoints(rule, recorded.checkpoints, recorded.query_context()), str(path)
            found = recorded.search(rule.run_query, context_of(recorded, rule.query))
            return [match_of_run(summary) for summary in islice(found, MAX_COUNT)], str(path)
    except (ConfigError, NotFound):
        if common.journal is not None:
            raise
        return [], "no journal yet"


async def _send(channels: Channels, document: NoticeDocument) -> int:
    problems = await channels.send(document)
    for channel, problem in problems.items():
        stderr.warn(f"{channel}: {problem or 'sent'}")
    return int(any(problems.values()))
