"""What a shell may complete: runs, Cores and checkpoints of the profile's journal, profiles, and words that are known.

It is fast, asks no server, writes nothing, and whatever is wrong it offers nothing and says nothing: a shell shows what
is said in the middle of somebody's line.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from scaicore_tui.cli.flags import Common, is_unsaid
from scaicore_tui.cli.until import Until

if TYPE_CHECKING:
    from scaicore_tui.journal import Journal
    from scaicore_tui.wire import Checkpoint

# A word, and what it is.
Offer = tuple[str, str]
Completion = Callable[[typer.Context, str], list[Offer]]
MOST = 200
# What goes into a command line as it is: some shells run what they are offered. No id has needed anything else.
_WORD = re.compile(r"[A-Za-z0-9_@.-]+")
_ODD = re.compile(r"[^\w .,;+/%()·-]")


def quietly(offers: Callable[[typer.Context, str], Iterator[Offer]]) -> Completion:
    """Those of the offers that go on with what is typed; none where anything goes wrong."""

    @functools.wraps(offers)
    def complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            found = dict(offers(ctx, incomplete))
        except Exception:  # noqa: BLE001  (nobody asked for anything: there is nobody to tell)
            return []
        fitting = [word for word in found if word.startswith(incomplete) and _WORD.fullmatch(word)]
        return [(word, _ODD.sub(" ", found[word])) for word in fitting[:MOST]]

    return complete


@quietly
def runs(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """The newest runs, as the journal knows them."""
    from scaicore_tui.journal.pending import read_pending
    from scaicore_tui.journal.summaries import Summaries

    yield "@latest", "the newest run"
    with _journal(ctx) as journal:
        waiting = {row.execution_id for row in read_pending(journal)}
        for run in Summaries(journal).matching(incomplete, MOST):
            status = run.outcome or ("waiting" if run.execution_id in waiting else "running")
            yield run.execution_id, f"{status} {run.core_id or ''}"


@quietly
def cores(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """The Cores of the newest runs."""
    from scaicore_tui.journal.summaries import Summaries

    with _journal(ctx) as journal:
        for run in Summaries(journal).newest(10 * MOST):
            if run.core_id is not None:
                yield run.core_id, ""


@quietly
def checkpoints(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """What waited at the journal's latest look."""
    yield from ((row.id, _about(row)) for row in _pending(ctx))


@quietly
def breakpoints(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Those that continue."""
    yield from ((row.id, _about(row)) for row in _pending(ctx) if row.is_breakpoint)


@quietly
def options(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """The options of the checkpoint that is named before."""
    for row in _pending(ctx):
        if row.id == ctx.params.get("checkpoint_id"):
            yield from ((option.id, option.label) for option in row.options)


@quietly
def profiles(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """The profiles of the configuration file, with their addresses."""
    from scaicore_tui.config import config_file
    from scaicore_tui.config.profiles import read_profiles

    yield from ((name, profile.url or "") for name, profile in read_profiles(config_file()).profiles.items())


@quietly
def schemas(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """The commands whose documents have a schema."""
    from scaicore_tui.cli.describing import names

    yield from ((name, "") for name in names())


@quietly
def topics(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the topics of `help`."""
    from scaicore_tui.cli.help import TOPICS

    yield from ((topic, about) for topic, about in TOPICS.items() if topic)


def words(*known: str) -> Completion:
    """Words that are always the same."""

    @quietly
    def complete(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
        yield from ((word, "") for word in known)

    return complete


states = words(*Until)
statuses = words("pending", "resolved", "failed", "expired", "cancelled")
apis = words("scaiflow", "scaigrid")


def _pending(ctx: typer.Context) -> list[Checkpoint]:
    """What waited at the journal's latest look."""
    from scaicore_tui.journal.pending import read_pending

    with _journal(ctx) as journal:
        return read_pending(journal)


def _about(row: Checkpoint) -> str:
    return f"{row.title} {row.core_id or ''}"


def _journal(ctx: typer.Context) -> Journal:
    """The journal that the command line so far would mean."""
    from scaicore_tui.cli.sessions import recorded_file
    from scaicore_tui.journal import Journal

    said: dict[str, object] = {}
    for context in (ctx.parent, ctx):
        values = context.params if context is not None else {}
        said |= {name: values[name] for name in Common.__struct_fields__ if not is_unsaid(values.get(name))}
    if "journal" in said:
        said["journal"] = Path(str(said["journal"]))
    return Journal.read(recorded_file(Common(**said)))  # type: ignore[arg-type]
