"""What a person may write, and what came of it: gate, submissions, the one place that sends."""

from scaicore_tui.actions.ledger import Ledger
from scaicore_tui.actions.submission import Kind, Progress, Submission, answer_many, latest_by_target
from scaicore_tui.actions.submit import Submitter
from scaicore_tui.actions.tracker import SubmissionTracker

__all__ = [
    "Kind",
    "Ledger",
    "Progress",
    "Submission",
    "SubmissionTracker",
    "Submitter",
    "answer_many",
    "latest_by_target",
]
