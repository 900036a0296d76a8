"""What a person may write, and what came of it: gate, submissions, the one place that sends."""

from scaicore_tui.actions.ledger import Ledger
from scaicore_tui.actions.outcomes import Outcomes
from scaicore_tui.actions.several import answer_each
from scaicore_tui.actions.submission import Kind, Progress, Submission, latest_by_target
from scaicore_tui.actions.submit import Submitter

__all__ = ["Kind", "Ledger", "Outcomes", "Progress", "Submission", "Submitter", "answer_each", "latest_by_target"]
