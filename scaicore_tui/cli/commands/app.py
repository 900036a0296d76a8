"""Open the app: on the configured API, offline, on the demo, or without any configuration."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.cli.app_environment import clean_environment, require_terminal
from scaicore_tui.cli.app_settings import read_app_settings
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr
from scaicore_tui.cli.output.streams import can_encode_glyphs
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.sessions import (
    former_notice,
    load_common_settings,
    open_app_session,
    open_offline,
    report_unknown,
    to_flags,
)
from scaicore_tui.config import Flags, load_settings
from scaicore_tui.config.profiles import ProfileFile
from scaicore_tui.config.settings import ProfileInfo, list_profiles
from scaicore_tui.errors import ConfigError
from scaicore_tui.log import Log

if TYPE_CHECKING:
    from scaicore_tui.analysis.flow_graph import FlowGraph
    from scaicore_tui.runs.deep_link import DeepLink
    from scaicore_tui.session import Session


_log = Log(__name__)


class SessionOpener:
    """Opens sessions for the profiles that a person switches to in the app.

    The command line's options stay in force, except those that select the API, the token or the journal. `closing`
    closes the sessions at the end.
    """

    def __init__(self, common: Common, closing: AsyncExitStack, flow: FlowGraph | None = None) -> None:
        self._common = replace(common, journal=None)
        self._flow = flow
        self._closing = closing

    def list_profiles(self) -> Sequence[ProfileInfo]:
        """Return the profiles of the configuration file. Raises ConfigError if it is invalid."""
        return list_profiles()

    async def open(self, name: str) -> Session:
        """Open a session for a profile and get its token. If that fails, the session is closed and the error raised."""
        session = await asyncio.to_thread(self._open, name)
        try:
            await session.authenticate()
        except BaseException:
            await session.close()
            raise
        self._closing.callback(report_unknown, session)
        self._closing.push_async_exit(session)
        return session

    def _open(self, name: str) -> Session:
        given = to_flags(self._common)
        flags = Flags(
            profile=name, interval=given.interval, read_only=given.read_only, low_bandwidth=given.low_bandwidth
        )
        read_app_settings("the profile was not opened")
        session = open_app_session(self._common, load_settings(flags, prefer_profile=True))
        if session is None:
            raise ConfigError(f"profile {name} has no url")
        return _with_flow(session, self._flow)


DEMO_SEED = 7
DEMO_RATE = 6.0


def open_at(common: Common, text: str, flow: Path | None = None) -> int:
    """Open the app at the run that a link, or the begin of an id, names. Raises UsageError for a damaged link."""
    from scaicore_tui.cli.links import read_link, with_profile
    from scaicore_tui.runs.deep_link import DeepLink, is_link

    link = read_link(text) if is_link(text) else DeepLink(text)
    return open_app(with_profile(common, link), flow, link)


def open_app(common: Common, flow: Path | None = None, link: DeepLink | None = None) -> int:
    """Open the app on the configured API, at `link`; without an API, on a welcome screen that offers the demo.

    `flow` is a file with the graph of a flow. Raises NotFound, StorageError or ConfigError if it has none.
    """
    require_terminal()
    content = read_app_settings()
    graph = None if flow is None else _read_flow(flow)
    if common.offline:
        session = open_offline(common, content.ui)
        return _open(common, content, _with_flow(session, graph), session.target.name, link=link)
    settings = load_common_settings(common)
    target = settings.target()
    # An older journal is only noticed until there is another.
    former = "" if target is None else former_notice(common, target)
    opened = open_app_session(common, settings)
    if opened is not None:
        notice, session = settings.override_warning or former, _with_flow(opened, graph)
        return _open(common, content, session, session.target.title, chooses=True, flow=graph, link=link, notice=notice)
    code = _open(common, content, None, chooses=True, flow=graph)
    from scaicore_tui.tui import RUN_DEMO

    return open_demo(common, DEMO_SEED, DEMO_RATE) if code == RUN_DEMO else code


def _read_flow(path: Path) -> FlowGraph:
    from scaicore_tui.session import read_flow_file

    return read_flow_file(path)


def _with_flow(session: Session, graph: FlowGraph | None) -> Session:
    """Return the session, which uses `graph` for the Cores whose nodes are in it."""
    if graph is not None:
        session.flows.use(graph)
    return session


def open_demo(common: Common, seed: int, rate: float) -> int:
    """Open the app on a demo that ends with the app and leaves no files."""
    from scaicore_tui.cli.commands.demo import demo_process

    require_terminal()
    content = read_app_settings()
    with demo_process(seed, rate) as target:
        from scaicore_tui.session import Session

        demo_target = replace(
            target,
            core=common.core,
            interval=common.interval or target.interval,
            read_only=common.read_only,
            low_bandwidth=common.low_bandwidth,
            ui=content.ui,
        )
        return _open(common, content, Session(demo_target), "demo")


def _open(
    common: Common,
    content: ProfileFile,
    session: Session | None,
    banner: str = "",
    *,
    chooses: bool = False,
    flow: FlowGraph | None = None,
    link: DeepLink | None = None,
    notice: str = "",
) -> int:
    gc.disable()
    running = _run_and_close(
        common, content, session, chooses=chooses, flow=flow, link=link, banner=banner, notice=notice
    )
    return run(running)


async def _run_and_close(
    common: Common,
    content: ProfileFile,
    session: Session | None,
    *,
    chooses: bool,
    flow: FlowGraph | None,
    link: DeepLink | None,
    **texts: str,
) -> int:
    """Run the app, then close all sessions. With `chooses`, a person can switch profiles.

    The first request is sent before the screens are imported, to save time.
    """
    async with AsyncExitStack() as closing:
        if session is not None:
            closing.callback(report_unknown, session)
            await closing.enter_async_context(session)
            session.prefetch()
        profiles = SessionOpener(common, closing, flow) if chooses else None
        return await _run_app(common, content, session, profiles, link, **texts)


async def _run_app(
    common: Common,
    content: ProfileFile,
    session: Session | None,
    profiles: SessionOpener | None,
    link: DeepLink | None,
    **texts: str,
) -> int:
    clean_environment()
    tui = await asyncio.to_thread(import_module, "scaicore_tui.tui")
    no_colour = common.no_color or bool(os.environ.get("NO_COLOR"))
    low = session.target.low_bandwidth if session is not None else common.low_bandwidth
    ascii_only = common.ascii or not can_encode_glyphs(sys.stderr)
    options = {"ascii_only": ascii_only, "no_colour": no_colour, "low_bandwidth": low, "notify": common.notify}
    _log.info("app", term=os.environ.get("TERM"), no_colour=no_colour, ascii=ascii_only, low_bandwidth=low)
    with stderr.held():
        looks = {"ui": content.ui, "keys": content.keys}
        return int(await tui.run_app(session, **options, **texts, **looks, profiles=profiles, link=link))
