"""The commands under `config`, and their flags."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from scaicore_tui.cli.common import takes_common
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.help import Command, Group
from scaicore_tui.cli.running import run

config_app = typer.Typer(cls=Group, help="Look after the profiles' file.", no_args_is_help=True)
command = partial(config_app.command, cls=Command)

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


@command()
@takes_common
def path(common: Common) -> None:
    """Print where the file is, whether or not it exists."""
    from scaicore_tui.cli import configuring

    configuring.print_path()


@command()
@takes_common
def show(common: Common, json: Json = False) -> None:
    """Print every setting, and what said so.

    Asks no server for anything, and runs no command.
    """
    from scaicore_tui.cli import configuring

    configuring.show(common, json)


@command()
@takes_common
def check(common: Common, json: Json = False) -> int:
    """Print what is wrong with the settings, and how to mend it.

    Looks at the file and the environment; where anything is wrong the exit code is 2.
    """
    from scaicore_tui.cli import configuring

    return configuring.check(common, json)


@command()
@takes_common
def init(
    common: Common,
    token_env: Annotated[str | None, typer.Option(metavar="NAME", help="The token is in this variable.")] = None,
    token_command: Annotated[
        str | None, typer.Option(metavar="WORDS", help="The token is printed by this command.")
    ] = None,
    color: Annotated[
        str | None, typer.Option(help="red, amber, green, blue or violet: what its name stands on.")
    ] = None,
    protected: Annotated[bool, typer.Option("--protected", help="Writes are typed out first.")] = False,
) -> int:
    """Write the file, with one profile.

    Asks for the address and the token, unless `--url` says the former.
    """
    from scaicore_tui.cli import beginning

    said = {"token_env": token_env, "token_command": token_command, "color": color, "protected": protected or None}
    return run(beginning.write_config(common, said))
