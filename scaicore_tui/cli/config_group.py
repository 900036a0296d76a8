"""Define the commands under `config` and their options."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from scaicore_tui.cli.help import Command, Group
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.shared_options import takes_common

config_app = typer.Typer(cls=Group, help="Show, check or create the configuration file.", no_args_is_help=True)
command = partial(config_app.command, cls=Command)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@command()
@takes_common
def path(common: Common) -> None:
    """Print the path of the configuration file."""
    from scaicore_tui.cli.commands import config

    config.print_path()


@command()
@takes_common
def show(common: Common, json: Json = False) -> None:
    """Print every setting and where its value comes from.

    It contacts no server and does not run the token command.
    """
    from scaicore_tui.cli.commands import config

    config.show(common, json)


@command()
@takes_common
def check(common: Common, json: Json = False) -> int:
    """Check the settings and print how to fix each problem.

    It checks the file and the environment. The exit code is 2 if there is a problem.
    """
    from scaicore_tui.cli.commands import config

    return config.check(common, json)


@command(name="journal-roles")
@takes_common
def journal_roles(
    common: Common,
    role: Annotated[
        str, typer.Argument(metavar="[ROLE]", help="Let this role reach the feed of the profile, and no other.")
    ] = "",
    by_feed: Annotated[
        bool, typer.Option("--by-feed", help="Let nobody reach a feed until that is granted, as with ROLE.")
    ] = False,
) -> None:
    """Print SQL that sets up the roles of a journal on a PostgreSQL server.

    The groups `scaicore_recorder`, `scaicore_viewer` and `scaicore_answerer` get what they need, also for feeds that
    are recorded later. Nothing is sent: the owner of the database reads it, and runs it with `psql`.
    """
    from scaicore_tui.cli.commands import config

    config.print_roles(common, role, by_feed)


@command()
@takes_common
def init(
    common: Common,
    token_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable that holds the token.")
    ] = None,
    token_command: Annotated[str | None, typer.Option(metavar="WORDS", help="Command that prints the token.")] = None,
    color: Annotated[
        str | None,
        typer.Option(metavar="COLOR", help="red, amber, green, blue or violet: colour of its name in the status bar."),
    ] = None,
    protected: Annotated[
        bool, typer.Option("--protected", help="Require a typed confirmation for each write.")
    ] = False,
) -> int:
    """Create the configuration file with one profile.

    It asks for the address and the token, unless `--url` is given. It never changes an existing file.
    """
    from scaicore_tui.cli.commands import config_init

    values = {"token_env": token_env, "token_command": token_command, "color": color, "protected": protected or None}
    return run(config_init.write_config(common, values))
