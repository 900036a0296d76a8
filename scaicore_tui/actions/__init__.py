"""Write actions: preconditions (`gate`), submissions and their tracking, and the ledger. Only `submit` sends POSTs."""

from scaicore_tui.actions.ledger import Ledger
from scaicore_tui.actions.submission import Kind, Progress, Submission, answer_many, latest_by_target
from scaicore_tui.actions.submit import Submitter
from scaicore_tui.actions.team import Team
from scaicore_tui.actions.tracker import SubmissionTracker

__all__ = [
    "Kind",
    "Ledger",
    "Progress",
    "Submission",
    "SubmissionTracker",
    "Submitter",
    "Team",
    "answer_many",
    "latest_by_target",
]
