"""Links in place of ids: `scai:profile/run#node.visit@event` names the profile and the run of a command."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from scaicore_tui.cli.options import Common
from scaicore_tui.errors import UsageError
from scaicore_tui.runs.deep_link import DeepLink, is_link, parse_link
from scaicore_tui.text import display_name

# The arguments of commands that take the id of a run.
_ARGUMENTS = ("execution", "a", "b", "runs")
_NOTHING = "nothing was sent"


def read_link(text: str) -> DeepLink:
    """Return a link. Raises UsageError if it is damaged."""
    link = parse_link(text)
    if link is None:
        raise UsageError(
            f"{display_name(text)} is no link", effect=_NOTHING, hint="scai:PROFILE/RUN#NODE.VISIT@EVENT, encoded"
        )
    return link


def follow_links(common: Common, values: dict[str, Any]) -> tuple[Common, dict[str, Any]]:
    """Return the options and arguments of a command with ids in place of links, and the profile that they name.

    Raises UsageError if a link is damaged, or if two links name different profiles.
    """
    links = list[DeepLink]()

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not (isinstance(value, str) and is_link(value)):
            return value
        links.append(read_link(value))
        return links[-1].execution_id

    values = {name: resolve(value) if name in _ARGUMENTS else value for name, value in values.items()}
    if not links:
        return common, values
    if len({link.profile for link in links}) > 1:
        raise UsageError("the links are about several profiles", effect=_NOTHING, hint="use links of one profile")
    if values.get("at", "") is None and links[0].event is not None:
        values["at"] = str(links[0].event)
    return with_profile(common, links[0]), values


def with_profile(common: Common, link: DeepLink) -> Common:
    """Return the options with the profile of a link, unless they say what to read from.

    Raises UsageError if that is no profile of the configuration, nor the API that is used anyway.
    """
    if not link.profile or common.profile or common.url or common.journal:
        return common
    from scaicore_tui.cli.sessions import load_common_settings

    settings = load_common_settings(common)
    if link.profile in settings.names:
        return replace(common, profile=link.profile)
    target = settings.target()
    if target is None or link.profile != target.title:
        raise UsageError(
            f"the link is about {display_name(link.profile)}, which is no profile here",
            effect=_NOTHING,
            hint="--profile or --url says which API it is; --offline --journal FILE reads a recording",
        )
    return common
