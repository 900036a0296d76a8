"""Several checkpoints answered alike, one after the other, each once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from scaicore_tui.actions.submission import Progress, Submission
from scaicore_tui.errors import ScaicoreError


async def answer_each(
    answer: Callable[[str], Awaitable[Submission]], checkpoint_ids: Sequence[str], *, cautious: bool = True
) -> list[Submission]:
    """Call `answer` with each id in turn; return what became of those sent.

    `cautious` stops behind the first that was neither accepted nor confirmed: one that could not be sent ends it by
    raising what `answer` does. Without it the others are sent all the same.
    """
    sent: list[Submission] = []
    for checkpoint_id in checkpoint_ids:
        try:
            sent.append(await answer(checkpoint_id))
        except ScaicoreError:
            if cautious:
                raise
            continue
        if cautious and sent[-1].progress not in (Progress.ACCEPTED, Progress.CONFIRMED):
            break
    return sent
