"""Define the commands under `alerts` and their options."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from scaicore_tui.cli import completion
from scaicore_tui.cli.help import Command, Group
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.shared_options import takes_common

alerts_app = typer.Typer(cls=Group, help="Try an alert rule of the configuration file.", no_args_is_help=True)
command = partial(alerts_app.command, cls=Command)

RuleName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a table [alerts.NAME].", autocompletion=completion.alerts)
]


class NoticeState(StrEnum):
    """The kinds of notices, as `analysis.alert_incidents.Change` has them. Loading that would delay each command."""

    FIRED = "fired"
    REMINDED = "reminded"
    RESOLVED = "resolved"


State = Annotated[
    NoticeState,
    typer.Option("--state", metavar="STATE", help="Kind of the notice: fired, reminded or resolved."),
]


@command(name="test")
@takes_common
def try_rule(
    common: Common,
    name: RuleName,
    state: State = NoticeState.FIRED,
    send: Annotated[bool, typer.Option("--send", help="Also send it to bell, command and webhook.")] = False,
) -> int:
    """Print the notice that a rule would send now, as JSON.

    It evaluates the rule with the recorded journal of the profile, or with that of `--journal`, and contacts no API.
    The notice is printed even if the condition does not hold. With `--send` it is sent once, marked as a test; the exit
    code is 1 if that fails. `record` evaluates all rules.
    """
    from scaicore_tui.cli.commands import alerts

    return run(alerts.try_rule(common, name, state.value, send=send))
