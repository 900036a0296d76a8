"""Shell completion: runs, Cores and checkpoints from the profile's journal, profiles, and fixed lists.

It contacts no server and writes nothing. On any error it offers nothing and prints nothing, because a shell would show
the message in the middle of the command line.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from scaicore_tui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from scaicore_tui.protocol import Checkpoint
    from scaicore_tui.store import Journal


class Until(StrEnum):
    """State of a run that `watch --until` waits for; ANY is any of the others."""

    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    ANY = "any"


# A word and its description.
Offer = tuple[str, str]
Completion = Callable[[typer.Context, str], list[Offer]]
MAX_OFFERS = 200
# Only safe words are offered, because some shells execute parts of an offered word. All known ids match.
_SAFE_WORD = re.compile(r"[A-Za-z0-9_@.:-]+")
_UNSAFE_IN_DESCRIPTION = re.compile(r"[^\w .,;+/%()·-]")


def silent_on_error(offers: Callable[[typer.Context, str], Iterator[Offer]]) -> Completion:
    """Wrap a completion: keep the offers that start with the typed word; offer nothing on any error."""

    @functools.wraps(offers)
    def complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            found = dict(offers(ctx, incomplete))
        except Exception:  # noqa: BLE001  (an error message would garble the command line)
            return []
        matching = [word for word in found if word.startswith(incomplete) and _SAFE_WORD.fullmatch(word)]
        return [(word, _UNSAFE_IN_DESCRIPTION.sub(" ", found[word])) for word in matching[:MAX_OFFERS]]

    return complete


@silent_on_error
def runs(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the newest runs of the journal."""
    from scaicore_tui.store.pending import read_pending
    from scaicore_tui.store.summaries import Summaries

    yield "@latest", "the newest run"
    yield "@failed", "the newest failed run"
    with _journal(ctx) as journal:
        waiting = {row.execution_id for row in read_pending(journal)}
        for run in Summaries(journal).matching(incomplete, MAX_OFFERS):
            status = run.outcome or ("waiting" if run.execution_id in waiting else "running")
            yield run.execution_id, f"{status} {run.core_id or ''}"


@silent_on_error
def queries(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the fields of a query, then the values that the journal has."""
    from scaicore_tui.analysis.query import CHECKPOINTS, EVENTS, RUNS
    from scaicore_tui.analysis.query.complete import completion_point, offers
    from scaicore_tui.store.field_values import count_values

    subject = {"events": EVENTS, "checkpoints": CHECKPOINTS}.get(ctx.info_name or "", RUNS)
    point = completion_point(incomplete, len(incomplete), subject)
    if point is None:
        return
    counted: list[tuple[str, int]] = []
    if point.field is not None and subject is RUNS:
        with _journal(ctx) as journal:
            counted = count_values(journal, point.field.name)
    yield from ((incomplete[: point.begin] + one.text, one.note) for one in offers(point, subject, counted))


@silent_on_error
def cores(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the Cores of the newest runs."""
    from scaicore_tui.store.summaries import Summaries

    with _journal(ctx) as journal:
        for run in Summaries(journal).newest(10 * MAX_OFFERS):
            if run.core_id is not None:
                yield run.core_id, ""


@silent_on_error
def checkpoints(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the pending checkpoints that the journal has."""
    yield from ((row.id, _about(row)) for row in _pending(ctx))


@silent_on_error
def breakpoints(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the pending breakpoints that the journal has."""
    yield from ((row.id, _about(row)) for row in _pending(ctx) if row.is_breakpoint)


@silent_on_error
def options(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the options of the checkpoint named before."""
    for row in _pending(ctx):
        if row.id == ctx.params.get("checkpoint_id"):
            yield from ((option.id, option.label) for option in row.options)


@silent_on_error
def profiles(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the profiles of the configuration file, with their addresses."""
    from scaicore_tui.config import config_file
    from scaicore_tui.config.profiles import read_profiles

    yield from ((name, profile.url or "") for name, profile in read_profiles(config_file()).profiles.items())


@silent_on_error
def alerts(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the alert rules of the configuration file, with their queries."""
    from scaicore_tui.config import config_file
    from scaicore_tui.config.profiles import read_profiles

    yield from ((name, rule.where or "") for name, rule in read_profiles(config_file()).alerts.items())


@silent_on_error
def views(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the views of the configuration file, with their queries."""
    from scaicore_tui.config import config_file
    from scaicore_tui.config.profiles import read_profiles

    yield from ((name, view.query) for name, view in read_profiles(config_file()).views.items())


@silent_on_error
def schemas(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the commands that have a schema."""
    from scaicore_tui.cli.schemas import schema_names

    yield from ((name, "") for name in schema_names())


@silent_on_error
def topics(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the topics of `help`."""
    from scaicore_tui.cli.manual import TOPICS

    yield from ((topic, about) for topic, about in TOPICS.items() if topic)


def fixed_words(*choices: str) -> Completion:
    """Return a completion that offers fixed words."""

    @silent_on_error
    def complete(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
        yield from ((word, "") for word in choices)

    return complete


states = fixed_words(*Until)
statuses = fixed_words("pending", "resolved", "failed", "expired", "cancelled")
apis = fixed_words("scaiflow", "scaigrid")


def _pending(ctx: typer.Context) -> list[Checkpoint]:
    """Return the pending checkpoints that the journal has."""
    from scaicore_tui.store.pending import read_pending

    with _journal(ctx) as journal:
        return read_pending(journal)


def _about(row: Checkpoint) -> str:
    return f"{row.title} {row.core_id or ''}"


def _journal(ctx: typer.Context) -> Journal:
    """Open the journal that the options on the command line select. Raises any error; `silent_on_error` drops it.

    The options are read from the parser, not from `Common`, because the options of `Common` refer to this module.
    """
    from scaicore_tui.config import Flags, load_settings
    from scaicore_tui.store import Journal
    from scaicore_tui.store.locate import journal_to_read

    given: dict[str, Any] = {}
    for context in (ctx.parent, ctx):
        values = context.params if context is not None else {}
        given |= {name: value for name, value in values.items() if value is not None and value is not False}
    if "no_journal" in given:
        raise UsageError("--no-journal leaves no journal to complete from")
    if "journal" in given:
        return Journal.open_readonly(Path(given["journal"]))
    target = load_settings(Flags(**{name: given[name] for name in Flags.__struct_fields__ if name in given})).target()
    if target is None:
        raise ConfigError("no API is set")
    return Journal.open_readonly(journal_to_read(target))
