"""What a person may write, and what came of it: gate, submissions, the one place that sends."""

from scaicore_tui.actions.submission import Kind, Progress, Submission
from scaicore_tui.actions.submit import Submitter

__all__ = ["Kind", "Progress", "Submission", "Submitter"]
