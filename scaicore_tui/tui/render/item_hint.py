"""The line of the inbox that says what Enter would send, to how many checkpoints and to which target. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from scaicore_tui.actions import Progress, Submission
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.text import display_name, one_line, quote
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.notices import progress_colour, progress_words
from scaicore_tui.tui.render.line import Span

MAX_NAMED, MAX_NAME_CELLS = 2, 48


class Choice(Struct, frozen=True):
    """An option that was chosen for one or several checkpoints, and is not sent yet."""

    checkpoints: tuple[Checkpoint, ...]
    option: Option

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.checkpoints)

    @property
    def number(self) -> int:
        """The digit of the option; 0 if it has none."""
        options = [option.id for option in self.checkpoints[0].answers]
        return options.index(self.option.id) + 1 if self.option.id in options else 0

    @property
    def words(self) -> str:
        """The option and what it answers, for a message."""
        return f"{display_name(self.option.name)} for {named(self.checkpoints)}"


def named(checkpoints: Sequence[Checkpoint]) -> str:
    """Return what the first checkpoints ask, quoted, and how many others there are."""
    names = [quote(asked_words(row), MAX_NAME_CELLS) for row in checkpoints[:MAX_NAMED]]
    left = len(checkpoints) - len(names)
    return ", ".join(names) + (f" and {left} more" if left else "")


def choice_spans(choice: Choice, target: Sequence[Span], key: str) -> Iterator[Span]:
    """Yield `2 Reject chosen · enter sends it to 8 checkpoints · prod · “…”`; `target` names the profile."""
    number = f"{choice.number} " if choice.number else ""
    yield f"{number}{display_name(choice.option.name)}", "accent strong"
    yield " chosen · ", "text"
    yield f"{key} sends it", "text"
    if len(choice.checkpoints) > 1:
        yield f" to {len(choice.checkpoints):,} checkpoints", "text strong"
    yield from target
    yield f" · {named(choice.checkpoints)}", "text"


def state_spans(answer: Submission) -> Iterator[Span]:
    """Yield the state of an answer that was given before, with the reason; if nothing was sent, how to try again."""
    yield progress_words(answer), f"{progress_colour(answer.progress)} strong"
    if answer.progress is Progress.NOT_SENT and answer.resolution:
        yield f" · {key_name('send', KeyContext.INBOX)}: try again with {display_name(answer.resolution)}", "text"
    if answer.message and answer.progress not in (Progress.SENDING, Progress.CONFIRMED, Progress.ACCEPTED):
        yield f" · {one_line(answer.message)}", progress_colour(answer.progress)
