"""Several checkpoints answered alike, one after the other, each once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from scaicore_tui.actions.submission import Progress, Submission


async def answer_each(
    answer: Callable[[str], Awaitable[Submission]], checkpoint_ids: Sequence[str], *, cautious: bool = True
) -> list[Submission]:
    """Call `answer` with each id in turn; returns what became of those sent.

    `cautious` stops behind the first that was neither accepted nor confirmed. What could not even be sent ends it in
    any case, by raising what `answer` does.
    """
    sent: list[Submission] = []
    for checkpoint_id in checkpoint_ids:
        sent.append(await answer(checkpoint_id))
        if cautious and sent[-1].progress not in (Progress.ACCEPTED, Progress.CONFIRMED):
            break
    return sent
