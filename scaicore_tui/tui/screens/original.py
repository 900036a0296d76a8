"""What a replay would run again, as lines to read: what it costs, and what of it is not known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.text import compact, named, wrap
from scaicore_tui.tui.paint import Piece, Pieces
from scaicore_tui.tui.replays import Original

WARNING = "A replay is a new run. Its model and plugin calls happen again: they cost, and what they change, changes."


def original_lines(original: Original, width: int) -> list[Pieces]:
    """Warnings and facts, wrapped to `width` cells."""
    notes = [*_of_input(original), (WARNING, "amber"), *_of_entity(original), _facts(original)]
    return [[(line, colour)] for words, colour in notes for line in wrap(words, width)]


def _of_input(original: Original) -> Iterator[Piece]:
    run = original.run
    if run.is_input_truncated:
        yield "Its input was cut off on its way: what is shown is not all of it, and can't go as it is.", "red"
    elif not run.has_input:
        reason = "the feed began after its start" if run.joined_late else "its start told none"
        yield f"Its input was not captured: {reason}. Write one of your own.", "red"


def _of_entity(original: Original) -> Iterator[Piece]:
    """What is not known of whom it ran for. That an instance and an entity are the same is nowhere written."""
    instance = original.run.instance_key
    if original.entity:
        return
    if original.entity_id is not None:
        yield f"Its entity {named(compact(original.entity_id))} can't be filled in as it is: type it below.", "amber"
    elif instance is not None:
        yield (
            f"It ran as instance {named(instance)}; its entity is not known. Name it below if it had one.",
            "amber",
        )
    else:
        yield "Its instance and its entity are not known. Name one below if it had any.", "amber"


def _facts(original: Original) -> Piece:
    run = original.run
    return f"Core {named(run.core_id or '?')} · input of run {named(run.execution_id)}", "grey"
